/* lib/config: what config_dump writes is read back. */
#include "config_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/dump.h"
#include "config/schema.h"
#include "config/types/values.h"

static struct buf dump_of(const struct config *from, unsigned sections, bool masked)
{
	struct buf out = {0};

	config_dump(from, sections, masked, &out);
	buf_byte(&out, '\0');
	out.length--;
	return out;
}

/* What is written for these sections is read back, and written the same again. */
static void check_dump(unsigned sections)
{
	struct buf first = dump_of(&config, sections, false), second;
	int fd = fd_memory("dump", first.data, first.length);
	struct config again;
	struct buf complaints = {0};
	size_t mistakes;

	config_init(&again);
	mistakes = config_load_fd(&again, fd, sections, &complaints);
	buf_byte(&complaints, '\0');
	CHECK_TEXT((const char *)complaints.data, "");
	CHECK_INT(mistakes, 0);
	second = dump_of(&again, sections, false);
	CHECK_TEXT((const char *)second.data, (const char *)first.data);
	CHECK_TEXT(again.name, config.name);
	if (sections & SECTION_PROCESSOR) {
		CHECK_INT(again.processor.present, config.processor.present);
		CHECK_INT(again.processor.env.count, config.processor.env.count);
		for (size_t i = 0; i < again.processor.env.count; i++)
			CHECK_TEXT(again.processor.env.items[i].value,
				config.processor.env.items[i].value);
		CHECK_INT(again.processor.retry_attempts, config.processor.retry_attempts);
		CHECK_INT(again.processor.retry_backoff_ms, config.processor.retry_backoff_ms);
		CHECK_INT(again.processor.retry_max_backoff_ms,
			config.processor.retry_max_backoff_ms);
		CHECK_INT(again.processor.timeout_ms, config.processor.timeout_ms);
		CHECK_INT(again.processor.on_failure, config.processor.on_failure);
		CHECK_INT(again.processor.log_level, config.processor.log_level);
	}
	CHECK_INT(
		again.dead_letter.present, (sections & SECTION_SINK) && config.dead_letter.present);
	if (again.dead_letter.present) {
		CHECK_TEXT(again.dead_letter.topic, config.dead_letter.topic);
		CHECK_TEXT(again.sink.topic, config.sink.topic);
		CHECK_INT(again.sink.partition, config.sink.partition);
		CHECK_INT(again.dead_letter.partition, config.dead_letter.partition);
	}
	if (sections & SECTION_SOURCE) {
		CHECK_TEXT(again.source.brokers, config.source.brokers);
		CHECK_INT(again.source.offset.kind, config.source.offset.kind);
		CHECK_INT(again.source.offset.value, config.source.offset.value);
	} else {
		CHECK(again.source.kind == NULL);
	}
	config_release(&again);
	buf_release(&first);
	buf_release(&second);
	buf_release(&complaints);
	close(fd);
}

TEST(dumps_are_read_back)
{
	CHECK_GOOD("name: '${BRUCO_TEST_NO:-null}'\n"
		   "processor:\n"
		   "  workers: 3\n"
		   "  env:\n"
		   "  - {name: A, value: 'a $ $$ $${HOME} \"q\" \\ '}\n"
		   "  - {name: B, value: "
		   "\"\\t\\n\\r\\x01\\x7f\\x85\\u2028\\ufeff\\uffff\\U0001f600ä\"}\n"
		   "  - {name: C, value: ''}\n"
		   "  - {name: D, value: '~'}\n"
		   "  - {name: E, value: '- a: #b'}\n"
		   "  - {name: F, value: ...}\n"
		   "  - {name: G, value: 'a:'}\n"
		   "  - {name: H, value: '1:2'}\n"
		   "  retry: {attempts: 1, maxBackoff: 100ms}\n"
		   "  timeout: 1500ms\n"
		   "  onFailure: deadLetter\n" KAFKA_SOURCE
		   ", offset: 2026-01-31 12:00:00.5, rebalanceTimeout: 1001ms, window: 4097, windowTime: 1002ms,\n"
		   "  properties: {sasl.password: 'a$$b'}}\n"
		   "sink: {kind: kafka, brokers: 'x,y', topic: t, topics: [u], partition: 3}\n"
		   "deadLetter: {kind: kafka, brokers: z, topic: d, properties: {a: b}}\n");
	for (unsigned sections = 0; sections <= SECTION_ALL; sections++)
		check_dump(sections);
	config.source.offset = (struct start_offset){OFFSET_NUMBER, 5}; /* from a flag */
	check_dump(SECTION_SOURCE);
	config.source.offset = (struct start_offset){OFFSET_BEFORE_END, 5};
	check_dump(SECTION_SOURCE);
	config.source.offset = (struct start_offset){OFFSET_TIME, 253402300800000};
	check_dump(SECTION_SOURCE);
	CHECK_GOOD("source: {kind: lines}\n");
	check_dump(SECTION_ALL);
}

TEST(a_stage_sees_its_own_section_only)
{
	struct buf out;

	CHECK_GOOD(KAFKA_SOURCE ", properties: {sasl.password: one}}\n"
				"sink: {kind: kafka, properties: {sasl.password: two}}\n"
				"processor: {onFailure: deadLetter}\n"
				"deadLetter: {kind: kafka, properties: {sasl.password: three}}\n");
	out = dump_of(&config, SECTION_SINK, false);
	CHECK(strstr((const char *)out.data, "three") != NULL);
	CHECK(strstr((const char *)out.data, "password: one") == NULL);
	buf_release(&out);
	out = dump_of(&config, SECTION_SOURCE, false);
	CHECK(strstr((const char *)out.data, "three") == NULL);
	CHECK(strstr((const char *)out.data, "one") != NULL);
	CHECK(strstr((const char *)out.data, "two") == NULL);
	buf_release(&out);
	out = dump_of(&config, SECTION_PROCESSOR, false);
	CHECK(strstr((const char *)out.data, "password") == NULL);
	buf_release(&out);
}

/* The paths of the keys that differ between the file that was loaded last and this one. */
static const char *changes(const char *text)
{
	static char list[512];
	struct config before = config;
	struct texts paths = {0};

	memset(&config, 0, sizeof config);
	config_init(&config);
	CHECK_GOOD(text);
	config_changes(&before, &config, &paths);
	list[0] = '\0';
	for (size_t i = 0; i < paths.count; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s ", paths.items[i]);
	texts_release(&paths);
	config_release(&before);
	return list;
}

TEST(changes_are_named_by_their_paths)
{
	CHECK_GOOD(KAFKA_SOURCE "}\nname: one\nprocessor: {retry: {attempts: 2}}\n");
	CHECK_TEXT(changes("name: one\n" KAFKA_SOURCE "}\nprocessor: {retry: {attempts: 2}}\n"), "");
	CHECK_TEXT(changes(KAFKA_SOURCE "}\nname: two\nprocessor: {timeout: 3s}\n"),
		"name processor.retry.attempts processor.timeout ");
	CHECK_TEXT(changes(KAFKA_SOURCE ", window: 1MiB}\nname: two\n"
			   "processor: {timeout: 3s, env: [{name: A, value: b}]}\n"),
		"processor.env source.window ");
	CHECK_TEXT(changes("source: {kind: lines}\nname: two\nsink: {kind: lines}\n"
			   "processor: {timeout: 3s, env: [{name: A, value: c}]}\n"),
		"processor.env source.kind source.window sink.kind ");
}

/* ---- every key of the schema ---- */

/* Any of these is a value of each key, and not its default. */
static const char *const values[] = {"3", "30", "ssl", "PLAIN", "3MiB", "300", "300MiB", "strict", "false", "key", "skip", "debug", "earliest", "other", "json",
	"roundrobin", "murmur2", "7/m", "none", "[{name: A, value: b}]", "{a: b}", "::1", "latest", "always", "exit", "/dev/null", "true", "[x]", "exactlyOnce"};

/* What is written for a key of *from, without the key itself. */
static struct buf value_of(
	const struct config *from, const struct section *section, const struct key *key)
{
	struct buf out = {0};
	struct dump dump = {.config = from, .sections = SECTION_ALL, .out = &out};

	key->type->write(&dump, key, schema_field(section, key, from));
	buf_byte(&out, '\0');
	return out;
}

static bool has_value(const struct config *from, const struct section *section,
	const struct key *key, const struct buf *value)
{
	bool set = key->type->is_set == NULL || key->type->is_set(schema_field(section, key, from));
	struct buf found = {0};
	bool same;

	if (!set)
		return false;
	found = value_of(from, section, key);
	same = strcmp((char *)found.data, (char *)value->data) == 0;
	buf_release(&found);
	return same;
}

/* What has to stand beside a key of kind nats's `security`. */
static const char *partner(const char *key)
{
	static const char *const partners[][2] = {{"username", "password: a"}, {"password", "username: a"},
		{"nkey", "seedFile: /dev/null"}, {"seedFile", "nkey: a"},
		{"certificate", "key: /dev/null"}, {"key", "certificate: /dev/null"}};

	for (size_t i = 0; i < sizeof partners / sizeof partners[0]; i++)
		if (strcmp(partners[i][0], key) == 0)
			return partners[i][1];
	return NULL;
}

/* A file that gives this key this value, in a section of this kind. */
static void write_one(struct buf *text, const struct section *section, const struct kind *kind,
	const struct key *key, const char *value)
{
	char copy[64], *rest = copy, *name;
	bool nats = kind != NULL && strcmp(kind->name, "nats") == 0;
	int depth = 0;

	buf_reset(text);
	if (strcmp(section->name, "deadLetter") == 0)
		buf_text(text, "processor: {onFailure: deadLetter}\n");
	strcpy(copy, section->name);
	while (copy[0] != '\0' && (name = strsep(&rest, ".")) != NULL) {
		if (strcmp(name, "rotate") == 0)
			buf_text(text, "  kind: file\n");
		if (strcmp(name, "batch") == 0 && kind != NULL)
			buf_text(text, "  kind: exec\n");
		if (strcmp(name, "security") == 0 && nats)
			buf_text(text, "  kind: nats\n");
		else if (strcmp(name, "security") == 0) /* what goes together with each of its keys */
			buf_text(text, "  kind: kafka\n"
				       "  properties: {security.protocol: sasl_ssl, sasl.mechanism: PLAIN, "
				       "sasl.username: a, sasl.password: b, ssl.certificate.location: c, "
				       "ssl.key.location: d}\n");
		buf_printf(text, "%*s%s:\n", 2 * depth++, "", name);
	}
	if (section->kinds != NULL && strcmp(key->name, "kind") != 0)
		buf_printf(text, "%*skind: %s\n", 2 * depth, "", kind->name);
	if (strcmp(key->name, "processingGuarantee") == 0)
		buf_text(text, "sink: {kind: kafka}\n");
	if (strcmp(key->name, "network") == 0)
		buf_printf(text, "%*sisolation: strict\n", 2 * depth, "");
	if (nats && section->kinds == NULL && partner(key->name) != NULL)
		buf_printf(text, "%*s%s\n", 2 * depth, "", partner(key->name));
	buf_printf(text, "%*s%s: %s\n", 2 * depth, "", key->name, value);
}

/* Gives the key a value other than its default; false if none of the values can be its. */
static bool set_key(const struct section *section, const struct kind *kind, const struct key *key)
{
	struct config initial;
	struct buf text = {0};
	bool found = false;

	config_init(&initial);
	for (size_t i = 0; !found && i < sizeof values / sizeof values[0]; i++) {
		struct buf value;

		write_one(&text, section, kind, key, values[i]);
		if (load_bytes(text.data, text.length, SECTION_ALL) != 0)
			continue;
		value = value_of(&config, section, key);
		found = !has_value(&initial, section, key, &value);
		buf_release(&value);
	}
	buf_release(&text);
	config_release(&initial);
	return found;
}

/* A stage that is handed this key has the value that the file gave. */
static void check_key(const struct section *section, const struct kind *kind, const struct key *key)
{
	struct buf value, text, complaints = {0};
	struct config again;
	int fd;

	if (!set_key(section, kind, key))
		unit_fail(__FILE__, __LINE__, "no value for %s.%s", section->name, key->name);
	value = value_of(&config, section, key);
	text = dump_of(&config, SECTION_ALL, false);
	fd = fd_memory("dump", text.data, text.length);
	config_init(&again);
	CHECK_INT(config_load_fd(&again, fd, SECTION_ALL, &complaints), 0);
	if (!has_value(&again, section, key, &value))
		unit_fail(__FILE__, __LINE__, "%s.%s is lost on its way to a stage: %s",
			section->name, key->name, (char *)text.data);
	config_release(&again);
	close(fd);
	buf_release(&value);
	buf_release(&text);
	buf_release(&complaints);
}

/* Checks all keys below, of this kind; returns how many. Keys that change others (fireAndForget) or do nothing
 * (channelBufferSize) have no value that a stage could need. */
static size_t check_keys(const struct section *section, const struct kind *of)
{
	static const struct value_type *const without_value[] = {&switch_type, &no_effect_type};
	const struct kind *kind;
	const struct key *key;
	size_t count = 0;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		bool has_none = false;

		for (size_t j = 0; j < sizeof without_value / sizeof without_value[0]; j++)
			has_none = has_none || key->type == without_value[j];
		if (key->section != NULL) {
			count += check_keys(key->section, kind);
		} else if (!has_none) {
			CHECK(key->type->write != NULL);
			check_key(section,
				kind != NULL		 ? kind
				: section->kinds == NULL ? of
							 : section->kinds[0],
				key);
			count++;
		}
	}
	return count;
}

TEST(no_key_is_lost_on_its_way_to_a_stage)
{
	CHECK(check_keys(&schema_top, NULL) > 45);
}

/* A name is one key, of the section itself or of one or several kinds; each has a range if its type
 * has one. */
static void check_declarations(const struct section *section)
{
	const struct kind *kind, *other_kind;
	const struct key *key, *other;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		for (size_t j = 0; j < i; j++) {
			other = schema_key(section, j, &other_kind);
			if (strcmp(key->name, other->name) == 0 &&
				(other_kind == NULL || other_kind == kind))
				unit_fail(__FILE__, __LINE__, "%s.%s is declared twice",
					section->name, key->name);
		}
		CHECK(key->low <= key->high);
		if (key->type == &duration_type || key->type == &size_type ||
			key->type == &count_type)
			CHECK(key->high > 0);
		if (key->type == &choice_type)
			CHECK(key->words != NULL);
		if (key->section != NULL)
			check_declarations(key->section);
	}
}

TEST(each_key_is_declared_once)
{
	check_declarations(&schema_top);
}

/* ---- anything at all ---- */

/* Files made from a good one by changing, doubling and cutting bytes: nothing crashes (the
 * sanitizer builds look closer), and what is taken is read back from its dump. */
TEST(mutated_files)
{
	static const char seed[] =
		"name: a\nshutdownTimeout: 30s\nprocessor:\n  workers: 2\n  env:\n    - name: A\n"
		"      value: \"b\\n${HOME:-x} $$\"\nsource: {kind: kafka, brokers: [a:1, b], "
		"topics: [t],\n"
		"  consumerGroup: g, offset: 2026-01-31, window: 4MiB, properties: {client.id: "
		"'q'}}\n"
		"sink:\n  kind: kafka # why\n  brokers: x:1,y:2\n  topic: out\n  partition: 1\n";
	static const char alphabet[] = "\n\n  :-[]{},'\"$&*!#?|>%@~\\\t0a\xc3\xa4\xff";
	unsigned state = 1;
	size_t taken = 0;

	for (int round = 0; round < 4000; round++) {
		char text[2 * sizeof seed];
		size_t length = strlen(seed);

		memcpy(text, seed, length);
		for (int change = 0; change <= round % 4; change++) {
			size_t at, many;

			state = state * 1103515245U + 12345U;
			at = (state >> 8) % length;
			many = (state >> 20) % 8;
			if (state % 3 == 0) {
				text[at] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
			} else if (state % 3 == 1 && at + many < length) {
				memmove(text + at, text + at + many, length - at - many);
				length -= many;
			} else if (at + many < length && length + many < sizeof text) {
				memmove(text + at + many, text + at, length - at);
				length += many;
			}
		}
		if (load_bytes(text, length, SECTION_ALL) == 0 &&
			config_missing(&config, SECTION_ALL, &notes) == 0) {
			check_dump(SECTION_ALL);
			taken++;
		}
	}
	CHECK(taken > 100);
	CHECK(taken < 3900);
}

UNIT_MAIN
