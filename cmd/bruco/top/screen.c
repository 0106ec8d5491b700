#include "bruco/top/screen.h"

#define NCURSES_NOMACROS 1
#include <curses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

static SCREEN *terminal; /* NULL: not open */
static attr_t looks[] = {[LOOK_PLAIN] = 0,
	[LOOK_BOLD] = A_BOLD,
	[LOOK_DIM] = A_DIM,
	[LOOK_TITLE] = A_REVERSE,
	[LOOK_GOOD] = A_BOLD,
	[LOOK_WARN] = A_BOLD,
	[LOOK_BAD] = A_REVERSE,
	[LOOK_CHART] = 0};

/* A crash leaves through here. What it does is not safe in a handler, but nothing else would give
 * the terminal back, and the program ends. */
static void crash(int number)
{
	signal(number, SIG_DFL);
	screen_close();
	raise(number);
}

static void use_colours(void)
{
	static const struct {
		enum screen_look look;
		short colour;
	} colours[] = {{LOOK_GOOD, COLOR_GREEN}, {LOOK_WARN, COLOR_YELLOW}, {LOOK_BAD, COLOR_RED},
		{LOOK_CHART, COLOR_CYAN}};

	if (!has_colors() || start_color() == ERR || use_default_colors() == ERR)
		return;
	for (int i = 0; i < (int)(sizeof colours / sizeof colours[0]); i++) {
		init_pair((short)(i + 1), colours[i].colour, -1);
		looks[colours[i].look] |= (attr_t)COLOR_PAIR(i + 1);
	}
}

static bool can(const char *capability)
{
	const char *text = tigetstr(capability);

	return text != NULL && text != (const char *)-1;
}

void screen_check(void)
{
	const char *name = getenv("TERM");
	int found;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		die_plain(
			STATUS_USAGE, "top needs a terminal; 'bruco status' prints the same once");
	if (name == NULL || *name == '\0')
		die_plain(STATUS_USAGE, "TERM is not set: top can't know what the terminal is");
	if (setupterm(NULL, STDOUT_FILENO, &found) == ERR)
		die_plain(STATUS_USAGE, "the terminal '%s' (TERM) is not known", name);
	if (!can("cup") || !can("clear"))
		die_plain(STATUS_USAGE, "the terminal '%s' (TERM) can't place a text", name);
}

void screen_open(bool colours)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

	terminal = newterm(NULL, stdout, stdin);
	if (terminal == NULL)
		die_plain(STATUS_SOFTWARE, "cannot use the terminal");
	log_before_death(screen_close);
	for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
		signal(crashes[i], crash);
	if (colours)
		use_colours();
	cbreak();
	noecho();
	curs_set(0);
	set_escdelay(25);
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
}

void screen_close(void)
{
	if (terminal != NULL)
		endwin();
	terminal = NULL;
}

void screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

int screen_rows(void)
{
	return getmaxy(stdscr);
}

int screen_columns(void)
{
	return getmaxx(stdscr);
}

void screen_clear(void)
{
	werase(stdscr);
}

/* The next character of a text, and how many of its bytes that is. */
static size_t next_character(const char *text, mbstate_t *state, wchar_t *character)
{
	size_t length = mbrtowc(character, text, strlen(text), state);

	if (length == (size_t)-1 || length == (size_t)-2) {
		*state = (mbstate_t){0};
		*character = L'?';
		return 1;
	}
	if (wcwidth(*character) < 1)
		*character = L'?';
	return length;
}

int screen_text(int row, int column, int width, enum screen_look look, const char *text)
{
	mbstate_t state = {0};
	int used = 0;

	if (width > screen_columns() - column)
		width = screen_columns() - column;
	if (row < 0 || row >= screen_rows() || column < 0)
		return 0;
	wattrset(stdscr, (int)looks[look]);
	while (*text != '\0') {
		wchar_t character[2] = {0};
		size_t length = next_character(text, &state, character);
		int wide = wcwidth(character[0]);

		if (used + wide > width)
			break;
		mvwaddnwstr(stdscr, row, column + used, character, 1);
		used += wide;
		text += length;
	}
	wattrset(stdscr, 0);
	return used;
}

void screen_fill(int row, int column, enum screen_look look)
{
	wattrset(stdscr, (int)looks[look]);
	for (int i = column; row < screen_rows() && i < screen_columns(); i++)
		mvwaddnwstr(stdscr, row, i, L" ", 1);
	wattrset(stdscr, 0);
}

void screen_cells(int row, int column, const wchar_t *cells, int count, enum screen_look look)
{
	wattrset(stdscr, (int)looks[look]);
	if (row < screen_rows() && column < screen_columns())
		mvwaddnwstr(stdscr, row, column, cells,
			count < screen_columns() - column ? count : screen_columns() - column);
	wattrset(stdscr, 0);
}

void screen_show(void)
{
	wrefresh(stdscr);
}

enum screen_key screen_key(void)
{
	static const struct {
		int code;
		enum screen_key key;
	} keys[] = {{ERR, SCREEN_KEY_NONE}, {KEY_UP, SCREEN_KEY_UP}, {KEY_DOWN, SCREEN_KEY_DOWN},
		{KEY_PPAGE, SCREEN_KEY_PAGE_UP}, {KEY_NPAGE, SCREEN_KEY_PAGE_DOWN},
		{KEY_HOME, SCREEN_KEY_HOME}, {KEY_END, SCREEN_KEY_END}, {'\t', SCREEN_KEY_TAB},
		{27, SCREEN_KEY_ESCAPE}};
	int code = wgetch(stdscr);

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (keys[i].code == code)
			return keys[i].key;
	return code >= SCREEN_KEY_TEXT && code < 127 ? (enum screen_key)code : SCREEN_KEY_OTHER;
}
