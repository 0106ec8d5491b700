#include "bruco/top/draw.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bruco/monitor/amounts.h"
#include "bruco/top/bottleneck.h"
#include "bruco/top/chart.h"
#include "bruco/top/screen.h"
#include "bruco/top/tables.h"

enum {
	ROWS_FOR_TOTALS = 14, /* of the screen: with fewer this part is left out */
	ROWS_FOR_CHARTS = 18,
	ROWS_FOR_TALL_CHARTS = 34,
	CHART_WIDTH_LEAST = 18,
	CHART_WIDTH_MOST = 150,
	CHART_HEIGHT_MOST = 5
};

/* How much of a text to put into a row: whole words, if there is a space. */
static size_t words_within(const char *text, size_t width)
{
	size_t cut = strlen(text);

	if (cut <= width)
		return cut;
	for (cut = width; cut > 0 && text[cut] != ' ';)
		cut--;
	return cut > 0 ? cut : text_cut(text, strlen(text), width);
}

/* Over as many rows as it needs, at most `rows`. Returns how many. */
static int draw_wrapped(int row, int rows, enum screen_look look, const char *text)
{
	int used = 0;

	while (*text != '\0' && used < rows) {
		size_t cut = used + 1 == rows ? strlen(text)
					      : words_within(text, (size_t)screen_columns());
		char line[TABLES_LINE];
		int column;

		snprintf(line, sizeof line, "%.*s", (int)cut, text);
		column = screen_text(row + used, 0, screen_columns(), look, line);
		screen_fill(row + used++, column,
			look == LOOK_WARN || look == LOOK_GOOD ? LOOK_PLAIN : look);
		text += cut + (text[cut] == ' ');
	}
	return used;
}

/* ---- the head */

static int draw_title(const struct view *view, int64_t now_ms)
{
	const struct snapshot *now = &view->snapshot;
	/* "starting" alone is no reason that the state did not tell. */
	bool explained = now->why != NULL && strcmp(now->why, now->state) != 0;
	char text[TABLES_LINE], since[AMOUNT_ROOM];

	if (view->lost[0] != '\0') {
		snprintf(text, sizeof text,
			"%s: no answer for %s: %s; asking again, below is the last one", now->name,
			amount_time(since, (double)(now_ms - view->answered_ms) / 1000),
			view->lost);
		return draw_wrapped(0, 3, LOOK_BAD, text);
	}
	snprintf(text, sizeof text, "%s: %s for %s%s, %s%s%s", now->name, now->state,
		amount_time(since, now->up_s),
		view->started_again && now->up_s < 60 ? ", started again" : "",
		now->why == NULL ? "ready" : "not ready", explained ? ": " : "",
		explained ? now->why : "");
	return draw_wrapped(0, 3, now->why == NULL ? LOOK_TITLE : LOOK_BAD, text);
}

/* Adds a text to a row, if there is room for all of it. Returns the next column. */
static int add_whole(int row, int column, enum screen_look look, const char *text)
{
	if (column + (int)strlen(text) > screen_columns())
		return screen_columns();
	return column + screen_text(row, column, screen_columns(), look, text);
}

static int draw_rates(const struct view *view, int row)
{
	const struct snapshot *now = &view->snapshot;
	const struct activity *activity = &view->activity;
	char number[AMOUNT_ROOM], time[AMOUNT_ROOM], text[6][64];
	int column = 0;

	snprintf(text[0], 64, "in %s/s", amount_count(number, activity->known ? activity->in : -1));
	snprintf(text[1], 64, "  out %s/s",
		amount_count(number, activity->known ? activity->out : -1));
	snprintf(text[2], 64, "  lag %s (%s)", amount_count(number, (double)now->lag),
		amount_short_time(time, now->lag_s));
	snprintf(text[3], 64, "  failed %s/s",
		amount_count(number, activity->known ? activity->failed : -1));
	snprintf(text[4], 64, "  in flight %s", amount_count(number, (double)now->in_flight));
	snprintf(text[5], 64, "  handler %s", amount_short_time(time, activity->handler_s));
	for (int i = 0; i < 6; i++)
		column = add_whole(row, column, LOOK_BOLD, text[i]);
	return 1;
}

static int draw_totals(const struct view *view, int row)
{
	const struct snapshot *now = &view->snapshot;
	const struct {
		const char *word;
		int64_t count;
	} totals[] = {{"in", now->in}, {"out", now->out}, {"failed", now->failed},
		{"filtered", now->filtered}, {"skipped", now->skipped},
		{"dead letters", now->dead_letters}, {"retried", now->retried},
		{"restarts", now->restarts}};
	int column = add_whole(row, 0, LOOK_PLAIN, "total:");

	for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
		char number[AMOUNT_ROOM], text[64];

		if (totals[i].count == 0 && i >= 3)
			continue;
		snprintf(text, sizeof text, "%s %s %s", i == 0 ? "" : ",", totals[i].word,
			amount_count(number, (double)totals[i].count));
		column = add_whole(row, column, LOOK_PLAIN, text);
	}
	return 1;
}

static int draw_bottleneck(const struct view *view, int row)
{
	char text[BOTTLENECK_TEXT], line[BOTTLENECK_TEXT + 16];
	enum bottleneck verdict = bottleneck_judge(&view->snapshot, &view->activity, text);

	snprintf(line, sizeof line, "bottleneck: %s", text);
	return draw_wrapped(row, 3, verdict == BOTTLENECK_INPUT ? LOOK_GOOD : LOOK_WARN, line);
}

/* ---- the charts */

/* "lag 1234, most 5678", or the first half where that has no room. */
static void title_chart(
	char text[TABLES_LINE], int width, enum history_series series, double now, double most)
{
	static const char *const names[] = {"records/s", "lag", "handler"};
	const char *(*amount)(char *, double) =
		series == HISTORY_HANDLER ? amount_short_time : amount_count;
	char room[AMOUNT_ROOM], room_of_most[AMOUNT_ROOM];
	int length = snprintf(text, TABLES_LINE, "%s %s, most %s", names[series], amount(room, now),
		amount(room_of_most, most));

	if (length > width)
		snprintf(text, TABLES_LINE, "%s %s", names[series], amount(room, now));
}

static void draw_chart(const struct view *view, enum history_series series, enum chart_style style,
	int row, int column, int width, int height, int span_s, int64_t now_ms)
{
	double values[2 * CHART_WIDTH_MOST], now, most;
	wchar_t cells[CHART_WIDTH_MOST * CHART_HEIGHT_MOST];
	const double current[HISTORY_SERIES] = {
		[HISTORY_RATE] = view->activity.known ? view->activity.in : -1,
		[HISTORY_LAG] = (double)view->snapshot.lag,
		[HISTORY_HANDLER] = view->activity.handler_s};
	char title[TABLES_LINE];

	now = current[series];
	most = history_columns(
		&view->history, series, now_ms, span_s, values, chart_values(style, (size_t)width));
	/* A second that is not over has the mean of its looks so far. */
	most = now > most ? now : most;
	title_chart(title, width, series, now, most);
	screen_text(row, column, width, LOOK_DIM, title);
	chart_draw(style, values, most, (size_t)width, (size_t)height, cells);
	for (int i = 0; i < height; i++)
		screen_cells(row + 1 + i, column, &cells[i * width], width, LOOK_CHART);
}

static int draw_charts(const struct view *view, int row, bool braille, int64_t now_ms)
{
	int height = screen_rows() < ROWS_FOR_TALL_CHARTS ? 3 : CHART_HEIGHT_MOST;
	int count = screen_columns() / (CHART_WIDTH_LEAST + 2);
	int span_s = history_span(&view->history, now_ms), width;
	char text[64];

	count = count > HISTORY_SERIES ? HISTORY_SERIES : count;
	if (count == 0)
		return 0;
	width = (screen_columns() - 2 * (count - 1)) / count;
	width = width > CHART_WIDTH_MOST ? CHART_WIDTH_MOST : width;
	for (int i = 0; i < count; i++)
		draw_chart(view, (enum history_series)i, braille ? CHART_BRAILLE : CHART_ASCII, row,
			i * (width + 2), width, height, span_s, now_ms);
	snprintf(text, sizeof text, "the last %d min", span_s / 60);
	screen_text(row + 1 + height, 0, screen_columns(), LOOK_DIM, text);
	return height + 2;
}

/* ---- the tables */

static void draw_foot(const struct view *view, size_t shown)
{
	size_t count = tables_count(view), last = view->scroll + shown;
	char text[TABLES_LINE];
	int row = screen_rows() - 1;

	snprintf(text, sizeof text, "q quit  s order: %s  h help  lines %zu-%zu of %zu",
		view->by == VIEW_BY_LAG ? "lag" : "topic", count == 0 ? 0 : view->scroll + 1,
		last < count ? last : count, count);
	screen_fill(row, screen_text(row, 0, screen_columns(), LOOK_TITLE, text), LOOK_TITLE);
}

static int draw_tables(struct view *view, int row)
{
	int room = screen_rows() - 1 - row;
	size_t count = tables_count(view);
	size_t shown = room < 1 ? 1 : (size_t)room;

	if (view->scroll + shown > count)
		view->scroll = count > shown ? count - shown : 0;
	for (int i = 0; i < room; i++) {
		char text[TABLES_LINE];
		enum screen_look look =
			tables_line(view, view->scroll + (size_t)i, screen_columns(), text);

		screen_text(row + i, 0, screen_columns(), view->lost[0] != '\0' ? LOOK_DIM : look,
			text);
	}
	draw_foot(view, shown);
	return (int)shown;
}

int draw_view(struct view *view, bool braille, int64_t now_ms)
{
	int row, shown;

	screen_clear();
	if (view->answered_ms == 0) {
		screen_text(0, 0, screen_columns(), LOOK_PLAIN, "asking the pipeline ...");
		screen_show();
		return 1;
	}
	row = draw_title(view, now_ms);
	row += draw_rates(view, row);
	if (screen_rows() >= ROWS_FOR_TOTALS)
		row += draw_totals(view, row);
	row += draw_bottleneck(view, row);
	if (screen_rows() >= ROWS_FOR_CHARTS)
		row += draw_charts(view, row, braille, now_ms);
	shown = draw_tables(view, row);
	screen_show();
	return shown;
}
