/*
 * The control sockets between the driver and each stage, and the link between sink and source:
 * small fixed messages, with descriptors riding along. Nobody ever blocks on one: the driver's
 * messages are few, the sink keeps the newest acknowledgement per lane until there is room.
 *
 * Under the driver a stage inherits one descriptor beyond 0-2, its control socket, named by the
 * option --driver FD. Everything else comes through it in the first message.
 *
 * driver -> stage
 *   HELLO   how to log, how many lanes, which worker of which life; descriptors below; to the
 *           source also the driver's identity (`seq`), which is the same in all its starts
 *   LANE    (sink only) lane's life `life` ended as `status`/`page` say (life 0: there was none
 *           before); descriptors: the write end and the read end of its successor's pipes, or
 *           none when there is no successor
 *   START   (source only) everybody else is ready: connect and begin. So a group is not joined
 *           for a handler that can't start
 *   DRAIN   source: dispatch nothing more, finish what is under way, then end, and leave the group
 *           unless flagged DRAIN_RESTART: the driver starts a successor, for which the place is
 *           kept; worker: no pause before another attempt any more, end there instead; no
 *           recycling either
 *
 * stage -> driver
 *   READY   worker: initialised; source: group joined; sink: connected
 *   CLOSING (source) all is acknowledged and committed; the lanes are about to be closed
 *   RECYCLE (worker) between two events, all outputs are written: it ends now, as
 * processor.maxEvents or maxMemory asks, and its lane is to have a successor BROKEN  (sink) lane's
 * life `life` sent something that is no frame of it: kill it
 *   ATTEMPT (worker) event `seq` has been begun `page.attempt` times, and another attempt follows
 *           after a pause. The driver passes it on to the source with the lane; it may be dropped
 *
 * sink -> source, on the link
 *   ACK     lane, seq: all up to seq is delivered or had no output; several to a message
 *   RESUME  as LANE, with r (`seq`), the last input that the sink has read whole from the old
 *           life; descriptor: the write end of the new one's pipe, or none: the lane is gone
 *   END     (sink) all lanes have ended and all acknowledgements that will come have been sent
 */
#ifndef CONTROL_MESSAGES_H
#define CONTROL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/sock.h"
#include "stats/page.h"

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_LANE,
	MESSAGE_START,
	MESSAGE_DRAIN,
	MESSAGE_READY,
	MESSAGE_CLOSING,
	MESSAGE_BROKEN,
	MESSAGE_ACK,
	MESSAGE_RESUME,
	MESSAGE_END,
	MESSAGE_RECYCLE,
	MESSAGE_ATTEMPT
};

/* Descriptors of HELLO, in this order. */
enum {
	HELLO_CONFIG,
	HELLO_PAGE,
	HELLO_LINK,
	HELLO_SOURCE_SINK_FDS,
	/* worker: */ HELLO_IN = 2,
	HELLO_OUT,
	HELLO_LOG,
	HELLO_WORKER_FDS
};

struct message {
	uint32_t type;
	uint32_t lane;  /* HELLO to a worker: its number */
	uint32_t life;  /* the lane's worker's life, from 0 */
	uint32_t lanes; /* HELLO: how many there are */
	uint32_t log_level;
	uint32_t log_format;
	uint32_t flags; /* HELLO_*, LANE_*, DRAIN_* below */
	int32_t status; /* LANE, RESUME: as waitpid(2) gave it */
	uint64_t seq;   /* ACK, RESUME; HELLO to a source: the driver's identity, not 0 */
	struct page_snapshot page;
};

enum {
	HELLO_STOP_AT_END = 1 /* source: -e */
};

enum {
	LANE_TIMED_OUT = 1 /* the driver killed that life: its event ran longer than its timeout */
};

enum {
	DRAIN_RESTART = 1 /* source: it will be started again */
};

enum { CONTROL_ACKS_MAX = 256 }; /* pairs in one ACK message */

struct ack {
	uint32_t lane;
	uint32_t reserved;
	uint64_t seq;
};

/* 0, or -1 with errno as sock_send. */
int control_send(int fd, const struct message *message, const int *fds, size_t fd_count);

/* 1 a message, 0 the peer is gone, -1 with errno (EAGAIN: nothing there; EBADMSG: not a message).
 * Acks: for MESSAGE_ACK, *acks points to static storage, valid until the next call. */
int control_receive(int fd, struct message *message, int fds[SOCK_FDS_MAX], size_t *fd_count,
	const struct ack **acks, size_t *ack_count);

/* Sends up to CONTROL_ACKS_MAX pairs in one message. */
int control_send_acks(int fd, const struct ack *acks, size_t count);

/* Waits (blocking, at most 10 s) for the first message of a stage under the driver, which must be
 * HELLO with exactly fd_count descriptors; sets level and format of the log. Ends the program with
 * status 75 when the driver is gone. */
void control_hello(int fd, struct message *message, int fds[SOCK_FDS_MAX], size_t fd_count);

#endif
