/* clang-format off */
/*
 * The messages between the driver and its processes (on a control socket each) and between sink and
 * source (on the link): small fixed structs, with descriptors riding along. No process ever blocks on
 * a message. The driver's are few, and the sink keeps the newest acknowledgement of each lane until
 * the link has room.
 *
 * Under the driver a process inherits one descriptor beyond 0-2, its control socket, named by the
 * option --driver FD. All others come with the first message, HELLO.
 *
 * driver -> source, sink, worker
 *   HELLO    how to log, how many lanes, which worker of which life, and the descriptors below; to
 *            the source also the driver's identity (`seq`), the same at all starts of the source
 *   LANE     to the sink: the lane's life before `life` ended as `status` and `page` say (life 0:
 *            there was none before). With the write end and the read end of the new worker's pipes;
 *            without descriptors the lane gets no worker any more
 *   START    to the source: all others are ready, connect and begin. So the source does not join its
 *            consumer group for a handler that can't start. `depth` is the workers'
 *   PAUSES   to the source, at each change and before START: all that the user has paused, a text as
 *            pauses.h has it, in a memory file. `seq` counts them
 *   DRAIN    to the source: dispatch nothing more, finish what is under way, leave the group, end.
 *            Flagged DRAIN_RESTART: keep the place in the group for the successor.
 *            To a worker: no pause before another attempt any more, end there; no recycling either
 *   RETIRE   to a worker: end between two events, as with maxEvents. The page's `retire` says so too, for
 *            a worker that is busy; the message wakes up one that waits
 *   POLICY   to source and sink: from now on `depth` is the workers', `page.attempt` the processor's
 *            retry.attempts, `flags` its onFailure (enum on_failure); `page.first` is rateLimit in records
 *            an hour, `page.last` rateBurst
 *   LANES    to the source: spread the records over the first `lanes` lanes, by the ordering in `flags`, as
 *            soon as nothing is under way in any. Lanes that there were not have come by LANE and RESUME
 *            before. With `seq` for the answer
 *   TAP      to source and sink: somebody looks at the records that pass here. With the write end of a
 *            pipe and a page that says which (tap/taps.h). The driver keeps neither
 *
 * source, sink, worker -> driver
 *   READY    the worker has initialised (`depth`: so many events are in its hands at once), the source
 *            has joined its group, the sink is connected
 *   CLOSING  from the source: all is acknowledged and committed, it will close the lanes
 *   PAUSED   from the source: it obeys PAUSES number `seq`; of what is paused nothing more is taken
 *   LANES    from the source: from now on it spreads the records over so many `lanes`, and nothing was under
 *            way at that moment; `seq` is the request's
 *   FINAL    from source or sink: if it ends with 75, a new start would do no better. From a sink at its end
 *            also: it has something to do yet, which fails if it is killed
 *   BROKEN   from sink or source: life `life` of the lane sent an invalid frame, or answered what it had
 *            not been given; kill that worker
 *   RECYCLE  from a worker: maxEvents or maxMemory is reached, or it is to retire, all outputs are
 *            written, it ends now; start a successor
 *   ATTEMPT  from a worker: event `seq` has been begun `page.attempt` times, and another attempt
 *            follows after a pause. The driver passes it on to the source with the lane, or drops it
 *
 * sink -> source, on the link
 *   ACK      for some lanes: all up to `seq` is delivered or had no output. All up to `read` is out of
 *            the worker's hands: the sink has read its outputs whole. The source goes by `read` to give
 *            a worker no more than it can do soon, and for nothing else
 *   RESUME   as LANE, with the last input of the old life that the sink has read whole (`seq`), and
 *            the write end of the new worker's pipe; without a descriptor the lane is gone
 *   END      all lanes have ended, and all acknowledgements that will come have been sent
 *   CUT      exactly once: all inputs that the sink has taken are acknowledged, and it takes no more. The
 *            source is to say what is to be committed with them
 *   COMMITTED exactly once: what the last OFFSETS said is committed, with the outputs
 *
 * source -> sink, on the link
 *   ANSWERS  the source's kind answers whom a record came from (http): with the write end of a pipe that
 *            takes a frame for each output that kind reply gets, and one for each input that has failed.
 *            `seq` is the input's, `partition` its lane. An input's frames are in the pipe before its ACK is
 *            on the link
 *   WANT_CUT exactly once: there is something to commit, of which the sink may not know: a CUT at once. The
 *            next OFFSETS are the answer to each that came before them
 *   OFFSETS  the answer to CUT, with a memory file that holds what the kind says is to be committed. Without it
 *            the source refuses: a part of what the sink has taken is no longer its own
 */
/* clang-format on */
#ifndef CONTROL_MESSAGES_H
#define CONTROL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/sock.h"
#include "frame/limits.h"
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
	MESSAGE_ATTEMPT,
	MESSAGE_RETIRE,
	MESSAGE_POLICY,
	MESSAGE_TAP,
	MESSAGE_PAUSES,
	MESSAGE_PAUSED,
	MESSAGE_ANSWERS,
	MESSAGE_CUT,
	MESSAGE_COMMITTED,
	MESSAGE_WANT_CUT,
	MESSAGE_OFFSETS,
	MESSAGE_LANES,
	MESSAGE_FINAL,
	MESSAGE_TYPE_END /* one more than the last */
};

/* Descriptors of HELLO, in this order. */
enum {
	HELLO_CONFIG,
	HELLO_PAGE,
	HELLO_LINK,
	HELLO_GIVEN,
	HELLO_SOURCE_SINK_FDS,
	/* worker: */ HELLO_IN = 2,
	HELLO_OUT,
	HELLO_LOG,
	HELLO_STACKS, /* a file that takes the stacks when the driver asks for them */
	HELLO_WORKER_FDS
};

/* The signal, with sigqueue(3) and the number of the request, that asks a worker for its stacks. Real-time
 * signals are the ones that no system call and hardly any library uses (needs signal.h). */
#define SIGNAL_STACKS (SIGRTMIN + 7)
/* Descriptors of TAP, in this order. */
enum { TAP_FD_PIPE, TAP_FD_PAGE, TAP_FDS };

struct message {
	uint32_t type;
	uint32_t lane;  /* HELLO to a worker: its number */
	uint32_t life;  /* of the lane: counts its workers, from 0 */
	uint32_t lanes; /* HELLO: how many there are; LANES */
	uint32_t log_level;
	uint32_t log_format;
	uint32_t flags; /* HELLO_*, LANE_*, DRAIN_* below; POLICY; LANES */
	int32_t status; /* LANE, RESUME: as waitpid(2) gave it */
	uint32_t depth; /* READY, START: of a worker, 1 or the events of a batch or in flight */
	uint32_t reserved;
	uint64_t seq; /* ATTEMPT, RESUME, PAUSES, PAUSED, LANES; HELLO to a source: the driver's identity, not 0 */
	struct page_snapshot page;
};

enum {
	HELLO_STOP_AT_END = 1 /* source: -e */
};

enum {
	LANE_TIMED_OUT = 1 /* the driver killed that worker: an event ran longer than its timeout */
};

enum {
	DRAIN_RESTART = 1 /* source: it will be started again */
};

enum { MESSAGE_ACKS_MAX = LIMIT_LANES }; /* pairs in one ACK message: one a lane */

struct ack {
	uint32_t lane;
	uint32_t reserved;
	uint64_t seq;
	uint64_t read; /* seq or more */
};

/* 0, or -1 with errno as sock_send. */
int message_send(int fd, const struct message *message, const int *fds, size_t fd_count);

/* Sends up to MESSAGE_ACKS_MAX pairs in one message; the same results. */
int message_send_acks(int fd, const struct ack *acks, size_t count);

/* 1 for a message, 0 when the peer is gone, -1 with errno (EAGAIN: no message is there, EBADMSG:
 * what came is no valid message). With MESSAGE_ACK *acks points to static storage, valid until the
 * next call. The caller owns the descriptors. */
int message_receive(int fd, struct message *message, int fds[SOCK_FDS_MAX], size_t *fd_count,
	const struct ack **acks, size_t *ack_count);

#endif
