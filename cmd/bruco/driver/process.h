/*
 * One stage as a process: started with its control socket, its page and its own part of the
 * configuration; what it says is relayed; messages to it wait until there is room. Judges nothing.
 */
#ifndef BRUCO_DRIVER_PROCESS_H
#define BRUCO_DRIVER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/spawn.h"
#include "bruco/driver/role.h"
#include "bruco/driver/wall.h"
#include "bruco/log/stage_output.h"
#include "config/config.h"
#include "control/messages.h"
#include "stats/page.h"

/* How long a process may take to be gone after SIGKILL: one that waits for a disk or a network file
 * system, or that a debugger holds, can take for ever. */
enum { KILL_MS = 10000 };

/* What all starts of a role have in common; made once. */
struct launch {
	char *programs[ROLE_COUNT];       /* files to execute */
	struct buf documents[ROLE_COUNT]; /* each one's part of the configuration */
	char **environments[ROLE_COUNT];
	bool confined;    /* the workers, see spawn */
	struct user user; /* who runs them; without a name: this process's own */
	struct wall wall;
	char *python; /* what processor.python names; NULL: nothing */
	uint32_t lanes;
	uint32_t source_flags; /* HELLO_* */
	uint64_t identity;     /* this driver's, at random; not 0 */
	struct rlimit files;   /* RLIMIT_NOFILE for the handlers: as we were given it */
	char *oom_score;       /* for the workers: they are to die first */
	int null_fd;
};

/* The path of one of Bruco's programs: beside this one, else in PATH. Ends the program with status
 * 69 when there is none. The caller frees it. */
char *launch_program(const char *name);

/* What processor.isolation means here, for people; the caller frees it. */
char *launch_isolation(const struct config *config);

/* Starts a worker as this says, behind the walls of its level. As spawn. */
pid_t launch_worker(const struct launch *launch, const struct spawn *what);

/* Whether so many workers need more open files than may be; `text` says so. */
bool launch_lacks_files(const struct config *config, char *text, size_t room);

/* `venv` is the handler's virtual environment, or NULL. Ends the program with status 69 when a
 * stage's program can't be found, with 78 when the limit of open files is too low for that many
 * workers. */
void launch_init(
	struct launch *launch, const struct config *config, const char *venv, bool stop_at_end);
void launch_release(struct launch *launch);

/* For a reload: a copy with what follows from another configuration, of which launch_forget releases
 * what the copy owns by itself; launch_adopt puts it in the place of the first one, with the documents
 * of `config`. */
void launch_copy(struct launch *copy, const struct launch *launch, const struct config *config,
	const char *venv);
void launch_forget(struct launch *copy);
void launch_adopt(struct launch *launch, struct launch *copy, const struct config *config);

/* In this order they are read: what a handler printed stands before its traceback. */
enum { PROCESS_PRINTED, PROCESS_PRINTED_ERRORS, PROCESS_LOG, PROCESS_OUTPUTS };

struct pending_message {
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count;
};

struct process {
	enum process_role role;
	char *name;  /* "bruco-source", "bruco-worker-0"; also for log lines */
	pid_t pid;   /* 0: there is no process */
	int control; /* -1: closed */
	int stacks;  /* a worker's file for its stacks; -1: none */
	struct page *page;
	struct board *board;            /* the source's; NULL: none */
	int64_t started_at;             /* ms */
	uint64_t starts;                /* of all processes so far */
	bool ready;                     /* for the driver to set */
	bool final;                     /* source, sink: it has said so; for the driver to set */
	bool killed;                    /* by us */
	int64_t killed_at;              /* ms, when for the first time */
	bool stuck;                     /* for the driver to set */
	struct pending_message *outbox; /* what the socket had no room for */
	size_t outbox_count;
	struct stage_output outputs[PROCESS_OUTPUTS];
};

void process_init(struct process *process, enum process_role role, uint32_t lane);
void process_release(struct process *process); /* of a stage without a process */

/* Starts the process and greets it. The descriptors (source, sink: the link; worker: in and out)
 * are closed here, whatever happens. 0, or -1 with errno. */
int process_start(struct process *process, const struct launch *launch, uint32_t lane,
	uint32_t life, const int *fds, size_t fd_count);

/* Sends now or later; the descriptors belong to the message and are closed when it is gone. */
void process_send(
	struct process *process, const struct message *message, const int *fds, size_t fd_count);
void process_flush(struct process *process);

/* SIGKILL; with a worker all that is in the process group that it was started in, which it may have
 * left. */
void process_kill(struct process *process);

/* When it should be gone at last, ms; -1: it was not killed. */
int64_t process_kill_deadline(const struct process *process);

/* After waitpid(2), or of one that does not die: reads out what it said, closes everything; returns
 * what it was doing. */
struct page_snapshot process_reaped(struct process *process, struct relay *relay);

#endif
