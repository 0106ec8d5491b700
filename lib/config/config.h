/*
 * The configuration: bruco.yaml(5) to structs. Reads YAML, resolves ${VAR}, checks everything and
 * reports all mistakes with file, line and column. Starts neither a Kafka client nor Python, so
 * that what only they can tell is asked of the stages (config_property_answers).
 *
 * Every program fills a struct config (defaults, then the file, then its flags) and hands the part
 * it needs to its stage. The driver writes each stage's own part, resolved, with config_dump, and
 * the stage reads it with config_load_fd: no stage sees another's credentials.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum config_section { /* which parts a program reads; it checks the form of the others only */
	SECTION_PROCESSOR = 1,
	SECTION_SOURCE = 2,
	SECTION_SINK = 4,   /* with deadLetter */
	SECTION_POLICY = 8, /* the processor without the keys that only workers need (env) */
	SECTION_DRIVER = 16, /* what the driver alone does (metrics) */
	SECTION_ALL = 23
};

struct config_place { /* a place in the file, or an override; all 0: none */
	/* All count from 1. */
	unsigned line;
	unsigned column;   /* in characters */
	unsigned override; /* the number of a --set; then there is no line */
};

/* What becomes of a record when a process dies or a request is repeated. */
enum guarantee { GUARANTEE_AT_LEAST_ONCE, GUARANTEE_EXACTLY_ONCE };

enum ordering { ORDERING_PARTITION, ORDERING_KEY, ORDERING_NONE };

struct setting { /* a name and a value, both owned */
	char *name;
	char *value;
	char *shown;      /* what is to be shown instead of the value (config/secrets.h), or NULL */
	char *shown_name; /* the same for the name */
	struct config_place place; /* of the name; line 0: the setting comes from a command line */
};

struct settings {
	struct setting *items;
	size_t count;
};

struct texts {
	char **items;
	size_t count;
};

/* What becomes of an event whose last attempt has failed. */
enum on_failure { FAILURE_STOP, FAILURE_SKIP, FAILURE_DEAD_LETTER };

/* The lowest level of what a handler and its libraries log; beyond HANDLER_LOG_AUTO those of
 * base/log.h, in its order. */
enum handler_log {
	HANDLER_LOG_AUTO, /* info for the handler's own logger, warning for libraries */
	HANDLER_LOG_ERROR,
	HANDLER_LOG_WARNING,
	HANDLER_LOG_INFO,
	HANDLER_LOG_DEBUG
};

/* What is done so that handlers reach no credentials. */
enum isolation { ISOLATION_NONE, ISOLATION_BASIC, ISOLATION_STRICT };

enum offset_kind { OFFSET_LATEST, OFFSET_EARLIEST, OFFSET_NUMBER, OFFSET_BEFORE_END, OFFSET_TIME };

struct start_offset {
	enum offset_kind kind;
	int64_t value; /* a number, or how far before the end, or milliseconds since 1970 */
};

/* What a source of kind kafka does. It has no key: flags of bruco-source change it. */
enum source_use {
	USE_GROUP,    /* reads as a member of its consumer group */
	USE_NO_GROUP, /* reads on its own, and commits nothing */
	USE_LIST      /* prints what the cluster has */
};

/* How records stand in a stream of bytes. */
enum record_format { RECORD_LINES, RECORD_JSON, RECORD_FRAMES };

/* Where a file is begun that was never read. */
enum file_start { START_EARLIEST, START_LATEST };

/* When the program of an exec source is started again after its end. */
enum program_restart { RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_NEVER };

/* What counts as delivered to the program of an exec sink: what was written to it, what it says so of, or what
 * it was given when it exits with 0. */
enum acknowledgement { ACKNOWLEDGE_WRITTEN, ACKNOWLEDGE_OK, ACKNOWLEDGE_EXIT };

enum { CONCURRENCY_MOST = 1024, BATCH_MOST = 10000 };

struct processor_config {
	bool present;
	char *handler_path; /* as it is to be opened: relative ones are joined to the config's
			       folder */
	char *module_name;
	struct config_place handler_path_place; /* for messages about the folder */
	struct config_place module_name_place;
	uint32_t workers; /* 1-256; `auto` is resolved to the processors available */
	enum ordering ordering;
	uint32_t retry_attempts; /* all calls, the first one included; at least 1 */
	int64_t retry_backoff_ms;
	int64_t retry_max_backoff_ms;
	/* Exception classes that are tried no second time: "ValueError", "module.Class"; the value
	 * is the name's place, "config.yaml:5:12", for those who look for the class. */
	struct settings retry_except;
	int64_t timeout_ms; /* the limit of one event; 0: none */
	enum on_failure on_failure;
	enum handler_log log_level;
	uint32_t concurrency;  /* most events in flight at once, for an async handler */
	uint32_t batch_size;   /* most events in a call of handle_batch */
	int64_t batch_wait_ms; /* how long a batch may fill after its first event */
	uint32_t max_events;   /* a worker is recycled after this many events; 0: never */
	int64_t max_memory;    /* a worker is recycled when it uses this many bytes; 0: never */
	int64_t limit_memory;  /* RLIMIT_DATA of a worker, bytes; 0: as inherited */
	uint32_t limit_files;  /* RLIMIT_NOFILE of a worker; 0: as inherited */
	char *python;          /* absolute: a virtual environment or a Python, see python.h; NULL: none */
	struct config_place python_place;
	struct settings env;
	enum isolation isolation;
	bool network; /* false: handlers get no sockets; needs ISOLATION_STRICT */
	char *user;   /* the name of the system's user who runs workers and pip; NULL: ours */
	struct config_place user_place;
	struct texts inherit_env; /* further variables of the driver's: NAME, PREFIX_* */
};

struct metrics_config {
	char *listen;           /* address:port of the HTTP endpoint; NULL: there is none */
	int64_t stall_after_ms; /* without progress, until the pipeline is not called ready */
};

/* How a kafka kind reaches its brokers, and as whom. */
struct security_config {
	/* The keys of `security`: value, shown and place; no name. Those not given have no value. */
	struct setting protocol, mechanism, username, password;
	struct setting ca, certificate, key; /* an absolute path, or PEM */
	/* A program that prints a token, and its arguments; no search for a path with a '/'. */
	struct texts token_command;
	/* What all these mean to librdkafka, but for what `properties` say themselves; follows from the
	 * file when that is loaded. */
	struct settings derived;
};

/* How a nats kind reaches its servers, and as whom. */
struct nats_config {
	char *servers; /* comma-separated */
	char *username, *password;
	char *token;
	char *credentials_file; /* a JWT and its seed, as nsc(1) writes them */
	char *nkey, *seed_file; /* a public key, and the file with its seed */
	char *ca, *certificate, *key; /* paths of PEM files */
};

struct partition_numbers {
	int32_t *items; /* owned by whom has set them */
	size_t count;
};

/* Fields of source and sink that their kind does not have keep their defaults. */
struct source_config {
	bool present;
	struct config_place place; /* of the key `source`, for messages about missing keys */
	char *kind;
	char *brokers; /* comma-separated */
	struct texts topics;
	char *consumer_group;
	struct start_offset offset;
	enum source_use use;
	struct partition_numbers partitions; /* with USE_NO_GROUP: which; none: all of them */
	char *group_instance_id; /* NULL: none */
	char *balance_strategy;  /* librdkafka's word: range or roundrobin */
	int64_t rebalance_timeout_ms;
	int64_t fetch_bytes;
	int64_t window;   /* bytes a lane */
	int64_t window_time_ms; /* of work a lane; 0: whatever the bytes are */
	int64_t prefetch; /* bytes */
	struct security_config security;
	struct settings properties;
	char *listen;     /* an address; NULL: all of this machine */
	uint32_t port;
	bool ignore_response;       /* answer when a record is taken, not when it is done */
	int64_t request_timeout_ms; /* for a whole request to arrive */
	int64_t queue_timeout_ms;   /* that a record may wait for room in a lane */
	uint32_t connections;       /* at once */
	char *health_path;          /* is answered without the handler; "none": no path is */
	char *certificate;          /* paths of PEM files, both or none */
	char *certificate_key;
	struct nats_config nats;
	char *subject;     /* may have wildcards */
	char *queue_group; /* NULL: each instance gets all messages */
	int64_t pending;   /* bytes of messages that wait for a lane */
	char *stream, *durable; /* of JetStream: both, or neither */
	int64_t ack_wait_ms;
	char *path; /* absolute; the name of a file, or a pattern for several */
	struct texts paths; /* by hand: these files instead */
	bool forgetful;     /* by hand: how far they are read is not remembered */
	enum record_format format;
	bool follow;
	enum file_start start;
	struct texts command; /* as token_command */
	struct settings program_env;
	enum program_restart restart;
};

/* When a file that is written is moved away. All 0: never, as far as that one goes. */
struct rotation {
	int64_t size;        /* bytes */
	int64_t interval_ms; /* whole seconds of the wall clock */
	uint32_t keep;       /* files that were moved away; 0: all */
};

enum { COMMIT_INTERVAL_MS = 100 }; /* the default */

struct sink_config {
	bool present;
	struct config_place place; /* of the key `sink` or `deadLetter` */
	char *kind;
	char *brokers;
	char *topic;
	struct texts topics; /* further topics that an output may name */
	char *partitioner; /* librdkafka's word (config_partitioner); manual if partition is set */
	int32_t partition; /* for the manual partitioner, else -1 */
	char *transactional_id;     /* of kind kafka, exactly once; NULL: the driver makes one */
	int64_t commit_interval_ms; /* the same */
	struct security_config security;
	struct settings properties;
	struct nats_config nats;
	char *subject;
	struct texts subjects; /* patterns of further subjects that an output may name */
	char *stream;          /* of JetStream, which is to store what is published; NULL: none */
	bool deduplicate;      /* it is told by what it may know a message that it has */
	char *path; /* absolute, of a file */
	enum record_format format;
	struct rotation rotate;
	struct texts command; /* as token_command */
	struct settings program_env;
	enum acknowledgement acknowledge;
	uint32_t batch_size;   /* for ACKNOWLEDGE_EXIT: records that a program is given at most, */
	int64_t batch_wait_ms; /* and how long they may come in after the first one */
};

struct config {
	struct texts overrides; /* what --set lays over the file: "source.topics=a,b" */
	char *input;            /* the text that takes the place of a file; NULL: there is a file */
	size_t input_length;
	char *path;      /* the file as given, for messages; NULL without one */
	char *directory; /* absolute folder of the file */
	char *name;
	char *state_directory; /* absolute; NULL: state_default_path says */
	int64_t shutdown_timeout_ms;
	int64_t max_record_size;
	uint32_t max_restarts; /* in 60 s */
	enum guarantee guarantee;
	int64_t max_wait_ms;   /* how long a start may wait for brokers and topics; 0: for ever */
	struct metrics_config metrics;
	int64_t rate_limit;  /* records an hour that the source takes at most; 0: no limit */
	uint32_t rate_burst; /* records; 0: what a tenth of a second lets pass */
	struct processor_config processor;
	struct source_config source;
	struct sink_config sink;
	struct sink_config dead_letter;
	struct texts secret_variables; /* variables in source and sink, which workers and pip don't get */
	struct settings given;         /* of keys that hold a ${...} or a secret: the path, and what
					  is to be shown behind its "key:" */
	struct texts secret_files;     /* paths that ${file:PATH} has read, and of keys and keytabs */
	struct texts mistaken;         /* paths of keys with a wrong value: see config_mistaken */
	bool unreadable;               /* nothing is known of any key */
};

void config_init(struct config *config); /* to the defaults of bruco.yaml(5) */
void config_release(struct config *config);

/*
 * Reads a file (a directory means its config.yaml) into what config_init made. Mistakes, warnings
 * and information are appended to *notes, a line each, as "config.yaml:12:5: unknown key 'topcis'
 * in source (did you mean 'topics'?)", in the order of the file; warnings and information as
 * "config.yaml:3:1: warning: ..." and "config.yaml:3:1: info: ...".
 * Returns the number of mistakes. A file that can't be read is a mistake too. ${VAR}s are resolved
 * in the named sections only; the others are checked as far as that goes, and then keep their
 * defaults. Required keys that flags may still give are checked by config_missing. Without a `sink`
 * its kind is "reply" if the source answers, else "discard".
 */
size_t config_load(struct config *config, const char *path, unsigned sections, struct buf *notes);

/* Lays "source.topics=a,b" over the file that config_load reads next, as --set does; of two for one
 * key the later one counts. False: it is no KEY=VALUE, or no text in UTF-8. */
bool config_override(struct config *config, const char *assignment);
/* Before config_load: the configuration is this text, which came from standard input, and no file. The
 * working directory is its folder. */
void config_input(struct config *config, const void *text, size_t length);
enum { CONFIG_BYTES_MAX = 1 << 20 }; /* of a file, or of such a text */

/* Before a configuration is read once more: the same overrides and the same text as another's. */
void config_origin_as(struct config *config, const struct config *other);

/* Whether the records of its source come from standard input. */
bool config_reads_input(const struct config *config);

/* As config_load, from a descriptor and without substitution: what config_dump wrote. */
size_t config_load_fd(struct config *config, int fd, unsigned sections, struct buf *notes);

/* Whether config_load has reported this key's value, or the whole file, as wrong: "sink.topic". */
bool config_mistaken(const struct config *config, const char *path);

/* Appends a line for each key that the sections need and nobody gave ("config.yaml:3:1:
 * source.topics is missing", with the place of the section). Keys that config_load has complained
 * of are passed over. Returns their number. */
size_t config_missing(const struct config *config, unsigned sections, struct buf *notes);

/* Writes the named sections, resolved, all defaults shown, as a YAML document. With `masked`,
 * what was substituted is shown as the file has it, other secrets as "***" and a `$` as `$$`, so that
 * what is printed is a configuration file (for `bruco check --print`). */
void config_dump(const struct config *config, unsigned sections, bool masked, struct buf *out);

/* Topics that begin with '^' are patterns, extended regular expressions as Kafka's client has them. */
static inline bool config_is_pattern(const char *topic)
{
	return topic[0] == '^';
}
bool config_has_patterns(const struct texts *topics);
/* Whether a topic of source.topics, or a pattern, stands for the topic of this name. */
bool config_topic_is(const char *topic, const char *name);

/* Adds the paths of the keys whose values differ, as "source.topics". */
void config_changes(
	const struct config *one, const struct config *other, struct texts *paths);

/* For flags: replace a list by a comma text; set or replace one name=value (false: no '='); parse
 * an offset (earliest, latest, a number, -NUMBER, a time). */
void config_texts(struct texts *texts, const char *comma_text);
bool config_setting(struct settings *settings, const char *assignment);
bool config_offset(const char *text, struct start_offset *offset);
void config_replace(char **field, const char *text);

/* librdkafka's word for hash, murmur2 and random, or manual; NULL: no such partitioner. */
const char *config_partitioner(const char *word);
/* False: there is no such word. */
bool config_format(const char *word, enum record_format *format);
bool config_acknowledgement(const char *word, enum acknowledgement *acknowledgement);

/* Whether a client of these settings has anything that librdkafka should look at (`bruco check`). */
bool config_has_properties(
	const struct security_config *security, const struct settings *properties);
/* Unsets all of it. */
void config_security_release(struct security_config *security);

/* Overwrites what is secret of a client that has been made, and is not made again: values that are shown as
 * something else. The keys stay, with empty values. */
void config_wipe_client(struct security_config *security, struct settings *properties);

/* What clients say of the properties, a line each: "error" or "warning", the section ("source"), a
 * property or "", and the text, with tabs between them. Appends them to *notes
 * as mistakes and warnings, with their places; returns the number of mistakes. */
size_t config_property_answers(const struct config *config, const char *answers, struct buf *notes);

/* A source's defaults of librdkafka's heartbeat.interval.ms, of session.timeout.ms (with a
 * groupInstanceId it is the client's own), and how much longer max.poll.interval.ms is than
 * rebalanceTimeout (with the default, that makes the client's 5 minutes). */
enum {
	GROUP_HEARTBEAT_MS = 500,
	GROUP_SESSION_MS = 10000,
	GROUP_STATIC_SESSION_MS = 45000,
	GROUP_SILENCE_MS = 240000
};

/* Whether the times of a group's member break the rule of this number. If so, *why says how, and
 * *place where one of the times is given. */
enum { GROUP_TIME_RULES = 3 };
bool config_group_times_wrong(
	const struct source_config *source, size_t rule, char why[256], struct config_place *place);

/* Why a librdkafka property may not be set by hand ("Bruco commits offsets itself"), or NULL. */
const char *config_property_refused(const char *name);
/* Whether this value would do harm: then *why says which. */
bool config_property_value_refused(const char *name, const char *value, char why[128]);
/* Whether Bruco has examined this property and lets it be set. */
bool config_property_known(const char *name);

#endif
