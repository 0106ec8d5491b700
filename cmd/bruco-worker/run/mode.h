/*
 * How the handler is called. There are three rooms, and read_loop.c reads and writes for them:
 *
 *      plain.c    handle_event: one event after the other
 *      batch.c    handle_batch: several events in one call
 *      scheduler.c  async def handle_event: several calls in flight on an event loop
 *
 * A function that returns int gives GO_ON, or the exit status with which the worker is to end,
 * having said why if it is not 0.
 */
#ifndef BRUCO_WORKER_RUN_MODE_H
#define BRUCO_WORKER_RUN_MODE_H

#include <Python.h>

#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/io/codec.h"
#include "bruco-worker/io/input.h"
#include "bruco-worker/io/output.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/run/failure.h"
#include "bruco-worker/run/invoke.h"
#include "bruco-worker/worker.h"

enum { GO_ON = -1 }; /* not an exit status */

struct loop {
	struct worker *worker;
	const struct handler *handler; /* NULL: records are copied */
	const struct codec *codec;
	uint32_t cap;
	struct input input;
	struct output *output;
	struct buf scratch; /* one event's, when they don't leave as frames */
	bool draining;      /* the driver has said so: no batch waits for more */
};

/* ---- read_loop.c */

int emit_flush(struct loop *loop);

/* After take() has said FRAME_BAD: what was given is written, and an exit status. */
int loop_bad_input(struct loop *loop, const char *why);

/* A frame that is not run: passed on, if it is one that leaves. */
void emit_frame(
	struct loop *loop, const uint8_t *frame, const struct frame_head *head, struct buf *out);

/* Appends loop->scratch, one event's outputs, in the format that leaves. 0, or -1 with an exception
 * set. */
int emit_scratch(const struct loop *loop, struct buf *out);

/* Appends what `result` makes of an event, in the format that leaves; a generator is run. The
 * number of outputs; or -1 with an exception set, nothing appended, and in *what how to begin its
 * line. */
int emit_result(struct loop *loop, struct event *event, PyObject *result, struct buf *out,
	const char **what);

/* ---- plain.c */

int plain_run(struct loop *loop, const uint8_t *frame, struct frame_record *record, int64_t now_ns);

/* ---- batch.c: takes a record into the batch, which is run when it is full */

int batch_take(
	struct loop *loop, const uint8_t *frame, const struct frame_record *record, int64_t now_ns);
int batch_run(struct loop *loop); /* what it holds, if anything */

int batch_prepare(void); /* 0, or -1 with an exception set */

unsigned batch_count(void); /* events that it holds */

/* Milliseconds until batch_run is due, 0: now; -1: the batch is empty. */
int batch_wait_ms(void);

/* ---- retry.c: what follows when an attempt fails, in place */

/* One attempt, number record->head.attempt: appends to out, or says in *failure why not. */
typedef enum attempt_end attempt_function(struct loop *loop, const uint8_t *frame,
	const struct frame_record *record, int64_t now_ns, struct buf *out,
	struct failure *failure);

/* All attempts at an event; after the last its failed frame, if onFailure wants one. */
int retry_run(struct loop *loop, attempt_function *attempt, const uint8_t *frame,
	struct frame_record *record, int64_t now_ns, struct buf *out);

/* The same when attempt number record->head.attempt has been made and ended so, with *failure,
 * which is released here. */
int retry_after(struct loop *loop, attempt_function *attempt, const uint8_t *frame,
	struct frame_record *record, enum attempt_end end, struct failure *failure,
	struct buf *out);

#endif
