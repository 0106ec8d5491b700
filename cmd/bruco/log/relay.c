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

void relay_release(struct relay *relay)
{
	relay_release_held(relay);
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

void relay_only_worker(struct relay *relay, int worker)
{
	relay->only = worker;
	relay_release_held(relay);
}

int64_t relay_deadline(const struct relay *relay)
{
	return relay->held_count > 0 ? relay->held_since + RELAY_HOLD_MS : -1;
}

void relay_tick(struct relay *relay, int64_t now_ms)
{
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

void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
{
	char message[LOG_LINE_MAX];
	va_list arguments;
	size_t length;
	char *line;

	if (level > log_level())
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	line = log_make(level, "bruco", NULL, NULL, message, &length);
	if (line != NULL)
		relay_put(relay, RELAY_NO_WORKER, line, length);
	free(line);
}
