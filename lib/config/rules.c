/* What keys say about one another; see rules_check in schema.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/format.h"
#include "base/search.h"
#include "base/text.h"
#include "config/schema.h"
#include "config/subjects.h"
#include "config/types/values.h"
#include "frame/limits.h"

/* ---- what keys say about one another ---- */

/* The node of a key that is given, with a good value; NULL otherwise. */
static const struct node *given(const struct load *load, const char *path)
{
	const struct node *node = yaml_tree_at(load->root, path);

	return node != NULL && node->kind != NODE_BAD ? node : NULL;
}

/* The same of a key of `sink` or `deadLetter`. */
static const struct node *given_in(const struct load *load, const char *section, const char *key)
{
	char path[64];

	snprintf(path, sizeof path, "%s.%s", section, key);
	return given(load, path);
}

static void check_ordering(struct load *load)
{
	struct processor_config *processor = &load->config->processor;
	const struct node *ordering = given(load, "processor.ordering");
	const struct node *fire_and_forget = given(load, "source.fireAndForget");
	char at[DIAG_AT_MAX];

	if (fire_and_forget == NULL || strcasecmp(fire_and_forget->text, "true") != 0)
		return;
	if (ordering != NULL && processor->ordering != ORDERING_NONE) {
		diag_at(at, load->config, ordering->place);
		diag_error(load->diagnostics, fire_and_forget->place,
			"source.fireAndForget: true means 'processor.ordering: none', but that is "
			"'%s' (at %s)",
			node_shown(ordering), at);
	}
	processor->ordering = ORDERING_NONE;
}

static void check_partition(struct load *load, struct sink_config *sink, const char *section)
{
	const struct node *partition = given_in(load, section, "partition");
	const struct node *partitioner = given_in(load, section, "partitioner");
	char at[DIAG_AT_MAX];

	if (partition == NULL)
		return;
	if (partitioner == NULL) {
		config_replace(&sink->partitioner, config_partitioner("manual"));
	} else if (strcmp(sink->partitioner, "manual") != 0) {
		diag_at(at, load->config, partitioner->place);
		if (load->sections & SECTION_SINK)
			diag_warning(load->diagnostics, partition->place,
				"%s.partition has no effect with 'partitioner: %s' (at %s)",
				section, node_shown(partitioner), at);
		sink->partition = -1;
	}
}

/* A consumer asks again and again for a batch that is larger than it may receive. */
static void check_receive(struct load *load)
{
	static const char name[] = "receive.message.max.bytes";
	const struct node *properties = given(load, "source.properties");
	const struct node *bytes = properties == NULL ? NULL : node_find(properties, name);
	uint32_t least = limits_frame((uint32_t)load->config->max_record_size);
	int64_t value;

	if (bytes != NULL && bytes->kind == NODE_SCALAR && !bytes->unresolved &&
		text_integer(bytes->text, 0, INT64_MAX, &value) && value < least)
		diag_error(load->diagnostics, bytes->place,
			"source.properties: with this maxRecordSize '%s' is %u at least", name,
			least);
}

static void check_group_times(struct load *load)
{
	struct config_place place;
	char why[256];

	for (size_t rule = 0; rule < GROUP_TIME_RULES && !load->from_dump; rule++)
		if (config_group_times_wrong(&load->config->source, rule, why, &place))
			diag_error(load->diagnostics, place, "source.properties: %s", why);
}

static void check_backoff(struct load *load)
{
	struct processor_config *processor = &load->config->processor;
	const struct node *node = given(load, "processor.retry.backoff");
	const struct node *longest = given(load, "processor.retry.maxBackoff");
	int64_t max_ms = processor->retry_max_backoff_ms;
	char backoff[32], max[32];

	if (processor->retry_backoff_ms <= max_ms)
		return;
	if (node != NULL) {
		format_duration(backoff, processor->retry_backoff_ms);
		format_duration(max, max_ms);
		diag_error(load->diagnostics, node->place,
			"processor.retry.backoff: %s is longer than maxBackoff, %s",
			node->shown != NULL ? node->shown : backoff,
			longest != NULL && longest->shown != NULL ? longest->shown : max);
	}
	processor->retry_backoff_ms = max_ms;
}

/* At lower levels nothing keeps a handler from the network. */
static void check_network(struct load *load)
{
	const struct processor_config *processor = &load->config->processor;
	const struct node *network = given(load, "processor.network");

	if (network != NULL && !processor->network && processor->isolation != ISOLATION_STRICT &&
		!config_mistaken(load->config, "processor.isolation"))
		diag_error(load->diagnostics, network->place,
			"processor.network: false needs 'isolation: strict', which refuses sockets");
}

static bool is_kind(const struct load *load, const char *section, const char *kind)
{
	const struct node *node = given_in(load, section, "kind");

	return node != NULL && node->text != NULL && strcmp(node->text, kind) == 0;
}

/* Whoever sends a request is told that it has failed, and can send it again: a pipeline that stopped would
 * fail all others, too. Requests have no order. */
static void check_http(struct load *load)
{
	const struct node *ordering = given(load, "processor.ordering");
	bool http = is_kind(load, "source", "http");

	if (load->from_dump)
		return;
	if (http && yaml_tree_at(load->root, "processor.onFailure") == NULL)
		load->config->processor.on_failure = FAILURE_SKIP;
	if (http && ordering != NULL && load->config->processor.ordering != ORDERING_NONE)
		diag_warning(load->diagnostics, ordering->place,
			"processor.ordering has no effect with an http source: any worker takes a request");
	if (!http && is_kind(load, "sink", "reply") && !config_mistaken(load->config, "source.kind"))
		diag_error(load->diagnostics, given(load, "sink.kind")->place,
			"sink.kind: 'reply' needs a source that answers ('source.kind: http')");
	if (is_kind(load, "deadLetter", "reply"))
		diag_error(load->diagnostics, given(load, "deadLetter.kind")->place,
			"deadLetter.kind: 'reply' is for sink only");
}

/* ---- nats */

/* Whether the key `name` of a section `security` is given; its place for messages. */
static const struct node *given_security(const struct load *load, const char *section, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "%s.security.%s", section, name);
	return given(load, path);
}

static void check_nats_pair(
	struct load *load, const char *section, const char *one, const char *other)
{
	const struct node *node = given_security(load, section, one);

	if (node != NULL && given_security(load, section, other) == NULL)
		diag_error(load->diagnostics, node->place, "%s.security.%s needs '%s'", section, one, other);
}

/* One of several ways to say who it is. */
static void check_nats_security(struct load *load, const char *section)
{
	static const char *const ways[] = {"username", "token", "credentialsFile", "nkey"};
	const char *first = NULL;

	check_nats_pair(load, section, "password", "username");
	check_nats_pair(load, section, "username", "password");
	check_nats_pair(load, section, "nkey", "seedFile");
	check_nats_pair(load, section, "seedFile", "nkey");
	check_nats_pair(load, section, "certificate", "key");
	check_nats_pair(load, section, "key", "certificate");
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		const struct node *node = given_security(load, section, ways[i]);

		if (node != NULL && first != NULL)
			diag_error(load->diagnostics, node->place,
				"%s.security.%s: '%s' says already who it is", section, ways[i], first);
		if (node != NULL)
			first = ways[i];
	}
}

/* Files that no handler needs to see, at level strict. */
static void hide_nats_files(struct config *config, const struct nats_config *nats)
{
	const char *const files[] = {nats->credentials_file, nats->seed_file, nats->certificate, nats->key};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (files[i] != NULL)
			texts_add(&config->secret_files, files[i]);
}

static void check_nats_circle(struct load *load, const struct sink_config *sink, const char *section)
{
	const struct source_config *source = &load->config->source;
	const struct node *subject = given_in(load, section, "subject");
	unsigned both = SECTION_SOURCE | SECTION_SINK;

	if ((load->sections & both) == both && subject != NULL && source->subject != NULL &&
		source->nats.servers != NULL && sink->nats.servers != NULL && sink->subject != NULL &&
		strcmp(source->nats.servers, sink->nats.servers) == 0 &&
		subject_matches(source->subject, sink->subject, strlen(sink->subject)))
		diag_warning(load->diagnostics, subject->place,
			"%s.subject: '%s' is among the source's: what is written there is read again",
			section, node_shown(subject));
}

/* Whether what the source gives has a place of its own for ever. Others count from 0 when they start, or when a
 * file is rotated. */
static bool has_places(const struct load *load)
{
	return is_kind(load, "source", "kafka") ||
	       (is_kind(load, "source", "nats") && given(load, "source.stream") != NULL);
}

static void check_deduplicate(struct load *load, struct sink_config *sink, const char *section)
{
	const struct node *node = given_in(load, section, "deduplicate");

	if (!is_kind(load, section, "nats"))
		return;
	if (node == NULL) {
		sink->deduplicate = sink->stream != NULL && has_places(load);
		return;
	}
	if (sink->deduplicate && sink->stream == NULL)
		diag_error(load->diagnostics, node->place, "%s.deduplicate needs 'stream'", section);
	else if (sink->deduplicate && !has_places(load))
		diag_error(load->diagnostics, node->place,
			"%s.deduplicate: needs a source of kind kafka, or nats with a stream: others may give the "
			"same offset to two records",
			section);
}

/* Messages have no order between subjects, and hardly any within one: by default any worker takes one. */
static void check_nats(struct load *load)
{
	static const char *const sections[] = {"source", "sink", "deadLetter"};

	if (load->from_dump)
		return;
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		if (is_kind(load, sections[i], "nats"))
			check_nats_security(load, sections[i]);
	hide_nats_files(load->config, &load->config->source.nats);
	hide_nats_files(load->config, &load->config->sink.nats);
	hide_nats_files(load->config, &load->config->dead_letter.nats);
	check_deduplicate(load, &load->config->sink, "sink");
	check_deduplicate(load, &load->config->dead_letter, "deadLetter");
	check_nats_circle(load, &load->config->sink, "sink");
	check_nats_circle(load, &load->config->dead_letter, "deadLetter");
	if (is_kind(load, "source", "nats") && yaml_tree_at(load->root, "processor.ordering") == NULL)
		load->config->processor.ordering = ORDERING_NONE;
}

/* The type of the key has looked for those with a path. */
static void check_program(struct load *load, const struct texts *command, const char *section)
{
	const struct node *node = given_in(load, section, "command");
	char *path;

	if (!is_kind(load, section, "exec") || node == NULL || command->count == 0 ||
		strchr(command->items[0], '/') != NULL)
		return;
	path = search_path(command->items[0]);
	if (path == NULL)
		diag_warning(load->diagnostics, node->place, "%s.command: there is no program '%.200s' in the folders of PATH",
			section, command->items[0]);
	free(path);
}

static void check_exec_sink(struct load *load, const struct sink_config *sink, const char *section)
{
	const struct node *batch = given_in(load, section, "batch");

	if (is_kind(load, section, "exec") && batch != NULL && sink->acknowledge != ACKNOWLEDGE_EXIT &&
		(load->sections & SECTION_SINK))
		diag_warning(load->diagnostics, batch->place, "%s.batch has no effect without 'acknowledge: exit'",
			section);
}

static void check_exec(struct load *load)
{
	if (load->from_dump)
		return;
	check_program(load, &load->config->source.command, "source");
	check_program(load, &load->config->sink.command, "sink");
	check_program(load, &load->config->dead_letter.command, "deadLetter");
	check_exec_sink(load, &load->config->sink, "sink");
	check_exec_sink(load, &load->config->dead_letter, "deadLetter");
}

/* A dump may lack either: a stage gets only what it needs. */
static void check_on_failure(struct load *load)
{
	const struct config *config = load->config;
	bool to_dead_letter = config->processor.on_failure == FAILURE_DEAD_LETTER;
	const struct node *on_failure = given(load, "processor.onFailure");
	const struct node *dead_letter = given(load, "deadLetter");

	if (load->from_dump || config_mistaken(config, "processor.onFailure") ||
		config_mistaken(config, "deadLetter"))
		return;
	if (to_dead_letter && dead_letter == NULL)
		diag_error(load->diagnostics, on_failure->place,
			"processor.onFailure: 'deadLetter' needs a section 'deadLetter' at the top "
			"level");
	else if (!to_dead_letter && dead_letter != NULL && (load->sections & SECTION_SINK))
		diag_warning(load->diagnostics, dead_letter->place,
			"deadLetter has no effect without 'processor.onFailure: deadLetter'");
}

/* Without a processor records are copied, which someone with a handler there hardly wants. */
static void check_unused_handler(struct load *load)
{
	struct config *config = load->config;
	char *handler;

	if (!(load->sections & SECTION_PROCESSOR) || config->processor.present ||
		config->directory == NULL)
		return;
	handler = config_path(config->directory, "handler.py");
	if (access(handler, F_OK) == 0)
		diag_warning(load->diagnostics, NO_PLACE,
			"without 'processor' records are copied; handler.py beside it is not used");
	free(handler);
}

/* Whether two lists of brokers have one in common. */
static bool same_cluster(const char *one, const char *other)
{
	struct texts ones = {0}, others = {0};
	bool same = false;

	config_texts(&ones, one);
	config_texts(&others, other);
	for (size_t i = 0; i < ones.count; i++)
		for (size_t j = 0; j < others.count; j++)
			same = same || strcmp(ones.items[i], others.items[j]) == 0;
	texts_release(&ones);
	texts_release(&others);
	return same;
}

/* A pipeline that reads what it writes is hardly ever meant. */
static void check_circle(struct load *load, const struct sink_config *sink, const char *section)
{
	const struct node *topic = given_in(load, section, "topic");
	const struct source_config *source = &load->config->source;
	unsigned both = SECTION_SOURCE | SECTION_SINK;

	if ((load->sections & both) != both || source->brokers == NULL || sink->brokers == NULL ||
		topic == NULL || !same_cluster(source->brokers, sink->brokers))
		return;
	for (size_t i = 0; i < source->topics.count; i++)
		if (config_topic_is(source->topics.items[i], sink->topic))
			diag_warning(load->diagnostics, topic->place,
				"%s.topic: '%s' is among source.topics: what is written there is "
				"read again",
				section, node_shown(topic));
}

/* ---- exactly once */

/* A kind that is given, and is not kafka. */
static void check_transacts(struct load *load, const char *section)
{
	const struct node *kind = given_in(load, section, "kind");

	if (kind != NULL && kind->text != NULL && strcmp(kind->text, "kafka") != 0)
		diag_error(load->diagnostics, kind->place,
			"%s.kind: with 'processingGuarantee: exactlyOnce' it is kafka, for nothing else is part of "
			"its transactions, and not '%s'",
			section, node_shown(kind));
}

/* The address without its port: a cluster may have several listeners. */
static size_t host_length(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon == NULL || strchr(colon, ']') != NULL ? strlen(address) : (size_t)(colon - address);
}

static bool same_host(const char *one, const char *other)
{
	size_t length = host_length(one);

	return host_length(other) == length && strncasecmp(one, other, length) == 0;
}

static bool shares_host(const char *one, const char *other)
{
	struct texts ones = {0}, others = {0};
	bool shares = false;

	config_texts(&ones, one);
	config_texts(&others, other);
	for (size_t i = 0; i < ones.count; i++)
		for (size_t j = 0; j < others.count; j++)
			shares = shares || same_host(ones.items[i], others.items[j]);
	texts_release(&ones);
	texts_release(&others);
	return shares;
}

/* A transaction is one cluster's. Which one the addresses lead to is seen at run time, too. */
static void check_one_cluster(struct load *load, const struct sink_config *sink, const char *section,
	const char *other, const char *others)
{
	const struct node *brokers = given_in(load, section, "brokers");

	if (brokers != NULL && sink->brokers != NULL && other != NULL && !shares_host(sink->brokers, other))
		diag_error(load->diagnostics, brokers->place,
			"%s.brokers: with 'processingGuarantee: exactlyOnce' it is the cluster of %s, since a transaction "
			"is one cluster's: name at least one host that %s.brokers names",
			section, others, others);
}

/* Dead letters are sent by the sink's client. */
static void check_one_client(struct load *load)
{
	static const char *const keys[] = {"security", "tokenCommand", "properties"};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct node *node = given_in(load, "deadLetter", keys[i]);

		if (node != NULL && node->count > 0)
			diag_error(load->diagnostics, node->place,
				"deadLetter.%s: with 'processingGuarantee: exactlyOnce' dead letters are part of the "
				"sink's transactions, and go by its connections: leave it out",
				keys[i]);
	}
}

/* The time of one transaction is the time that all of its steps may take. */
static void check_transaction_time(struct load *load)
{
	static const char name[] = "transaction.timeout.ms";
	const struct node *properties = given(load, "sink.properties");
	const struct node *timeout = properties == NULL ? NULL : node_find(properties, name);
	int64_t interval = load->config->sink.commit_interval_ms, value;

	if (timeout != NULL && timeout->kind == NODE_SCALAR && !timeout->unresolved &&
		text_integer(timeout->text, 0, INT64_MAX, &value) && value < 2 * interval)
		diag_error(load->diagnostics, timeout->place,
			"sink.properties: with this commitInterval '%s' is %lld at least", name,
			(long long)(2 * interval));
}

/* `bruco check --print` shows the default of commitInterval, which says nothing. */
static void check_no_transactions(struct load *load)
{
	const struct node *id = given_in(load, "sink", "transactionalId");
	const struct node *interval = given_in(load, "sink", "commitInterval");
	static const char text[] = "sink.%s has no effect without 'processingGuarantee: exactlyOnce'";

	if (config_mistaken(load->config, "processingGuarantee"))
		return;
	if (id != NULL)
		diag_warning(load->diagnostics, id->place, text, "transactionalId");
	if (interval != NULL && load->config->sink.commit_interval_ms != COMMIT_INTERVAL_MS)
		diag_warning(load->diagnostics, interval->place, text, "commitInterval");
}

static void check_exactly_once(struct load *load)
{
	const struct config *config = load->config;
	const struct node *guarantee = given(load, "processingGuarantee");
	const struct node *ordering = given(load, "processor.ordering");
	unsigned both = SECTION_SOURCE | SECTION_SINK;

	if (load->from_dump)
		return;
	if (config->guarantee != GUARANTEE_EXACTLY_ONCE) {
		check_no_transactions(load);
		return;
	}
	check_transacts(load, "source");
	check_transacts(load, "sink");
	check_transacts(load, "deadLetter");
	check_one_client(load);
	check_transaction_time(load);
	exact_properties_check(load);
	if (given(load, "sink") == NULL && !config_mistaken(config, "sink"))
		diag_error(load->diagnostics, guarantee->place,
			"processingGuarantee: exactlyOnce needs a sink of kind kafka: only what goes there is part of its "
			"transactions");
	if (config->processor.ordering != ORDERING_PARTITION)
		diag_error(load->diagnostics, ordering != NULL ? ordering->place : guarantee->place,
			"processor.ordering: with 'processingGuarantee: exactlyOnce' it is partition: what a transaction "
			"commits of a partition is one offset, up to which everything must be done");
	if ((load->sections & both) != both)
		return;
	check_one_cluster(load, &config->sink, "sink", config->source.brokers, "source");
	check_one_cluster(load, &config->dead_letter, "deadLetter", config->sink.brokers, "sink");
}

void rules_check(struct load *load)
{
	struct config *config = load->config;

	check_ordering(load);
	check_partition(load, &config->sink, "sink");
	check_partition(load, &config->dead_letter, "deadLetter");
	security_check(load);
	check_receive(load);
	check_group_times(load);
	check_circle(load, &config->sink, "sink");
	check_circle(load, &config->dead_letter, "deadLetter");
	check_backoff(load);
	check_network(load);
	check_http(load);
	check_nats(load);
	check_exec(load);
	check_on_failure(load);
	check_exactly_once(load);
	check_unused_handler(load);
}
