/* The times of a member of a consumer group, and what they say about one another. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/diagnostics.h"

enum group_time { TIME_HEARTBEAT, TIME_SESSION, TIME_POLL, TIME_REBALANCE };

static const char *const names[] = {[TIME_HEARTBEAT] = "heartbeat.interval.ms",
	[TIME_SESSION] = "session.timeout.ms",
	[TIME_POLL] = "max.poll.interval.ms",
	[TIME_REBALANCE] = "source.rebalanceTimeout"};

static const struct {
	enum group_time shorter, longer;
	bool equal; /* whether the two may be equal */
	const char *why;
} rules[] = {
	{TIME_HEARTBEAT, TIME_SESSION, false,
		"the group would give a member up between two heartbeats"},
	{TIME_SESSION, TIME_POLL, true, "librdkafka takes no other"},
	{TIME_REBALANCE, TIME_POLL, false,
		"the group would give a member up that waits for its records under way"},
};

_Static_assert(sizeof rules / sizeof rules[0] == GROUP_TIME_RULES, "as many as the header says");

/* The property that gives this time, or NULL. */
static const struct setting *time_given(const struct source_config *source, enum group_time time)
{
	for (size_t i = 0; i < source->properties.count; i++)
		if (strcmp(source->properties.items[i].name, names[time]) == 0)
			return &source->properties.items[i];
	return NULL;
}

static int64_t default_of(const struct source_config *source, enum group_time time)
{
	switch (time) {
	case TIME_HEARTBEAT:
		return GROUP_HEARTBEAT_MS;
	case TIME_SESSION:
		return source->group_instance_id == NULL ? GROUP_SESSION_MS
							 : GROUP_STATIC_SESSION_MS;
	case TIME_POLL:
		return source->rebalance_timeout_ms + GROUP_SILENCE_MS;
	case TIME_REBALANCE:
		break;
	}
	return source->rebalance_timeout_ms;
}

static void write_time(char text[32], const struct setting *setting, int64_t ms)
{
	if (setting != NULL && setting->shown != NULL)
		snprintf(text, 32, "%.31s", setting->shown);
	else
		snprintf(text, 32, "%lld ms", (long long)ms);
}

bool config_group_times_wrong(
	const struct source_config *source, size_t rule, char why[256], struct config_place *place)
{
	enum group_time times[] = {rules[rule].shorter, rules[rule].longer};
	const struct setting *settings[2];
	char texts[2][32];
	int64_t ms[2];

	for (int i = 0; i < 2; i++) {
		settings[i] = time_given(source, times[i]);
		ms[i] = default_of(source, times[i]);
		if (settings[i] != NULL && !text_integer(settings[i]->value, 0, INT64_MAX, &ms[i]))
			return false; /* librdkafka reports what is wrong with it */
	}
	if (ms[0] < ms[1] || (ms[0] == ms[1] && rules[rule].equal))
		return false;
	*place = settings[1] != NULL   ? settings[1]->place
		 : settings[0] != NULL ? settings[0]->place
				       : NO_PLACE;
	for (int i = 0; i < 2; i++)
		write_time(texts[i], settings[i], ms[i]);
	snprintf(why, 256, "'%s' (%s) must %s than '%s' (%s): %s", names[times[1]], texts[1],
		rules[rule].equal ? "not be shorter" : "be longer", names[times[0]], texts[0],
		rules[rule].why);
	return true;
}
