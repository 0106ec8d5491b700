/* lib/config: ${VAR} and ${file:PATH}, and who gets to see them. */
#include "config_file.h"

#include <stdlib.h>
#include <string.h>

TEST(substitution)
{
	enter_folder();
	write_file("secret", "hunter2\n\n", 9);
	CHECK(setenv("BRUCO_TEST_A", "x: [1, #y", 1) == 0);
	CHECK(setenv("BRUCO_TEST_EMPTY", "", 1) == 0);
	CHECK(setenv("BRUCO_TEST_NULL", "null", 1) == 0);
	CHECK_GOOD("processor:\n"
		   "  env:\n"
		   "  - {name: A, value: '<${BRUCO_TEST_A}>'}\n"
		   "  - {name: B, value: '${BRUCO_TEST_NO:-other}${BRUCO_TEST_EMPTY:-}'}\n"
		   "  - {name: C, value: '${BRUCO_TEST_EMPTY:-text}'}\n"
		   "  - {name: D, value: '${BRUCO_TEST_EMPTY}'}\n"
		   "  - {name: E, value: '${file:secret}'}\n"
		   "  - {name: F, value: 'a$b $$ $${X} $'}\n"
		   "  - {name: G, value: \"${BRUCO_TEST_NULL}\"}\n"
		   "  - name: H\n"
		   "    value: ${BRUCO_TEST_NULL}\n");
	CHECK_TEXT(config.processor.env.items[0].value, "<x: [1, #y>");
	CHECK_TEXT(config.processor.env.items[1].value, "other");
	CHECK_TEXT(config.processor.env.items[2].value, "text");
	CHECK_TEXT(config.processor.env.items[3].value, "");
	CHECK_TEXT(config.processor.env.items[4].value, "hunter2\n");
	CHECK_TEXT(config.processor.env.items[5].value, "a$b $ ${X} $");
	CHECK_TEXT(config.processor.env.items[6].value, "null");
	CHECK_TEXT(config.processor.env.items[7].value, "null");
	CHECK_INT(config.secret_variables.count, 0);
}

TEST(substitution_that_fails)
{
	enter_folder();
	write_file("secret", "\xff", 1);
	CHECK(setenv("BRUCO_TEST_PASSWORD", "\xff", 1) == 0);
	CHECK_MISTAKE("name: ${BRUCO_TEST_PASWORD}\n",
		"1:7: variable 'BRUCO_TEST_PASWORD' is not set (did you mean "
		"'BRUCO_TEST_PASSWORD'?)");
	CHECK_MISTAKE("name: ${BRUCO_TEST_PASSWORD}\n",
		"1:7: 'BRUCO_TEST_PASSWORD' is not a text in UTF-8");
	CHECK_MISTAKE("name: ${file:secret}\n", "1:7: 'secret' is not a text in UTF-8");
	CHECK_MISTAKE("name: ${file:/no/such/file}\n",
		"1:7: cannot read file '/no/such/file': No such file or directory");
	CHECK_MISTAKE(
		"name: ${UNCLOSED\n", "1:7: '${' without its '}' (write $$ for a '$' itself)");
	CHECK_MISTAKE("name: ${1A}\n",
		"1:7: cannot substitute '${1A}': expected ${NAME}, ${NAME:-text} or ${file:PATH} "
		"(write $$ for a '$' itself)");
	CHECK_INT(load("name: ${}${A-b}${A:?b}${file:}${A:-${B}}\n"), 5);
}

TEST(variables_of_source_and_sink_are_secret)
{
	CHECK(setenv("BRUCO_TEST_A", "a", 1) == 0);
	CHECK_GOOD("name: ${BRUCO_TEST_NAME:-n}\n"
		   "processor: {onFailure: deadLetter, env: [{name: A, value: "
		   "'${BRUCO_TEST_B:-b}'}]}\n" KAFKA_SOURCE
		   ", properties: {sasl.password: '${BRUCO_TEST_A}${BRUCO_TEST_C:-}'}}\n"
		   "sink: {kind: kafka, topic: '${BRUCO_TEST_A}', properties: {x: "
		   "'${BRUCO_TEST_D:-}'}}\n"
		   "deadLetter: {kind: kafka, topic: '${BRUCO_TEST_E:-e}'}\n");
	CHECK_INT(config.secret_variables.count, 4);
	CHECK_TEXT(config.secret_variables.items[3], "BRUCO_TEST_E");
	CHECK_TEXT(config.secret_variables.items[0], "BRUCO_TEST_A");
	CHECK_TEXT(config.secret_variables.items[1], "BRUCO_TEST_C");
	CHECK_TEXT(config.secret_variables.items[2], "BRUCO_TEST_D");
}

TEST(other_sections_are_neither_resolved_nor_kept)
{
	static const char text[] =
		"processor: {workers: '${NO_SUCH_THING_HERE}'}\n"
		"source: {kind: '${NO_SUCH_THING_HERE}', topics: [a, '${NO_SUCH_THING_HERE}'],\n"
		"  properties: {a: '${file:/no/such/file}', group.id: x}, balanceStrategy: "
		"sticky}\n"
		"sink: {kind: kafka, topic: t}\n";

	CHECK_INT(load_bytes(text, strlen(text), SECTION_SINK), 1);
	CHECK_TEXT(said(),
		"config.yaml:3:44: source.properties: 'group.id' cannot be set here: use "
		"'consumerGroup'\n");
	CHECK(!config.source.present);
	CHECK(config.source.kind == NULL);
	CHECK_INT(config.source.topics.count, 0);
	CHECK(!config.processor.present);
	CHECK_TEXT(config.sink.topic, "t");
	CHECK_INT(config.secret_variables.count, 1);
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 1);
}

TEST(source_and_sink_go_by_the_processor_but_never_see_its_environment)
{
	static const char text[] = "processor:\n  onFailure: skip\n  ordering: key\n"
				   "  env: [{name: A, value: '${NO_SUCH_THING_HERE}'}]\n"
				   "source: {kind: lines}\n";
	struct buf out = {0};

	CHECK_INT(load_bytes(text, strlen(text), SECTION_SOURCE | SECTION_POLICY), 0);
	CHECK_INT(config.processor.on_failure, FAILURE_SKIP);
	CHECK_INT(config.processor.ordering, ORDERING_KEY);
	CHECK_INT(config.processor.env.count, 0);
	config.processor.env.items = (struct setting[]){{.name = "A", .value = "secret"}};
	config.processor.env.count = 1;
	config_dump(&config, SECTION_SINK | SECTION_POLICY, false, &out);
	buf_byte(&out, '\0');
	CHECK(strstr((char *)out.data, "onFailure") != NULL);
	CHECK(strstr((char *)out.data, "secret") == NULL);
	config.processor.env = (struct settings){0};
	buf_release(&out);
}

UNIT_MAIN
