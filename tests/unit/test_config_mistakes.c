/* lib/config: what is said about files of a wrong form, and about keys that are missing. */
#include "config_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

TEST(what_is_missing)
{
	CHECK_GOOD("source: {kind: kafka}\nsink: {kind: kafka}\n");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 5);
	CHECK_TEXT(said(), "config.yaml:1:1: source.brokers is missing\n"
			   "config.yaml:1:1: source.topics is missing\n"
			   "config.yaml:1:1: source.consumerGroup is missing\n"
			   "config.yaml:2:1: sink.brokers is missing\n"
			   "config.yaml:2:1: sink.topic is missing\n");
	buf_reset(&notes);
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 2);
	CHECK_GOOD("source:\nsink:\n");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 2);
	CHECK_TEXT(said(), "config.yaml:1:1: source.kind is missing\n"
			   "config.yaml:2:1: sink.kind is missing\n");
	/* Flags may give it. */
	config_replace(&config.source.kind, "lines");
	config_replace(&config.sink.kind, "lines");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

TEST(what_is_wrong_is_not_missing_too)
{
	CHECK_INT(load("source: {kind: kafka, brokers: [], topics: [a b], consumerGroup: ''}\n"
		       "sink: {kind: kafak}\n"),
		4);
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
	CHECK_INT(load("source: 5\nsink: []\n"), 2);
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

TEST(all_mistakes_in_the_order_of_the_file)
{
	CHECK_INT(load("sink: {kind: kafka, partition: x}\n"
		       "processor:\n"
		       "  workers: 0\n"
		       "  wrokers: 1\n"
		       "source:\n"
		       "  kind: kafka\n"
		       "  topcis: [a]\n"
		       "  offset: ${NO_SUCH_THING_HERE}\n"
		       "  kind: lines\n"),
		6);
	CHECK_TEXT(said(),
		"config.yaml:1:32: sink.partition: expected a number from 0 to 2147483647, found "
		"'x'\n"
		"config.yaml:3:12: processor.workers: expected a number from 1 to 256 or auto, "
		"found "
		"'0'\n"
		"config.yaml:4:3: unknown key 'wrokers' in processor (did you mean 'workers'?)\n"
		"config.yaml:7:3: unknown key 'topcis' in source (did you mean 'topics'?)\n"
		"config.yaml:8:11: variable 'NO_SUCH_THING_HERE' is not set\n"
		"config.yaml:9:3: duplicate key 'kind' (the first one is at 6:3)\n");
}

TEST(columns_count_characters)
{
	CHECK_MISTAKE("name: {\"äöü\": 1, 'x': 2}\n", "1:7: name: expected a text, found a map");
	CHECK_MISTAKE("source: {kind: lines, \"äöü\": 1}\n", "1:23: unknown key 'äöü' in source");
	CHECK_MISTAKE("{name: \"äöü\", x: 1}\n", "1:15: unknown key 'x'");
}

TEST(yaml_that_is_refused)
{
	CHECK_MISTAKE("name: *a\n", "1:7: aliases are not supported (a text that begins with '*' must be quoted)");
	CHECK_MISTAKE("name: &a x\n", "1:7: anchors are not supported (a text that begins with '&' must be quoted)");
	CHECK_MISTAKE("name: !!str x\n", "1:7: tags are not supported (a text that begins with '!' must be quoted)");
	CHECK_MISTAKE("sink: {<<: {kind: lines}, kind: lines}\n",
		"1:8: merge keys ('<<') are not supported");
	CHECK_MISTAKE("? [a]\n: b\n", "1:3: expected a key, found a list");
	CHECK_MISTAKE("--- {name: a}\n--- {name: b}\n",
		"2:1: a second document: a configuration is one document");
	CHECK_MISTAKE("- a\n", "1:1: expected keys such as 'source:', found a list");
	CHECK_MISTAKE("name\n", "1:1: expected keys such as 'source:', found a text");
	CHECK_MISTAKE("name: \"a\\0b\"\n", "1:7: a text cannot hold a NUL byte");
	CHECK_GOOD("%YAML 1.1\n---\nname: a\n...\n");
}

TEST(syntax_errors)
{
	CHECK_MISTAKE(
		"source:\n\tkind: kafka\n", "2:1: syntax error: a tab cannot indent, use spaces");
	CHECK_MISTAKE(
		"name: @a\n", "1:7: syntax error: a text that begins with '@' must be quoted");
	CHECK_MISTAKE("name: a: b\n", "1:8: syntax error: no ':' is expected here (a text with ': "
				      "' in it must be quoted; "
				      "keys of one map stand in one column)");
	CHECK_MISTAKE("source:\n  topics: [a, b\nsink: {}\n",
		"3:5: syntax error: did not find expected ',' or ']' while parsing a flow sequence "
		"(begun at 2:11)");
	CHECK_MISTAKE("name: \"a\n",
		"2:1: syntax error: found unexpected end of stream while scanning a quoted scalar "
		"(begun at 1:7)");
	CHECK_MISTAKE("source: {kind: ${KIND}}\n",
		"1:17: syntax error: '${' inside {} or [] must be quoted");
	CHECK_INT(load_bytes("name: a\nx: \xff\n", 13, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml:2:4: not a text in UTF-8: invalid leading UTF-8 octet\n");
	/* Nothing can be said of the rest. */
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

TEST(control_characters_do_not_reach_the_terminal)
{
	CHECK_MISTAKE("\"a\\e[31mb\\x9bc\": 1\n", "1:1: unknown key 'a\\x1b[31mb\\u009bc'");
	CHECK_MISTAKE("name: \"a\\nb\"\n",
		"1:7: name: expected a text, found a text with a line break or control character");
}

TEST(bounds)
{
	enum { SIZE = (1 << 20) + 1 };
	char *text = mem_alloc(SIZE);

	memset(text, '#', SIZE - 1);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 0);
	memset(text, '#', SIZE);
	CHECK_INT(load_bytes(text, SIZE, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml: larger than 1 MiB\n");
	memset(text, '[', SIZE - 1);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml:1:33: nested more than 32 levels deep\n");
	for (int i = 0; i < SIZE - 1; i += 2)
		memcpy(text + i, "- ", 2);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 1);
	for (int i = 0; i + 4 < SIZE; i += 4)
		memcpy(text + i, "- a\n", 4);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml:19999:3: more than 20000 values\n");
	free(text);
}

UNIT_MAIN
