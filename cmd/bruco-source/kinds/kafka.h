/*
 * The kafka kind's own state, shared by its files:
 *   kafka.c                 the client, taking records
 *   kafka_settings.c        what the client is told
 *   kafka_fetch.c           asking it for what it has fetched
 *   kafka_flow.c            records that wait for their lanes; which partitions are paused, and
 *                           when the client is asked
 *   kafka_rebalance.c       assignments and rebalances
 *   kafka_start_offsets.c   where each partition starts (pinned) and, with -e, ends
 *   kafka_commit.c          committing the contiguous frontiers, and only these
 *   kafka_cut.c             with exactlyOnce: what the sink is to commit
 *   kafka_metadata.c        what the group is to remember, in the metadata of its commits
 *   kafka_member.c          membership of the group: as whom, waiting for it, leaving it
 *   kafka_topics.c          topics that don't exist: waiting for them
 *   kafka_no_group.c        reading without a group: all partitions are this client's, no commits
 *   kafka_list.c            what the cluster has (-L)
 *   kafka_board.c           what the board shows of each partition
 */
#ifndef BRUCO_SOURCE_KINDS_KAFKA_H
#define BRUCO_SOURCE_KINDS_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-source/backlog.h"
#include "bruco-source/partition.h"
#include "bruco-source/source.h"
#include "kafka/client.h"
#include "kafka/health.h"

struct kafka_partition {
	struct partition base;
	struct kafka_topic *topic;
	int64_t committed;           /* what the broker has taken in this assignment, -1: nothing */
	int64_t committing;          /* what is on its way there, -1: nothing */
	uint64_t attempts_committed; /* versions of base.attempts, in the same way */
	uint64_t attempts_committing;
	uint32_t begun_committed; /* kafka.begun, in the same way; 0: not told yet */
	uint32_t begun_committing;
	int64_t refused; /* what the broker will never take, -1: nothing; and with it: */
	uint64_t attempts_refused;
	uint32_t begun_refused;
	bool refusal_logged; /* in this assignment */
	int64_t end; /* -e: stop at this offset, -1: not known */
	bool at_end; /* -e: reached */
	int64_t passed; /* nothing is to come before this offset, which the tracker is told when
			   nothing waits before it; 0: it knows */
	bool at_tail;   /* the client handed out last its end or an error, no record */
	int64_t position;  /* the offset behind the newest record that was admitted or passed */
	int64_t newest_ms; /* the timestamp of the newest record that was dispatched, -1: none */
	int64_t end_answered; /* the partition's end, as a broker has answered last; -1: not known */
	int64_t shown;     /* the frontier that the board showed, */
	int64_t moved_ms;  /* and clock_ms when it was another, or nothing was to be done */
	bool user_paused;  /* the user has paused it */
	bool paused;
	bool waits; /* it is among kafka.waiting */
	struct backlog backlog;
};

struct kafka_topic {
	char *name;                          /* or a pattern of source.topics, which has no partitions */
	const void *handle;                  /* the client's, to find it fast */
	struct kafka_partition **partitions; /* by number; NULL: never assigned */
	int32_t partition_count;
	rd_kafka_topic_t *consumed; /* without a group; NULL: not yet */
	int32_t initial_partitions; /* when the group began with it, -1: not known yet; those that
				     * came later start at their beginning */
	bool begun;   /* the group has begun with it, or waits for it: without a commit it is new */
	bool foreign; /* there are commits, but none of ours: another client's group */
};

enum kafka_phase {
	PHASE_STEADY,
	PHASE_ASSIGNING, /* an assignment waits for its start offsets */
	PHASE_REVOKING   /* what is under way is drained before the partitions are given up */
};

enum { KAFKA_COMMIT_MS = 500 }; /* between commits, and before one after a refusal */

enum { BATCH_MAX = 256 }; /* few enough to be in the processor's cache when they are taken */

/* librdkafka before 2.2 has no fetch.queue.backoff.ms. */
#define KAFKA_FETCH_SLEEPS (rd_kafka_version() < 0x02020000)

/* Limits of the client's queue and the backlogs, from source.prefetch. */
struct kafka_prefetch {
	int64_t records, bytes; /* in the client's queue; it fetches below both */
	int64_t request;        /* bytes that it asks for at once */
	size_t backlog;         /* bytes, all backlogs together */
};

struct kafka_source {
	struct kafka_health health; /* first: it is the client's opaque */
	struct source *source;
	rd_kafka_t *client;
	rd_kafka_queue_t *queue;
	char *cluster; /* the cluster's id, which records carry; NULL: not known yet */
	uint32_t cluster_length;
	rd_kafka_message_t *batch[BATCH_MAX]; /* fetched together; [batch_at, batch_end) are
						 not admitted yet */
	size_t batch_at, batch_end;
	int event_fd;
	struct kafka_topic **topics; /* each stays where it is: records under way point into it */
	size_t topic_count;
	struct kafka_topic *last_topic; /* of the newest message; NULL: there was none */
	uint32_t begun; /* 1 + the topics that are marked begun; a commit that knows fewer is old */
	enum kafka_phase phase;
	rd_kafka_topic_partition_list_t *assigning;
	unsigned assign_tries; /* of this assignment */
	int64_t assign_since;  /* clock_ms of the first of them */
	struct reminder put_off; /* of the lines that say why it can't start yet */
	int64_t deadline;    /* of PHASE_REVOKING; of the next try in PHASE_ASSIGNING */
	int64_t commit_due;  /* clock_ms */
	uint64_t blamed;     /* lanes.blame.count at the last commit: each is told at once */
	bool commit_pending; /* its answer has not come yet */
	int64_t commit_again; /* clock_ms; after a refusal none is sent before */
	rd_kafka_resp_err_t commit_error; /* of the last one, if that may pass */
	bool commit_apart;    /* each topic alone, since one of them was refused */
	size_t commit_topic;  /* then: which one is next */
	_Atomic unsigned closed; /* exactly once: connections, so far; */
	unsigned closed_before;  /* and when starts were first committed for this assignment, or for one before it */
	bool starts_committed;   /* that came to nothing; if they were */
	void *member;         /* exactly once: as whom the assignment was given, NULL: not known */
	size_t member_size;
	char *identity;       /* made from the driver's; NULL: configured, or none */
	char session_seconds[16];
	int64_t subscribed_at; /* clock_ms */
	bool joined;           /* partitions were assigned, or none because there are none left */
	bool patience_said;
	int64_t look_at; /* clock_ms: for partitions that are nobody's; 0: not yet */
	bool looked;
	struct kafka_partition **waiting; /* those that have a backlog or are paused for one, the next
					     to be served first */
	size_t waiting_count;
	size_t backlog_bytes; /* of all of them */
	unsigned first_queue; /* counts, for the turns of the lanes that wait */
	bool hold;            /* the client is not asked: nobody could take what it has */
	bool watch;           /* time alone may change that, or what is paused */
	struct kafka_prefetch prefetch;
	int64_t emptied;      /* clock_ms: when the client had nothing more; and since then: */
	int64_t handed_records, handed_bytes; /* that it has handed out */
	bool more;           /* the last work() stopped at its budget, not at an empty queue */
	bool stopped;        /* all partitions were paused for the drain */
	bool closing;        /* the group is being left */
	int idle_told;       /* partitions when idle workers were last spoken of */
	bool *absent;        /* of source.topics, by index: it doesn't exist; NULL: all do */
	size_t absent_count;
	struct reminder absent_reminder;
	bool has_patterns;   /* among source.topics */
	struct reminder trouble; /* of an error that may pass: "cannot consume yet" */
	uint64_t trouble_text;   /* hash: another one is said at once */
	uint64_t trouble_place;  /* of the partition; 0: of none */
	struct kafka_ends *ends; /* kafka_board.c's; NULL: nobody looks */
	struct buf headers;
};

struct kafka_topic *kafka_topic(struct kafka_source *kafka, const char *name);

/* The partition of a message if it is assigned now, or NULL. The message must have a topic. */
struct kafka_partition *kafka_partition_of(
	struct kafka_source *kafka, const rd_kafka_message_t *message);
struct kafka_partition *kafka_partition(struct kafka_source *kafka, const char *topic, int32_t id);

/* Calls visit for each partition that is assigned now. */
void kafka_each(struct kafka_source *kafka,
	void (*visit)(struct kafka_source *kafka, struct kafka_partition *partition, void *argument),
	void *argument);

/* Whether records may be taken: neither a stop nor a rebalance is under way. */
static inline bool kafka_admits(const struct kafka_source *kafka)
{
	return source_taking(kafka->source) && kafka->phase == PHASE_STEADY;
}

static inline bool kafka_has_group(const struct kafka_source *kafka)
{
	return kafka->source->config->source.use == USE_GROUP;
}

/* kafka.c */
void kafka_subscribe(struct kafka_source *kafka); /* to the configured topics; again: rejoins the group */
void kafka_refused(struct kafka_source *kafka, int status, const char *why); /* ends, or drains and ends */

/* Fills in `cluster`, once the client knows it; waits for that. */
void kafka_learn_cluster(struct kafka_source *kafka, int wait_ms);

/* Encodes a message into its lane and destroys it. False: there is no room, and it is still
 * the caller's. */
bool kafka_dispatch(struct kafka_source *kafka, struct kafka_partition *partition,
	rd_kafka_message_t *message, const struct waiting *waiting);

/* kafka_settings.c; `answers`: for kafka_check, else NULL */
rd_kafka_conf_t *kafka_settings(const struct source_config *source, const char *identity,
	struct kafka_answers *answers);
struct kafka_prefetch kafka_prefetch(const struct source_config *source);

/* kafka_fetch.c: the next batch. False: the client has nothing. */
bool kafka_fetch(struct kafka_source *kafka);

/* kafka_flow.c */

/* A message of an assigned partition: into its lane, or into the partition's backlog. */
void kafka_flow_admit(
	struct kafka_source *kafka, struct kafka_partition *partition, rd_kafka_message_t *message);

/* Tells the tracker partition->passed, now or when the backlog is empty. */
void kafka_flow_passed(struct kafka_partition *partition);

/* Moves from the backlogs into the lanes what has room there, then decides which partitions are
 * paused and whether the client is asked. */
void kafka_flow_work(struct kafka_source *kafka, int64_t now);

/* No more may be taken: lets go of what waits and need not be run before a stop. */
void kafka_flow_stop(struct kafka_source *kafka);

/* Whether the user has paused the partition; and source_kind's pause: the same for all. */
void kafka_flow_ask_user(struct kafka_source *kafka, struct kafka_partition *partition);
void kafka_pause(void *state);

/* Its lane is another one, or records go by another ordering: what waits gets the queues for that. */
void kafka_flow_spread(struct kafka_source *kafka, struct kafka_partition *partition);
void kafka_flow_pause(struct kafka_source *kafka, struct kafka_partition *partition, bool pause);

/* The assignment ends: drops all that waits of the partition, and it is no longer paused. */
void kafka_flow_drop(struct kafka_source *kafka, struct kafka_partition *partition);

/* kafka_board.c: source_kind's show; and to be called when the assignment has changed. */
void kafka_show(void *state, struct board *board);
void kafka_board_assigned(struct kafka_source *kafka);

/* kafka_topics.c */
void kafka_absent(struct kafka_source *kafka, const char *name); /* the client says so */
void kafka_present(struct kafka_source *kafka, const char *name);
/* Calls `visit` for each topic that there is and that source.topics names or matches. False: no broker has
 * answered. */
typedef void visit_topic(struct kafka_source *kafka, const char *name, int32_t partitions, void *argument);
bool kafka_each_topic(struct kafka_source *kafka, visit_topic *visit, void *argument);
/* Whether the group has begun with a pattern that this topic matches; and it has. */
bool kafka_pattern_begun(struct kafka_source *kafka, const char *name);
void kafka_mark_patterns(struct kafka_source *kafka, const char *name);
void kafka_absent_work(struct kafka_source *kafka, int64_t now);

/* kafka_rebalance.c */
void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque);
void kafka_spread(void *state); /* source_kind's */
void kafka_assign_work(struct kafka_source *kafka, int64_t now); /* goes on with what is under way */
void kafka_assign_give_up(struct kafka_source *kafka); /* all partitions, at once */

/* kafka_start_offsets.c: fills in where each partition of a new assignment starts, and with -e ends. A
 * partition whose topic stays missing is taken out of the list. */
rd_kafka_resp_err_t kafka_pin(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list);
/* Exactly once: whether a commit of starts may have been sent twice, since a connection was lost. */
bool kafka_pins_repeated(const struct kafka_source *kafka);
/* Where source.offset says that this partition starts. */
rd_kafka_resp_err_t kafka_resolve(struct kafka_source *kafka, rd_kafka_topic_partition_t *entry);
/* How many partitions a topic has, asked anew. */
rd_kafka_resp_err_t kafka_count_partitions(struct kafka_source *kafka, const char *topic, int32_t *count);
bool kafka_is_missing(rd_kafka_resp_err_t error); /* there is no such topic, or partition */
rd_kafka_resp_err_t kafka_find_ends(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list);
void kafka_topic_missing(struct kafka_source *kafka, const char *name); /* there is none of that name */

/* kafka_no_group.c */
rd_kafka_queue_t *kafka_no_group_open(struct kafka_source *kafka); /* the queue of its records */
/* All partitions that are to be read, and where each starts; an error: not yet. */
rd_kafka_resp_err_t kafka_no_group_pin(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list);
/* What rd_kafka_assign does for a group; NULL: gives them up. */
rd_kafka_resp_err_t kafka_no_group_assign(
	struct kafka_source *kafka, const rd_kafka_topic_partition_list_t *list);

/* kafka_list.c: source_kind's list */
int kafka_list(struct config *config, bool as_json);

/* kafka_commit.c */
void kafka_on_commit(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque);
/* Starts a commit if there is something to commit, none is pending and the last one was not refused
 * a moment ago. */
void kafka_commit_start(struct kafka_source *kafka);
/* Whether all frontiers are with the broker, but for those that it will never take. */
bool kafka_commit_settled(struct kafka_source *kafka);
/* Whether nobody is left who could commit: exactly once, without the sink. */
bool kafka_commit_is_over(const struct kafka_source *kafka);
/* Whether the broker lacks the newest frontier of an assigned partition. */
bool kafka_commit_lacks(struct kafka_source *kafka, struct kafka_partition *partition);

/* What is to be committed now, of all partitions; they are on the way then. */
void kafka_commit_collect(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list);
/* What was on the way of this partition is committed. */
void kafka_commit_taken(struct kafka_source *kafka, struct kafka_partition *partition);

/* kafka_cut.c: source_kind's cut and committed */
bool kafka_cut(void *state, struct buf *out);
void kafka_cut_committed(void *state);
/* The assignment begins. */
void kafka_cut_begin(struct kafka_source *kafka);
/* There is something to commit. */
void kafka_cut_want(struct kafka_source *kafka, bool attempts_changed);
/* Ends the program: a partition was given up of which something is not committed. */
_Noreturn void kafka_cut_torn(struct kafka_source *kafka);

/* kafka_member.c */
/* The group.instance.id: the configured one, one that lives as long as the driver, or NULL. */
const char *kafka_member_identity(struct kafka_source *kafka);
/* Ends the program if another instance has joined in our place. */
void kafka_member_check_fenced(struct kafka_source *kafka);
/* Logs what the source waits for when the group takes long; after it took over a place, looks for
 * partitions that belong to nobody. */
void kafka_member_work(struct kafka_source *kafka, int64_t now);
/* Before the client is closed: leaves the group, unless the place is kept for a successor. */
void kafka_member_leave(struct kafka_source *kafka);

/*
 * kafka_metadata.c. The metadata of a commit is
 *
 *   bruco partitions=N[ topics=HASH[,HASH...]][ attempts=...]
 *
 * N: as many as the topic had when the group began with it. Hashes: of the names of other topics
 * that the group has begun with or waits for; such a topic without a commit was made later, or made
 * anew, so that all of it is new to the group. Attempts: see lane/attempts.h.
 */
enum { METADATA_TOPICS_MAX = 32 };

void kafka_metadata_write(struct kafka_source *kafka, rd_kafka_topic_partition_t *entry,
	const struct kafka_topic *topic, const struct attempts *attempts);

/* N; -1: the commit is another client's. */
int32_t kafka_metadata_initial_partitions(const rd_kafka_topic_partition_t *entry);

/* Marks the topics that the metadata names as begun. */
void kafka_metadata_read_topics(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry);
void kafka_mark_begun(struct kafka_source *kafka, struct kafka_topic *topic);

/* Whether this metadata says all that a commit would say now, attempts aside. */
bool kafka_metadata_told(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry,
	const struct kafka_topic *topic);

#endif
