/* lib/kafka: what librdkafka says, without values. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/redact.h"

static struct setting items[] = {
	{.name = "client.id", .value = "orders", .shown = "${ID}"},
	{.name = "linger.ms", .value = "5", .shown = "${LINGER}"},
	{.name = "sasl.username", .value = "me", .shown = "***"},
	{.name = "sasl.password", .value = "hunter2-and-more", .shown = "***"},
	{.name = "ssl.key.password", .value = "hunter2-and-more-of-it", .shown = "${file:x}"},
	{.name = "client.rack", .value = "https://a:b@host/", .shown = "https://***@host/"},
	{.name = "debug", .value = "all"},
	{.name = "ssl.key.pem", .value = "", .shown = "${EMPTY}"},
};

/* "=" for a text that stays as it is. */
static const char *redacted(const char *text, enum redact_kind kind)
{
	static char shown[256];
	char *result;

	redact_learn(&(struct settings){.items = items, .count = sizeof items / sizeof items[0]});
	result = redact_text(text, kind);
	snprintf(shown, sizeof shown, "%s", result == NULL ? "=" : result);
	free(result);
	return shown;
}

TEST(nothing_is_hidden_before_there_is_a_secret)
{
	CHECK(redact_text("orders", REDACT_REASON) == NULL);
}

TEST(whole_values_are_hidden_the_longest_first)
{
	CHECK_TEXT(redacted("x hunter2-and-more y", REDACT_LINE), "x *** y");
	CHECK_TEXT(redacted("xhunter2-and-morey", REDACT_LINE), "x***y");
	CHECK_TEXT(redacted("hunter2-and-more-of-it,hunter2-and-more", REDACT_LINE), "${file:x},***");
	CHECK_TEXT(redacted("at https://a:b@host/", REDACT_LINE), "at https://***@host/");
	CHECK_TEXT(redacted("", REDACT_LINE), "=");
	CHECK_TEXT(redacted("debug all", REDACT_REASON), "=");
}

TEST(short_values_do_not_blank_out_the_log)
{
	CHECK_TEXT(redacted("orders#producer-1 reorders orders1 (orders)", REDACT_LINE),
		"${ID}#producer-1 reorders orders1 (${ID})");
	CHECK_TEXT(redacted("me and 5 of 15: let me see", REDACT_LINE), "=");
	CHECK_TEXT(redacted("[thrd:app]:   linger.ms = 5", REDACT_LINE), "[thrd:app]:   linger.ms = ${LINGER}");
	CHECK_TEXT(redacted("  retries = 5", REDACT_LINE), "=");
	CHECK_TEXT(redacted("= 5", REDACT_LINE), "=");
}

TEST(reasons_show_neither_short_values_nor_pieces)
{
	CHECK_TEXT(redacted("property \"linger.ms\" value 5 is outside 0..15", REDACT_REASON),
		"property \"linger.ms\" value ${LINGER} is outside 0..15");
	CHECK_TEXT(redacted("value 5 of me is wrong", REDACT_REASON), "=");
	CHECK_TEXT(redacted("wrong from: and-more", REDACT_REASON), "wrong from: ${file:x}");
	CHECK_TEXT(redacted("wrong from: and-more", REDACT_LINE), "=");
	CHECK_TEXT(redacted("hunter2", REDACT_REASON), "="); /* seven bytes are no proof */
	CHECK_TEXT(redacted("see https://", REDACT_REASON), "=");
}

UNIT_MAIN
