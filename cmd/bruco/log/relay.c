#include "bruco/log/relay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

void relay_init(struct relay *relay, int fd)
{
	*relay = (struct relay){.only = RELAY_NO_WORKER};
	log_writer_init(&relay->writer, fd);
}

/* Says of the entries whose time is over how many were left out. */
static void show_repeats(struct relay *relay, int64_t now_ms)
{
	struct buf line = {0};
	int owner;

	while (repeats_ended(&relay->repeats, now_ms, &owner, &line))
		relay_put(relay, owner, (const char *)line.data, line.length);
	buf_release(&line);
}

void relay_release(struct relay *relay)
{
	relay_show_rest(relay);
	repeats_release(&relay->repeats);
	log_writer_release(&relay->writer);
}

void relay_hold(struct relay *relay)
{
	relay->holding = true;
}

void relay_show_held(struct relay *relay)
{
	for (size_t i = 0; i < relay->held_count; i++) {
		const struct held *held = &relay->held[i];

		if (relay->only == RELAY_NO_WORKER || relay->only == held->owner)
			log_writer_put(
				&relay->writer, (const char *)held->text.data, held->text.length);
		buf_release(&relay->held[i].text);
	}
	free(relay->held);
	relay->held = NULL;
	relay->held_count = 0;
	relay->held_bytes = 0;
}

void relay_release_held(struct relay *relay)
{
	relay->holding = false;
	relay_show_held(relay);
}

void relay_show_rest(struct relay *relay)
{
	show_repeats(relay, INT64_MAX);
	relay_release_held(relay);
}

void relay_only_worker(struct relay *relay, int worker)
{
	relay->only = worker;
	relay_release_held(relay);
}

int64_t relay_deadline(const struct relay *relay)
{
	int64_t held = relay->held_count > 0 ? relay->held_since + RELAY_HOLD_MS : -1;
	int64_t repeats = repeats_deadline(&relay->repeats);

	return clock_sooner(held, repeats);
}

void relay_tick(struct relay *relay, int64_t now_ms)
{
	show_repeats(relay, now_ms);
	if (relay->held_count > 0 && now_ms >= relay->held_since + RELAY_HOLD_MS)
		relay_show_held(relay);
}

static void hold(struct relay *relay, int owner, const char *text, size_t length)
{
	struct held *last = relay->held_count > 0 ? &relay->held[relay->held_count - 1] : NULL;

	if (last == NULL)
		relay->held_since = clock_ms();
	if (last == NULL || last->owner != owner) {
		relay->held = mem_grow(relay->held, relay->held_count + 1, sizeof *relay->held);
		last = &relay->held[relay->held_count++];
		*last = (struct held){.owner = owner};
	}
	buf_append(&last->text, text, length);
	relay->held_bytes += length;
	if (relay->held_bytes > RELAY_HOLD_MAX)
		relay_show_held(relay);
}

void relay_put(struct relay *relay, int owner, const char *text, size_t length)
{
	if (owner != RELAY_NO_WORKER && relay->only != RELAY_NO_WORKER && relay->only != owner)
		return;
	if (owner != RELAY_NO_WORKER && relay->holding)
		hold(relay, owner, text, length);
	else
		log_writer_put(&relay->writer, text, length);
}

void relay_put_log(
	struct relay *relay, int owner, const char *text, size_t length, bool *left_out)
{
	bool numbers_aside = owner == RELAY_NO_WORKER;
	int64_t now = clock_ms();
	size_t shown = 0, entry; /* `shown` bytes before `text` were not put yet: one write for all */

	for (; length > 0; text += entry, length -= entry) {
		entry = repeats_entry(text, length);
		if (!repeats_continues(text, length))
			*left_out = log_level() < LEVEL_DEBUG &&
				    !repeats_show(&relay->repeats, owner, numbers_aside, text,
					    entry, now);
		if (*left_out && shown > 0)
			relay_put(relay, owner, text - shown, shown);
		shown = *left_out ? 0 : shown + entry;
	}
	if (shown > 0)
		relay_put(relay, owner, text - shown, shown);
}

__attribute__((format(printf, 4, 0))) static void put_line(struct relay *relay,
	enum log_level level, const struct log_about *about, const char *format,
	va_list arguments)
{
	char message[LOG_LINE_MAX];
	size_t length;
	char *line;

	if (level > log_level())
		return;
	vsnprintf(message, sizeof message, format, arguments);
	line = log_make(level, "bruco", NULL, about, message, &length);
	if (line != NULL)
		relay_put(relay, RELAY_NO_WORKER, line, length);
	free(line);
}

void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line(relay, level, NULL, format, arguments);
	va_end(arguments);
}

void relay_about(struct relay *relay, enum log_level level, const struct log_about *about,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line(relay, level, about, format, arguments);
	va_end(arguments);
}
