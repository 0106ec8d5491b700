/*
 * A line that says what is waited for: at once, then after 1, 2, 4 ... 60 seconds; and a last one
 * when the wait is over.
 */
#ifndef BASE_REMINDER_H
#define BASE_REMINDER_H

#include <stdbool.h>
#include <stdint.h>

enum { REMINDER_FIRST_MS = 1000, REMINDER_LAST_MS = 60000 };

struct reminder { /* zeroed: nothing was said yet */
	int64_t due;
	int64_t wait_ms;
};

static inline bool reminder_begun(const struct reminder *reminder)
{
	return reminder->wait_ms > 0;
}

/* Whether it is time to say it; if so, the next time is twice as far away. */
static inline bool reminder_due(struct reminder *reminder, int64_t now)
{
	if (reminder_begun(reminder) && now < reminder->due)
		return false;
	reminder->wait_ms = reminder_begun(reminder) ? reminder->wait_ms * 2 : REMINDER_FIRST_MS;
	if (reminder->wait_ms > REMINDER_LAST_MS)
		reminder->wait_ms = REMINDER_LAST_MS;
	reminder->due = now + reminder->wait_ms;
	return true;
}

/* What was waited for is there again. Whether it was missed in a line, so that this is worth one, too;
 * the next time is said at once. */
static inline bool reminder_over(struct reminder *reminder)
{
	bool told = reminder_begun(reminder);

	*reminder = (struct reminder){0};
	return told;
}

#endif
