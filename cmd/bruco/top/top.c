#include "bruco/top/top.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/top/asker.h"
#include "bruco/top/draw.h"
#include "bruco/top/screen.h"
#include "bruco/top/tables.h"
#include "bruco/top/view.h"

/* An answer that takes longer than this is told of; a pipeline that is busy starting takes less. */
enum { PATIENCE_MS = 2000 };

struct top {
	const struct top_options *options;
	struct asker asker;
	struct view view;
	bool braille;
	int page;        /* lines of the tables that the screen shows */
	int64_t next_ms; /* when to ask */
	int signal_fd;
	int signal; /* that ends it; 0: none */
	bool quit;
	bool changed; /* what is on the screen is not what is known */
};

/* ---- keys and signals */

static void scroll_by(struct top *top, int lines)
{
	size_t count = tables_count(&top->view);
	int64_t to = (int64_t)top->view.scroll + lines;

	top->view.scroll = to < 0 ? 0 : to > (int64_t)count ? count : (size_t)to;
}

static void show_help(struct top *top, bool help)
{
	top->view.help = help;
	top->view.scroll = 0;
}

static void take_key(struct top *top, enum screen_key key)
{
	switch ((int)key) {
	case 'q':
		top->quit = true;
		break;
	case 's':
		view_sort(&top->view, top->view.by == VIEW_BY_LAG ? VIEW_BY_TOPIC : VIEW_BY_LAG);
		break;
	case 'h':
	case '?':
		show_help(top, !top->view.help);
		break;
	case SCREEN_KEY_ESCAPE:
		show_help(top, false);
		break;
	case 'k':
	case SCREEN_KEY_UP:
		scroll_by(top, -1);
		break;
	case 'j':
	case SCREEN_KEY_DOWN:
		scroll_by(top, 1);
		break;
	case SCREEN_KEY_PAGE_UP:
		scroll_by(top, -top->page);
		break;
	case SCREEN_KEY_PAGE_DOWN:
		scroll_by(top, top->page);
		break;
	case SCREEN_KEY_HOME:
		top->view.scroll = 0;
		break;
	case SCREEN_KEY_END:
		top->view.scroll = tables_count(&top->view);
		break;
	case SCREEN_KEY_TAB:
		top->view.scroll = tables_next(&top->view, top->view.scroll);
		break;
	}
}

static void take_keys(struct top *top, short events)
{
	enum screen_key key;

	while (!top->quit && (key = screen_key()) != SCREEN_KEY_NONE) {
		take_key(top, key);
		top->changed = true;
	}
	if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		top->quit = true; /* the terminal is gone */
}

static void take_signals_of_terminal(struct top *top)
{
	int number;

	while ((number = signals_next(top->signal_fd)) != 0) {
		top->changed = true;
		if (number == SIGWINCH)
			screen_resize();
		else if (number == SIGINT)
			top->quit = true;
		else
			top->signal = number;
	}
}

/* ---- the pipeline */

static void ask(struct top *top, int64_t now_ms)
{
	top->next_ms = now_ms + top->options->interval_ms;
	if (!asker_ask(&top->asker, now_ms))
		view_lose(&top->view, top->asker.why, now_ms);
	top->changed = true;
}

static void take_answer(struct top *top, int64_t now_ms)
{
	enum asker_result result = asker_read(&top->asker);
	const struct buf *answer = &top->asker.answer;

	if (result == ASKER_ANSWERED)
		view_note(&top->view, (const char *)answer->data, answer->length, now_ms);
	else if (result == ASKER_FAILED)
		view_lose(&top->view, top->asker.why, now_ms);
	top->changed = top->changed || result != ASKER_WAITS;
}

/* The question stays open: each new one would only stand in the queue. */
static void wonder(struct top *top, int64_t now_ms)
{
	top->next_ms = now_ms + top->options->interval_ms;
	top->changed = true;
	if (now_ms - top->asker.asked_ms >= PATIENCE_MS)
		view_lose(&top->view, "it hangs, or is stopped", now_ms);
}

static void look_once(struct top *top)
{
	enum { SIGNALS, KEYS, ANSWER, POLLS };
	struct pollfd polls[POLLS] = {[SIGNALS] = {.fd = top->signal_fd, .events = POLLIN},
		[KEYS] = {.fd = STDIN_FILENO, .events = POLLIN},
		[ANSWER] = {.fd = top->asker.fd, .events = POLLIN}};
	int ready = fd_poll(polls, POLLS, clock_left(top->next_ms, clock_ms()));
	int64_t now_ms = clock_ms();

	if (ready > 0 && polls[SIGNALS].revents != 0)
		take_signals_of_terminal(top);
	if (ready > 0 && polls[KEYS].revents != 0)
		take_keys(top, polls[KEYS].revents);
	if (ready > 0 && polls[ANSWER].revents != 0)
		take_answer(top, now_ms);
	if (now_ms >= top->next_ms && top->asker.fd < 0)
		ask(top, now_ms);
	else if (now_ms >= top->next_ms)
		wonder(top, now_ms);
	if (top->changed && !top->quit && top->signal == 0)
		top->page = draw_view(&top->view, top->braille, now_ms);
	top->changed = false;
}

/* ---- the whole */

static void begin(struct top *top)
{
	const struct top_options *options = top->options;

	screen_check();
	top->signal_fd = signals_init(0);
	signals_take(top->signal_fd, SIGWINCH);
	signals_take(top->signal_fd, SIGQUIT);
	setlocale(LC_CTYPE, "");
	top->braille = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	asker_init(&top->asker, options->socket, options->name);
	view_init(&top->view);
	ask(top, clock_ms());
	if (top->asker.fd < 0 && options->socket != NULL)
		die_plain(STATUS_UNAVAILABLE, "cannot connect to '%s': %s", options->socket,
			strerror(top->asker.error));
	if (top->asker.fd < 0)
		die_plain(STATUS_UNAVAILABLE, "no pipeline '%s' runs here: %s", options->name,
			strerror(top->asker.error));
	screen_open(fd_shows_colour(STDOUT_FILENO));
}

int top_run(const struct top_options *options)
{
	static struct top top; /* its history is large */

	top = (struct top){.options = options, .changed = true, .page = 1};
	begin(&top);
	while (!top.quit && top.signal == 0)
		look_once(&top);
	screen_close();
	asker_release(&top.asker);
	view_release(&top.view);
	fd_close(&top.signal_fd);
	if (top.signal != 0)
		signals_die(top.signal);
	return STATUS_OK;
}
