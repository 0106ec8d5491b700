/* lib/json: what a tokenCommand may print. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/token_answer.h"
#include "unit.h"

enum { NOW = 1767225600 }; /* seconds */

static struct token_answer answer;
static char why[TOKEN_WHY_MAX];

static bool reads(const char *text)
{
	token_answer_release(&answer);
	return token_answer_read(text, strlen(text), NOW * 1000LL, &answer, why);
}

#define CHECK_LIFETIME(text, want)                                                                 \
	do {                                                                                       \
		if (!reads(text))                                                                  \
			unit_fail(__FILE__, __LINE__, "%s", why);                                  \
		CHECK_INT(answer.lifetime_ms, want);                                               \
	} while (0)

#define CHECK_WRONG(text, want)                                                                    \
	do {                                                                                       \
		CHECK(!reads(text));                                                               \
		CHECK_TEXT(why, want);                                                             \
		CHECK(answer.token == NULL && answer.extension_count == 0);                        \
	} while (0)

TEST(the_answer_of_a_token_endpoint)
{
	CHECK_LIFETIME("{\"access_token\": \"a.b-c_d~e+f/g==\", \"token_type\": \"Bearer\",\n"
		       " \"expires_in\": 3600, \"scope\": \"kafka\"}\n",
		3600000);
	CHECK_TEXT(answer.token, "a.b-c_d~e+f/g==");
	CHECK_TEXT(answer.principal, "");
	CHECK_INT(answer.extension_count, 0);
}

TEST(lifetimes)
{
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_in\": 0.25}", 250);
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_in\": \"3599\"}", 3599000);
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_in\": 1e300}", TOKEN_SECONDS_MAX * 1000LL);
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_at\": 1767225630}", 30000);
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_at\": \"1767225630\"}", 30000);
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_at\": \"2026-01-01T00:01:00Z\"}", 60000);
	CHECK_LIFETIME("{\"access_token\": \"x\", \"expires_in\": 5, \"expires_at\": \"?\"}", 5000);
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": 0}", "its token has expired");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": -1}", "its token has expired");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_at\": 1767225600}", "its token has expired");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_at\": -1e300}", "its token has expired");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": \"soon\"}",
		"its 'expires_in' is not a number of seconds");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": null}",
		"its 'expires_in' is not a number of seconds");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_at\": \"soon\"}",
		"its 'expires_at' is not a time");
	CHECK_WRONG("{\"access_token\": \"x\"}", "it has neither 'expires_in' nor 'expires_at'");
}

TEST(what_is_no_answer)
{
	CHECK_WRONG("", "it printed nothing");
	CHECK(!reads("\nhunter2")); /* jansson's columns are not always the same */
	CHECK(strncmp(why, "it did not print JSON (line 2, column ", 38) == 0);
	CHECK(!reads("{\"access_token\": \"x\", \"expires_in\": 5} more"));
	CHECK(strncmp(why, "it did not print JSON (line 1, column ", 38) == 0);
	CHECK_WRONG("[1]", "it printed JSON that is no object");
	CHECK_WRONG("{\"error\": \"invalid_client\"}", "it has no 'access_token'");
	CHECK_WRONG("{\"access_token\": \"\", \"expires_in\": 5}", "its 'access_token' is not a token");
	CHECK_WRONG("{\"access_token\": \"a b\", \"expires_in\": 5}", "its 'access_token' is not a token");
	CHECK_WRONG("{\"access_token\": \"a\\u0001b\", \"expires_in\": 5}",
		"its 'access_token' is not a token");
	CHECK_WRONG("{\"access_token\": \"=a\", \"expires_in\": 5}", "its 'access_token' is not a token");
	CHECK_WRONG("{\"access_token\": 1, \"expires_in\": 5}", "its 'access_token' is not a token");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": 5, \"principal\": 1}",
		"its 'principal' is not a text");
}

TEST(principal_and_extensions)
{
	CHECK(reads("{\"access_token\": \"x\", \"expires_in\": 5, \"principal\": \"me\",\n"
		    " \"extensions\": {\"logicalCluster\": \"lkc-1\", \"identityPoolId\": \"\"}}"));
	CHECK_TEXT(answer.principal, "me");
	CHECK_INT(answer.extension_count, 4);
	CHECK_TEXT(answer.extensions[0], "logicalCluster");
	CHECK_TEXT(answer.extensions[1], "lkc-1");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": 5, \"extensions\": []}",
		"its 'extensions' are not a map of 32 texts at most");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": 5, \"extensions\": {\"auth\": \"x\"}}",
		"one of its 'extensions' is not letters and a text");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": 5, \"extensions\": {\"a\": \"\\u0001\"}}",
		"one of its 'extensions' is not letters and a text");
	CHECK_WRONG("{\"access_token\": \"x\", \"expires_in\": 5, \"extensions\": {\"a\": 1}}",
		"one of its 'extensions' is not letters and a text");
}

TEST(too_many_extensions)
{
	struct buf text = {0};

	buf_text(&text, "{\"access_token\": \"x\", \"expires_in\": 5, \"extensions\": {\"a\": \"\"");
	for (char letter = 'b'; letter <= 'z'; letter++)
		buf_printf(&text, ", \"%c\": \"\", \"%cx\": \"\"", letter, letter);
	buf_text(&text, "}}");
	buf_byte(&text, '\0');
	CHECK_WRONG((const char *)text.data, "its 'extensions' are not a map of 32 texts at most");
	buf_release(&text);
}

UNIT_MAIN
