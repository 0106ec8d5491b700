/* Durations, sizes, rates, times, offsets, addresses: what is read, written and read again is the same.
 * Cuts of UTF-8 are UTF-8. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/format.h"
#include "base/printable.h"
#include "base/text.h"
#include "config/config.h"
#include "config/schema.h"
#include "config/types/values.h"
/* longest input: 256 */

static void again(const char *text, bool (*read)(const char *text, int64_t *value),
	void (*write)(char text[32], int64_t value))
{
	int64_t value, back;
	char written[32];

	if (!read(text, &value))
		return;
	HOLDS(value >= 0);
	write(written, value);
	HOLDS(strlen(written) < sizeof written - 1);
	HOLDS(read(written, &back) && back == value);
}

static void offsets(const char *text)
{
	struct start_offset offset = {0};

	if (config_offset(text, &offset))
		HOLDS(offset.value >= 0);
}

static void addresses(const char *text)
{
	struct sockaddr_storage address;
	socklen_t length = 0;

	if (address_parse(text, &address, &length))
		HOLDS(length > 0 && length <= sizeof address &&
			(address.ss_family == AF_INET || address.ss_family == AF_INET6));
}

static void integers(const char *text)
{
	int64_t value;

	if (text_integer(text, -5, 1000, &value))
		HOLDS(value >= -5 && value <= 1000);
}

static void cuts(const uint8_t *data, size_t length)
{
	bool is_utf8 = text_utf8(data, length);

	for (size_t most = 0; most <= length; most++) {
		size_t kept = text_cut(data, length, most);

		HOLDS(kept <= most && most - kept < 4);
		HOLDS(!is_utf8 || text_utf8(data, kept));
	}
}

static void printables(const uint8_t *data, size_t length)
{
	struct buf out = {0}, twice = {0};

	for (enum printable_form form = PRINTABLE_TEXT; form <= PRINTABLE_JSON; form++) {
		buf_reset(&out);
		printable_append(form, &out, data, length);
		HOLDS(text_utf8(out.data, out.length));
		HOLDS(out.length == 0 || form == PRINTABLE_JSON ||
			printable_run(form, out.data, out.length) == out.length);
		if (form != PRINTABLE_JSON) {
			buf_reset(&twice);
			printable_append(form, &twice, out.data, out.length);
			HOLDS(twice.length == out.length);
		}
	}
	buf_release(&out);
	buf_release(&twice);
}

FUZZ(data, length)
{
	static const char *const words[] = {"source", "sink", "processor", "deadLetter", ""};
	struct fuzz_input input = {data, length};
	char *text = fuzz_text(&input);
	uint8_t *bytes = fuzz_rest(&input);
	struct texts texts = {0};
	struct settings settings = {0};
	bool yes;

	again(text, text_duration, format_duration);
	again(text, text_size, format_size);
	again(text, text_rate, format_rate);
	again(text, text_time, format_time);
	offsets(text);
	addresses(text);
	integers(text);
	HOLDS(text_boolean(text, &yes) || !yes);
	text_nearest(text, words, sizeof words / sizeof words[0]);
	config_texts(&texts, text);
	for (size_t i = 0; i < texts.count; i++)
		HOLDS(strpbrk(texts.items[i], ", ") == NULL);
	texts_clear(&texts);
	HOLDS(config_setting(&settings, text) == (settings.count == 1));
	settings_clear(&settings);
	cuts(bytes, length);
	printables(bytes, length);
	free(text);
	free(bytes);
	return 0;
}
