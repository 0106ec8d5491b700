/*
 * What came out of the recorded events of a file, or what shall come out: lines of text, in order,
 * each from one record. Two forms, and a file's name says which it has:
 *
 *   .json    an output a line, as it would go to the sink, without what is not given:
 *            {"key": "k", "value": "text"}; an event that failed: {"failed": "ValueError: bad id"}
 *   .lines   the outputs' values only, a newline behind each
 */
#ifndef BRUCO_TESTING_OUTCOMES_H
#define BRUCO_TESTING_OUTCOMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "frame/frame.h"

struct outcome {
	uint64_t record; /* from 1; 0: unknown, the line was read from a file */
	bool failed;
	char *line; /* without its newline, with a NUL behind; there may be others in .lines */
	size_t length;
};

struct outcomes {
	bool values; /* the form: .lines */
	struct outcome *items;
	size_t count;
	size_t failures; /* events */
};

void outcomes_reset(struct outcomes *outcomes); /* keeps the form */
void outcomes_add(struct outcomes *outcomes, uint64_t record, const struct frame_record *output);
void outcomes_add_failed(
	struct outcomes *outcomes, uint64_t record, const char *error, size_t length);

/* A failed frame: the error is its last header bruco-error. */
void outcomes_add_failed_frame(
	struct outcomes *outcomes, uint64_t record, const struct frame_record *failed);

/* Forgets the outcomes of all records after that one. */
void outcomes_keep(struct outcomes *outcomes, uint64_t last_record);

/* Reads a file in the form that its name says. JSON is normalised, so that order of keys and blanks
 * don't matter. 0, or an exit status with the mistake on stderr. */
int outcomes_read(struct outcomes *outcomes, const char *path);

/* All lines, as outcomes_read reads them; in .lines failed events are left out. */
void outcomes_write(const struct outcomes *outcomes, struct buf *out);

#endif
