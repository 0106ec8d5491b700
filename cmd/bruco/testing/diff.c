#include "bruco/testing/diff.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/printable.h"
#include "base/text.h"

/* With more pairs of lines than that the shortest way is not computed. */
enum { PAIRS_MAX = 16 << 20 };

enum step { STEP_SAME, STEP_MISSING, STEP_NEW };

/* The way from the expected lines to those that came, a step for each line. */
struct way {
	enum step *steps;
	size_t count;
};

struct view {
	const struct outcomes *expected, *got;
	const char *indent;
	bool colour;
	struct buf *out;
};

static bool equal(const struct outcome *one, const struct outcome *other)
{
	return one->failed == other->failed && one->length == other->length &&
	       memcmp(one->line, other->line, one->length) == 0;
}

/* ---- the way: the longest common subsequence, between the ends that are equal anyway */

static void go(struct way *way, enum step step, size_t count)
{
	while (count-- > 0)
		way->steps[way->count++] = step;
}

/* common[i * (columns + 1) + j]: how many lines are common behind the i-th and the j-th. */
static uint32_t *count_common(const struct outcome *rows_at, size_t rows,
	const struct outcome *columns_at, size_t columns)
{
	uint32_t *common = mem_array((rows + 1) * (columns + 1), sizeof *common);

	for (size_t i = rows; i-- > 0;) {
		uint32_t *row = common + i * (columns + 1), *below = row + columns + 1;

		for (size_t j = columns; j-- > 0;)
			if (equal(&rows_at[i], &columns_at[j]))
				row[j] = below[j + 1] + 1;
			else
				row[j] = below[j] > row[j + 1] ? below[j] : row[j + 1];
	}
	return common;
}

static void find_middle(struct way *way, const struct outcome *missing, size_t rows,
	const struct outcome *fresh, size_t columns)
{
	uint32_t *common;
	size_t i = 0, j = 0;

	if (columns > 0 && rows > PAIRS_MAX / columns) {
		go(way, STEP_MISSING, rows);
		go(way, STEP_NEW, columns);
		return;
	}
	common = count_common(missing, rows, fresh, columns);
	while (i < rows && j < columns) {
		const uint32_t *row = common + i * (columns + 1), *below = row + columns + 1;

		if (equal(&missing[i], &fresh[j])) {
			go(way, STEP_SAME, 1);
			i++;
			j++;
		} else if (below[j] >= row[j + 1]) {
			go(way, STEP_MISSING, 1);
			i++;
		} else {
			go(way, STEP_NEW, 1);
			j++;
		}
	}
	go(way, STEP_MISSING, rows - i);
	go(way, STEP_NEW, columns - j);
	free(common);
}

/* Where as many lines are new as missing, puts each new one below the one that it replaces. */
static void pair_up(struct way *way)
{
	for (size_t from = 0, end; from < way->count; from = end + 1) {
		size_t fresh = 0;

		for (end = from; end < way->count && way->steps[end] != STEP_SAME; end++)
			fresh += way->steps[end] == STEP_NEW;
		if (2 * fresh != end - from)
			continue;
		for (size_t i = from; i < end; i++)
			way->steps[i] = (i - from) % 2 == 0 ? STEP_MISSING : STEP_NEW;
	}
}

static struct way find_way(const struct outcomes *expected, const struct outcomes *got)
{
	size_t rows = expected->count, columns = got->count, front = 0, back = 0;
	struct way way = {.steps = mem_array(rows + columns + 1, sizeof *way.steps)};

	while (front < rows && front < columns &&
		equal(&expected->items[front], &got->items[front]))
		front++;
	while (back < rows - front && back < columns - front &&
		equal(&expected->items[rows - 1 - back], &got->items[columns - 1 - back]))
		back++;
	go(&way, STEP_SAME, front);
	find_middle(&way, expected->items + front, rows - front - back, got->items + front,
		columns - front - back);
	go(&way, STEP_SAME, back);
	pair_up(&way);
	return way;
}

/* ---- the view */

static void put_line(const struct view *view, enum step step, const struct outcome *outcome)
{
	static const char *const colours[] = {"", "\033[31m", "\033[32m"};
	const char *colour = view->colour ? colours[step] : "";

	buf_printf(view->out, "%s%s%c", view->indent, colour, " -+"[step]);
	printable_append(PRINTABLE_TEXT, view->out, outcome->line, outcome->length);
	buf_text(view->out, *colour == '\0' ? "\n" : "\033[0m\n");
}

/* Carets below the part of the second line that is not in the first. */
static void put_carets(
	const struct view *view, const struct outcome *missing, const struct outcome *fresh)
{
	size_t shorter = missing->length < fresh->length ? missing->length : fresh->length;
	size_t front = 0, back = 0, end;

	while (front < shorter && missing->line[front] == fresh->line[front])
		front++;
	while (back < shorter - front &&
		missing->line[missing->length - 1 - back] == fresh->line[fresh->length - 1 - back])
		back++;
	end = fresh->length - back;
	if (front == 0 || front + back == 0)
		return;
	buf_printf(view->out, "%s ", view->indent);
	for (size_t i = 0; i < end || i == front; i++)
		if (i == front || !text_continues(fresh->line[i]))
			buf_byte(view->out, i < front ? ' ' : '^');
	buf_byte(view->out, '\n');
}

struct place { /* in the three lists */
	size_t step, expected, got;
};

static void advance(struct place *place, enum step step)
{
	place->step++;
	place->expected += step != STEP_NEW;
	place->got += step != STEP_MISSING;
}

/* Where the hunk that begins at `from` ends: after its last difference and the context. */
static size_t hunk_end(const struct way *way, size_t from)
{
	size_t end = from, same = 0;

	for (size_t i = from; i < way->count && same < 2 * DIFFERENCE_CONTEXT; i++) {
		same = way->steps[i] == STEP_SAME ? same + 1 : 0;
		if (same == 0)
			end = i + 1;
	}
	return end + DIFFERENCE_CONTEXT < way->count ? end + DIFFERENCE_CONTEXT : way->count;
}

/* The new lines name the records of a hunk. An expected line that did not come has no number, but
 * stands after a record that has one. */
static void put_heading(const struct view *view, const struct way *way, struct place at, size_t end)
{
	uint64_t first = 0, last = 0, behind = 0;
	bool missing = false;

	for (; at.step < end; advance(&at, way->steps[at.step])) {
		enum step step = way->steps[at.step];

		missing = missing || step == STEP_MISSING;
		if (step == STEP_SAME && !missing)
			behind = view->got->items[at.got].record;
		if (step != STEP_NEW)
			continue;
		last = view->got->items[at.got].record;
		first = first == 0 ? last : first;
	}
	buf_printf(view->out, "%s@@ ", view->indent);
	if (first == 0 && behind == 0)
		buf_text(view->out, "at the start");
	else if (first == 0)
		buf_printf(view->out, "behind record %" PRIu64, behind);
	else if (first == last)
		buf_printf(view->out, "record %" PRIu64, first);
	else
		buf_printf(view->out, "records %" PRIu64 " to %" PRIu64, first, last);
	buf_text(view->out, " @@\n");
}

static struct place put_hunk(
	const struct view *view, const struct way *way, struct place at, size_t end)
{
	put_heading(view, way, at, end);
	while (at.step < end) {
		enum step step = way->steps[at.step];
		bool pair = step == STEP_NEW && at.step > 0 &&
			    way->steps[at.step - 1] == STEP_MISSING &&
			    (at.step < 2 || way->steps[at.step - 2] != STEP_MISSING) &&
			    (at.step + 1 == way->count || way->steps[at.step + 1] != STEP_NEW);

		put_line(view, step,
			step == STEP_MISSING ? &view->expected->items[at.expected]
					     : &view->got->items[at.got]);
		if (pair)
			put_carets(view, &view->expected->items[at.expected - 1],
				&view->got->items[at.got]);
		advance(&at, step);
	}
	return at;
}

bool diff_show(const struct outcomes *expected, const struct outcomes *got, const char *indent,
	bool colour, struct buf *out)
{
	const struct view view = {expected, got, indent, colour, out};
	struct way way = find_way(expected, got);
	struct place at = {0};
	bool differs = false;

	while (at.step < way.count) {
		struct place ahead = at;

		while (ahead.step < way.count && way.steps[ahead.step] == STEP_SAME)
			advance(&ahead, STEP_SAME);
		if (ahead.step == way.count)
			break;
		while (ahead.step - at.step > DIFFERENCE_CONTEXT)
			advance(&at, STEP_SAME);
		at = put_hunk(&view, &way, at, hunk_end(&way, at.step));
		differs = true;
	}
	free(way.steps);
	return differs;
}
