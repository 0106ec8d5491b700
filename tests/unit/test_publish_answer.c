/* lib/json: what is stored, and what an answer says that is not a stream's. */
#include <string.h>

#include "json/publish_answer.h"
#include "unit.h"

static struct publish_answer answer;

static void read_answer(const char *text)
{
	publish_answer_read(text, strlen(text), &answer);
}

TEST(a_stream_has_stored_it)
{
	read_answer("{\"stream\": \"OUT\", \"seq\": 5}");
	CHECK(answer.stored);
	read_answer("{\"stream\":\"OUT\",\"domain\":\"d\",\"seq\":1,\"duplicate\":true}");
	CHECK(answer.stored);
}

TEST(a_stream_refuses_it)
{
	read_answer("{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum messages exceeded\"},"
		    "\"stream\":\"OUT\",\"seq\":0}");
	CHECK(!answer.stored);
	CHECK_INT(answer.code, 10077);
	CHECK_TEXT(answer.why, "maximum messages exceeded");
	read_answer("{\"error\": {\"code\": 503}, \"stream\": \"OUT\", \"seq\": 7}");
	CHECK(!answer.stored);
	CHECK_INT(answer.code, 503);
	CHECK_TEXT(answer.why, "it refuses the message");
}

TEST(what_else_may_answer_has_stored_nothing)
{
	static const char *const others[] = {"", "+OK", "5", "[]", "{}", "null", "{\"seq\": 5}", "{\"stream\": \"OUT\"}",
		"{\"stream\": \"OUT\", \"seq\": 0}", "{\"stream\": \"OUT\", \"seq\": \"5\"}",
		"{\"stream\": 1, \"seq\": 5}", "{\"error\": \"no\", \"stream\": \"OUT\", \"seq\": 5}",
		"{\"stream\": \"OUT\", \"seq\": 5} and more", "{\"stream\": \"OUT\", \"seq\": 5"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		read_answer(others[i]);
		CHECK(!answer.stored);
		CHECK_INT(answer.code, 0);
		CHECK_TEXT(answer.why, "who answers is not a stream");
	}
}

UNIT_MAIN
