#include "bruco/driver/watchdog.h"

enum { NS_PER_MS = 1000000 };

void watch_begin(struct watch *watch, int64_t now_ms)
{
	*watch = (struct watch){.due_ms = now_ms, .looked_ms = now_ms};
}

static bool same(const struct watch_claim *one, const struct watch_claim *other)
{
	return one->seq == other->seq && one->attempt == other->attempt &&
	       one->since_ns == other->since_ns;
}

/* The event is new since the last look, so it began between the two, whatever the page claims. */
static void take_event(struct watch *watch, const struct watch_claim *claim, int64_t now_ms)
{
	int64_t since_ms = claim->since_ns / NS_PER_MS;

	watch->running = true;
	watch->event = *claim;
	watch->given = WATCH_NOTHING;
	watch->next_ms = 0;
	watch->begun_ms = since_ms > now_ms ? now_ms : since_ms;
	if (watch->begun_ms < watch->looked_ms)
		watch->begun_ms = watch->looked_ms;
}

static enum watch_order give(
	struct watch *watch, enum watch_order order, int64_t now_ms, int64_t due_ms)
{
	watch->given = order;
	watch->given_ms = now_ms;
	watch->due_ms = due_ms;
	return order;
}

static enum watch_order warn(struct watch *watch, int64_t now_ms)
{
	if (watch->next_ms == 0)
		watch->next_ms = watch->begun_ms + WATCH_LONG_MS;
	watch->due_ms = watch->next_ms;
	if (now_ms < watch->next_ms)
		return WATCH_NOTHING;
	while (watch->next_ms <= now_ms)
		watch->next_ms += watch->next_ms - watch->begun_ms;
	return give(watch, WATCH_LONG, now_ms, watch->next_ms);
}

static enum watch_order alarm_again(struct watch *watch, int64_t now_ms)
{
	int64_t grace_ends_ms = watch->given_ms + WATCH_GRACE_MS;

	if (now_ms >= grace_ends_ms)
		return give(watch, WATCH_DUMP, now_ms, now_ms + WATCH_DUMP_MS);
	watch->due_ms = watch->next_ms;
	if (now_ms < watch->next_ms)
		return WATCH_NOTHING;
	watch->next_ms = now_ms + WATCH_AGAIN_MS;
	watch->due_ms = watch->next_ms < grace_ends_ms ? watch->next_ms : grace_ends_ms;
	return WATCH_ALARM;
}

static enum watch_order enforce(struct watch *watch, int64_t timeout_ms, int64_t now_ms)
{
	int64_t up_ms = watch->begun_ms + timeout_ms + WATCH_TICK_MS;

	switch (watch->given) {
	case WATCH_TIMEOUT:
		return alarm_again(watch, now_ms);
	case WATCH_DUMP:
		watch->due_ms = watch->given_ms + WATCH_DUMP_MS;
		if (now_ms < watch->due_ms)
			return WATCH_NOTHING;
		return give(watch, WATCH_KILL, now_ms, now_ms + WATCH_AGAIN_MS);
	case WATCH_KILL: /* the worker is killed and will be reaped */
		watch->due_ms = now_ms + WATCH_AGAIN_MS;
		return WATCH_NOTHING;
	default:
		watch->due_ms = up_ms;
		if (now_ms < up_ms)
			return WATCH_NOTHING;
		watch->next_ms = now_ms + WATCH_AGAIN_MS;
		return give(watch, WATCH_TIMEOUT, now_ms, watch->next_ms);
	}
}

enum watch_order watch_look(
	struct watch *watch, const struct watch_claim *claim, int64_t timeout_ms, int64_t now_ms)
{
	enum watch_order order = WATCH_NOTHING;

	if (!page_runs(claim->state)) {
		/* An event that begins from now on is within its time limit until then. */
		int64_t wait_ms = timeout_ms > 0 ? timeout_ms : WATCH_LONG_MS;

		watch->running = false;
		watch->due_ms = now_ms + (wait_ms > WATCH_IDLE_MS ? wait_ms : WATCH_IDLE_MS);
	} else {
		if (!watch->running || !same(&watch->event, claim))
			take_event(watch, claim, now_ms);
		order = timeout_ms > 0 ? enforce(watch, timeout_ms, now_ms) : warn(watch, now_ms);
	}
	watch->looked_ms = now_ms;
	return order;
}

struct watch_claim watch_read(struct page *page)
{
	struct page_snapshot snapshot = page_snapshot(page);
	int64_t since_ns = atomic_load_explicit(&page->since_ns, memory_order_relaxed);

	return (struct watch_claim){.state = snapshot.state,
		.attempt = snapshot.attempt,
		.seq = snapshot.seq,
		.since_ns = since_ns < 0 ? 0 : since_ns};
}
