/*
 * What the programs that a record passes do alike: begin, say that they are ready, receive messages,
 * and end at a signal. greeting.h and command.h are the two ways to be told what to do: by the driver
 * and by hand.
 */
#ifndef STAGE_STAGE_H
#define STAGE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/messages.h"
#include "tap/taps.h"

struct stage {
	int control; /* the driver's socket, -1 by hand */
	int signals; /* the descriptor of signals_init */
	bool ready;  /* announced */
	bool asked;  /* by hand: a signal has asked for the end */
};

/* A received message with its descriptors, which the caller owns, and, with MESSAGE_ACK, its pairs,
 * which are valid until the next call. */
struct received {
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count;
	const struct ack *acks;
	size_t ack_count;
};

enum receive_result {
	RECEIVE_MESSAGE,
	RECEIVE_NOTHING, /* no message is there now */
	RECEIVE_GONE     /* the peer has closed its end */
};

/* The first statement of main: signals as they are by default, descriptors 0 to 2 open, and the log
 * with the program's name. */
void stage_begin(const char *program);

/* Takes the signals. `driver` is the driver's socket, or -1 by hand. */
void stage_open(struct stage *stage, int driver);

/* Says once, to the driver or by hand to the debug log, that the stage is ready. */
void stage_ready(struct stage *stage);

/* Should this stage end with STATUS_TEMPFAIL, it is not to be started again. */
void stage_final(const struct stage *stage);

/* Ends a program whose start has waited for longer than maxWait for this: "topic 't' does not exist". */
_Noreturn void stage_waited(int64_t most_ms, const char *what);

/* Receives one message from `peer`, "the driver" for one. Ends the program when it is unreadable. */
enum receive_result stage_receive(int fd, const char *peer, struct received *received);

/* The same from the driver: true for a message, false when there is none. Ends the program with
 * status 75 when the driver is gone, since nobody would use what the stage does then. */
bool stage_receive_control(const struct stage *stage, struct received *received);

/* Adds the tap of a TAP message, which is received then. */
void stage_tap(struct taps *taps, const struct received *received);

/* Reads the signals that have come. By hand true when the first one asks for the end; the second one
 * ends the program. Under the driver always false: terminals and service managers signal every
 * process, and the driver decides. */
bool stage_asked_to_end(struct stage *stage);

#endif
