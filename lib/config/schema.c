#include "config/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/kinds/kinds.h"
#include "config/types/values.h"
#include "frame/limits.h"

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define TOP(name)       .field = offsetof(struct config, name)
#define PROCESSOR(name) .field = offsetof(struct processor_config, name)
#define METRICS(name)   .field = offsetof(struct metrics_config, name)
#define SOURCE(name)    .field = offsetof(struct source_config, name)
#define SINK(name)      .field = offsetof(struct sink_config, name)

/* Where the structure of a section is. */
#define IN(part)                                                                                   \
	.base = offsetof(struct config, part), .size = sizeof((struct config *)NULL)->part,        \
	.present = offsetof(struct config, part.present)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum { KIB = 1 << 10, MIB = 1 << 20, GIB = 1 << 30 };

_Static_assert(LIMIT_SIZE_DEFAULT == 16 * MIB, "the default of maxRecordSize");

static const char *const guarantee_words[] = {"atLeastOnce", "exactlyOnce", NULL};
static const char *const ordering_words[] = {"partition", "key", "none", NULL};
static const char *const isolation_words[] = {"none", "basic", "strict", NULL};
static const char *const on_failure_words[] = {"stop", "skip", "deadLetter", NULL};
static const char *const log_level_words[] = {"auto", "error", "warning", "info", "debug", NULL};

const char *always_required(const void *owner)
{
	(void)owner;
	return "";
}

/* clang-format off */

static const struct key retry_keys[] = {
	{.name = "attempts",
		.help = "How often the handler is called for one record, the first call included.",
		.type = &count_type, PROCESSOR(retry_attempts),
		.low = 1, .high = 1000, .initial = "3",
		.also = " maxAttempts count max tries retries "},
	{.name = "backoff",
		.help = "The pause before the second attempt; it doubles before each further one.",
		.type = &duration_type, PROCESSOR(retry_backoff_ms),
		.low = 0, .high = HOUR, .initial = "200ms",
		.also = " delay wait initialBackoff minBackoff interval "},
	{.name = "maxBackoff",
		.help = "The longest pause.",
		.type = &duration_type, PROCESSOR(retry_max_backoff_ms),
		.low = 0, .high = HOUR, .initial = "10s",
		.also = " maxDelay maxWait maxInterval "},
	{.name = "except",
		.help = "Exception classes that are not tried again.",
		.type = &classes_type, PROCESSOR(retry_except), .initial = "[]",
		.also = " fatal permanent nonRetryable notOn ignore exclude "},
};

static const struct key batch_keys[] = {
	{.name = "size",
		.help = "How many events a batch has at most.",
		.type = &count_type, PROCESSOR(batch_size),
		.low = 1, .high = BATCH_MOST, .initial = "500",
		.also = " maxSize count max records events "},
	{.name = "wait",
		.help = "How long a batch waits for more events after its first one.",
		.type = &duration_type, PROCESSOR(batch_wait_ms),
		.low = 0, .high = MINUTE, .initial = "50ms",
		.also = " timeout maxWait linger interval "},
};

static const struct key limits_keys[] = {
	{.name = "memory",
		.help = "The private, writable memory of the process.",
		.type = &size_type, PROCESSOR(limit_memory),
		.low = 64 * (int64_t)MIB, .high = 1024 * (int64_t)GIB,
		.also = " data heap ram maxMemory rlimitData "},
	{.name = "files",
		.help = "Open files.",
		.type = &count_type, PROCESSOR(limit_files),
		.low = 64, .high = 1048576, .also = " nofile openFiles descriptors fds "},
};

/* These are parts of the processor's structure. */
static const struct section retry_section = {
	.name = "processor.retry", .keys = retry_keys, .count = COUNT(retry_keys),
	.base = offsetof(struct config, processor), .bit = SECTION_PROCESSOR};
static const struct section batch_section = {
	.name = "processor.batch", .keys = batch_keys, .count = COUNT(batch_keys),
	.base = offsetof(struct config, processor), .bit = SECTION_PROCESSOR};
static const struct section limits_section = {
	.name = "processor.limits", .keys = limits_keys, .count = COUNT(limits_keys),
	.base = offsetof(struct config, processor), .bit = SECTION_PROCESSOR};

static const struct key processor_keys[] = {
	{.name = "handlerPath",
		.help = "The folder of the handler: the working directory of the workers, and the "
			"first folder that Python searches for modules.",
		.type = &handler_path_type, PROCESSOR(handler_path),
		.initial = ".", .also = " handlerURL handler handlerDir directory path "},
	{.name = "moduleName",
		.help = "The module that defines handle_event, in the form of an import: handler, package.module.",
		.type = &module_type, PROCESSOR(module_name),
		.initial = "handler", .also = " module handlerModule "},
	{.name = "workers",
		.help = "Processes that run the handler.",
		.type = &workers_type, PROCESSOR(workers),
		.low = 1, .high = LIMIT_LANES, .initial = "1",
		.also = " parallelism processes replicas "},
	{.name = "ordering",
		.help = "Which records stay in order; all others may run at the same time.",
		.type = &choice_type, PROCESSOR(ordering),
		.words = ordering_words, .initial = "partition"},
	{.name = "retry",
		.help = "The attempts at a record on which the handler fails.",
		.type = &map_type, .section = &retry_section,
		.also = " retries retryPolicy "},
	{.name = "timeout",
		.help = "How long one attempt, or one batch, may take.",
		.type = &duration_type, PROCESSOR(timeout_ms),
		.low = 1, .high = 24 * HOUR, .also = " eventTimeout handlerTimeout "},
	{.name = "onFailure",
		.help = "What happens to a record whose last attempt has failed.",
		.type = &choice_type, PROCESSOR(on_failure),
		.words = on_failure_words, .initial = "stop",
		.also = " onError errorPolicy failure "},
	{.name = "concurrency",
		.help = "How many events of an async def handle_event may be in flight in one worker at the same time.",
		.type = &count_type, PROCESSOR(concurrency),
		.low = 1, .high = CONCURRENCY_MOST, .initial = "1",
		.also = " maxInFlight inFlight tasks "},
	{.name = "batch",
		.help = "The batches of handle_batch.",
		.type = &map_type, .section = &batch_section,
		.also = " batches batching "},
	{.name = "maxEvents",
		.help = "After so many events a worker is recycled, which helps with handlers or "
			"libraries that leak memory.",
		.type = &count_type, PROCESSOR(max_events),
		.low = 1, .high = 1000000000, .also = " maxRequests recycleAfter "},
	{.name = "maxMemory",
		.help = "A worker is recycled in the same way when its resident memory has reached this size.",
		.type = &size_type, PROCESSOR(max_memory),
		.low = MIB, .high = 1024 * (int64_t)GIB, .also = " maxRss memoryLimit "},
	{.name = "logLevel",
		.help = "What the handler's process shows of what is logged with Python's logging.",
		.type = &choice_type, PROCESSOR(log_level),
		.words = log_level_words, .initial = "auto",
		.also = " level logging loggingLevel verbosity severity "},
	{.name = "python",
		.help = "A virtual environment whose packages the handler uses, or the Python that it runs in.",
		.type = &python_type, PROCESSOR(python),
		.also = " venv virtualenv virtualEnv interpreter "},
	{.name = "env",
		.help = "Variables in the environment of the workers only.",
		.type = &env_type, PROCESSOR(env), .initial = "[]",
		.flags = KEY_WORKER_ONLY, .also = " environment variables "},
	{.name = "isolation",
		.help = "How far handlers, and what pip builds for them, are kept from the brokers' credentials.",
		.type = &choice_type, PROCESSOR(isolation),
		.words = isolation_words, .initial = "basic",
		.also = " sandbox security hardening "},
	{.name = "inheritEnv",
		.help = "Further variables of bruco's own environment that workers, pip, source and sink inherit.",
		.type = &inherit_type, PROCESSOR(inherit_env), .initial = "[]",
		.flags = KEY_WORKER_ONLY, .also = " passEnv passEnvironment envFrom inherit "},
	{.name = "network",
		.help = "With false a worker, and what its handler starts, can make no socket.",
		.type = &bool_type, PROCESSOR(network), .initial = "true",
		.also = " internet net sockets "},
	{.name = "user",
		.help = "Who runs the workers, what handlers start, and pip with what it builds.",
		.type = &user_type, PROCESSOR(user),
		.also = " runAs runAsUser uid account username "},
	{.name = "limits",
		.help = "What the kernel lets a worker use, and each process that its handler starts.",
		.type = &map_type, .section = &limits_section,
		.also = " rlimits ulimits resources "},
};

static const struct key source_keys[] = {
	{.name = "kind",
		.help = "The kind of source.",
		.type = &kind_type, SOURCE(kind), .required = always_required,
		.also = " type "},
	{.name = "window",
		.help = "How many bytes of records each worker may have between the source and their acknowledgement.",
		.type = &size_type, SOURCE(window),
		.low = 4 * KIB, .high = GIB, .initial = "4MiB"},
	{.name = "windowTime",
		.help = "How much work each worker may have ahead, measured by what it has done in the last second.",
		.type = &duration_type, SOURCE(window_time_ms),
		.low = 0, .high = HOUR, .initial = "1s"},
};

static const struct key sink_keys[] = { /* of deadLetter, too */
	{.name = "kind",
		.help = "The kind of sink.",
		.type = &kind_type, SINK(kind), .required = always_required,
		.also = " type "},
};

static const struct section processor_section = {
	.name = "processor", .keys = processor_keys, .count = COUNT(processor_keys),
	IN(processor), .bit = SECTION_PROCESSOR};
static const struct section source_section = {
	.name = "source", .keys = source_keys, .count = COUNT(source_keys),
	.kinds = source_kinds, IN(source), .place = offsetof(struct config, source.place),
	.bit = SECTION_SOURCE};
static const struct section sink_section = {
	.name = "sink", .keys = sink_keys, .count = COUNT(sink_keys),
	.kinds = sink_kinds, IN(sink), .place = offsetof(struct config, sink.place),
	.bit = SECTION_SINK};
static const struct section dead_letter_section = {
	.name = "deadLetter", .keys = sink_keys, .count = COUNT(sink_keys),
	.kinds = dead_letter_kinds, IN(dead_letter), .place = offsetof(struct config, dead_letter.place),
	.bit = SECTION_SINK};

static const struct key metrics_keys[] = {
	{.name = "listen",
		.help = "Where it listens, such as 127.0.0.1:9095 or [::1]:9095.",
		.type = &address_type, METRICS(listen),
		.also = " address port bind host endpoint "},
	{.name = "stallAfter",
		.help = "When a partition has lag and nothing of it was done for so long, or no broker "
			"has answered, /readyz and bruco status say that the pipeline is not ready.",
		.type = &duration_type, METRICS(stall_after_ms),
		.low = SECOND, .high = 24 * HOUR, .initial = "60s",
		.also = " stallTimeout staleAfter "},
};

static const struct section metrics_section = {
	.name = "metrics", .keys = metrics_keys, .count = COUNT(metrics_keys),
	.base = offsetof(struct config, metrics), .size = sizeof(struct metrics_config),
	.bit = SECTION_DRIVER};

static const struct key top_keys[] = {
	{.name = "name",
		.help = "The name of this pipeline, in messages and for bruco status.",
		.type = &text_type, TOP(name), .high = 255, .initial = "bruco",
		.flags = KEY_DEFAULT_VARIES},
	{.name = "stateDirectory",
		.help = "Where a source whose system remembers nothing, as kind file, keeps how far it is.",
		.type = &place_type, TOP(state_directory),
		.also = " stateDir state dataDirectory dataDir registry "},
	{.name = "shutdownTimeout",
		.help = "How long records under way may take after a signal to end.",
		.type = &duration_type, TOP(shutdown_timeout_ms),
		.low = 0, .high = 24 * HOUR, .initial = "30s"},
	{.name = "maxRecordSize",
		.help = "The largest record, as a frame, without its topic and the headers that a failure adds.",
		.type = &size_type, TOP(max_record_size),
		.low = LIMIT_SIZE_LEAST, .high = LIMIT_SIZE_MOST, .initial = "16MiB"},
	{.name = "maxRestarts",
		.help = "After more restarts than this within 60 seconds, of workers and of the whole "
			"pipeline together, the pipeline ends with status 75 and the last error.",
		.type = &count_type, TOP(max_restarts),
		.low = 0, .high = 1000, .initial = "10"},
	{.name = "maxWait",
		.help = "How long source and sink, when they start, may wait for brokers that can't be "
			"reached and topics that don't exist.",
		.type = &duration_type, TOP(max_wait_ms),
		.low = 1, .high = 24 * HOUR,
		.also = " waitTimeout startTimeout startupTimeout connectTimeout "},
	{.name = "processingGuarantee",
		.help = "What becomes of a record when a process dies or is replaced.",
		.type = &choice_type, TOP(guarantee),
		.words = guarantee_words, .initial = "atLeastOnce",
		.also = " processing.guarantee guarantee semantics delivery deliveryGuarantee exactlyOnce transactions "},
	{.name = "rateLimit",
		.help = "How many records the source takes at most, all workers together.",
		.type = &rate_type, TOP(rate_limit),
		.low = 1, .high = 1000000 * (int64_t)3600,
		.also = " rate throttle maxRate limit recordsPerSecond "},
	{.name = "rateBurst",
		.help = "How many records may come at once after a time in which fewer came.",
		.type = &count_type, TOP(rate_burst), .low = 1, .high = 1000000,
		.also = " burst burstSize "},
	{.name = "metrics",
		.help = "An HTTP endpoint for Prometheus and for health checks.",
		.type = &map_type, .section = &metrics_section,
		.also = " monitoring prometheus http "},
	{.name = "processor",
		.help = "Which Python function the records go through.",
		.type = &map_type, .section = &processor_section,
		.also = " handler function "},
	{.name = "source",
		.help = "Where records come from.",
		.type = &map_type, .section = &source_section,
		.required = always_required, .also = " input from "},
	{.name = "sink",
		.help = "Where the results go.",
		.type = &map_type, .section = &sink_section, .also = " output to target "},
	{.name = "deadLetter",
		.help = "The place for records on which the handler failed.",
		.type = &map_type, .section = &dead_letter_section,
		.also = " dlq deadLetterQueue deadLetterTopic deadLetters errors "},
};

/* clang-format on */

const struct section schema_top = {
	.name = "", .keys = top_keys, .count = COUNT(top_keys), .size = sizeof(struct config)};

/* ---- walking ---- */

const struct key *schema_key(const struct section *section, size_t i, const struct kind **kind)
{
	*kind = NULL;
	if (i < section->count)
		return &section->keys[i];
	i -= section->count;
	for (size_t k = 0; section->kinds != NULL && section->kinds[k] != NULL; k++) {
		*kind = section->kinds[k];
		if (i < (*kind)->count)
			return &(*kind)->keys[i];
		i -= (*kind)->count;
	}
	return NULL;
}

const struct key *schema_find(
	const struct section *section, const struct kind *kind, const char *name)
{
	const struct kind *owner;
	const struct key *key;

	for (size_t i = 0; (key = schema_key(section, i, &owner)) != NULL; i++)
		if ((kind == NULL || owner == NULL || owner == kind) &&
			strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

const struct kind *schema_kind(const struct section *section, const char *name)
{
	for (size_t k = 0; section->kinds != NULL && section->kinds[k] != NULL; k++)
		if (strcmp(section->kinds[k]->name, name) == 0)
			return section->kinds[k];
	return NULL;
}

const struct kind *schema_kind_of(const struct section *section, const struct config *config)
{
	const struct key *key = section->kinds == NULL ? NULL : schema_find(section, NULL, "kind");
	char *const *name = key == NULL ? NULL : schema_field(section, key, config);

	return name == NULL || *name == NULL ? NULL : schema_kind(section, *name);
}

void *schema_field(
	const struct section *section, const struct key *key, const struct config *config)
{
	return (char *)(uintptr_t)config + section->base + key->field;
}

void schema_path(char path[64], const struct section *section, const struct key *key)
{
	snprintf(path, 64, "%s%s%s", section->name, section->name[0] == '\0' ? "" : ".", key->name);
}

/* ---- defaults ---- */

/* A default is read as if it stood in the file, so that it has to be a valid value. */
static void set_default(struct load *load, const struct section *section, const struct key *key)
{
	char text[64];
	struct node node = {.kind = NODE_SCALAR, .text = text};

	snprintf(text, sizeof text, "%s", key->initial);
	if (strcmp(text, "[]") == 0)
		node.kind = NODE_LIST;
	if (strcmp(text, "{}") == 0)
		node.kind = NODE_MAP;
	key->type->read(load, key, &node, schema_field(section, key, load->config));
}

void schema_init(const struct section *section, struct config *config)
{
	struct diagnostics diagnostics = {0};
	struct load load = {.config = config, .diagnostics = &diagnostics, .section = section};
	const struct kind *kind;
	const struct key *key;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		if (key->type->clear != NULL)
			key->type->clear(schema_field(section, key, config));
		if (key->initial != NULL)
			set_default(&load, section, key);
		if (key->section != NULL)
			schema_init(key->section, config);
	}
	assert(diagnostics.errors == 0);
}

static void clear_keys(const struct section *section, struct config *config)
{
	const struct kind *kind;
	const struct key *key;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		if (key->section != NULL)
			clear_keys(key->section, config);
		else if (key->type->clear != NULL)
			key->type->clear(schema_field(section, key, config));
	}
}

void schema_clear(const struct section *section, struct config *config)
{
	clear_keys(section, config);
	memset((char *)config + section->base, 0, section->size);
}
