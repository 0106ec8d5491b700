/*
 * The terminal, and the only file that knows ncurses: texts at a place, keys, and the terminal as
 * it was when the program ends, in whatever way but SIGKILL. There is one.
 */
#ifndef BRUCO_TOP_SCREEN_H
#define BRUCO_TOP_SCREEN_H

#include <stdbool.h>
#include <wchar.h>

enum screen_look {
	LOOK_PLAIN,
	LOOK_BOLD,
	LOOK_DIM,
	LOOK_TITLE, /* reversed */
	LOOK_GOOD,
	LOOK_WARN,
	LOOK_BAD,
	LOOK_CHART
};

enum screen_key {
	SCREEN_KEY_NONE, /* no more now */
	SCREEN_KEY_UP,
	SCREEN_KEY_DOWN,
	SCREEN_KEY_PAGE_UP,
	SCREEN_KEY_PAGE_DOWN,
	SCREEN_KEY_HOME,
	SCREEN_KEY_END,
	SCREEN_KEY_TAB,
	SCREEN_KEY_ESCAPE,
	SCREEN_KEY_OTHER,
	SCREEN_KEY_TEXT = 32 /* and above: this ASCII character */
};

/* Ends the program with 64 when standard input and output are no terminal, or one that is not known
 * or can't place texts. */
void screen_check(void);

/* Takes it over. The locale is set before. */
void screen_open(bool colours);

/* Gives it back as it was; more than one call does nothing. */
void screen_close(void);

/* The terminal may have another size. All has to be drawn again. */
void screen_resize(void);
int screen_rows(void);
int screen_columns(void);

void screen_clear(void);

/* Writes a text of the locale's characters, cut at `width` columns and at the edge; what can't be
 * shown is '?'. Returns how many columns it takes. Places outside of the screen take nothing. */
int screen_text(int row, int column, int width, enum screen_look look, const char *text);

/* The rest of a row from `column` on in this look. */
void screen_fill(int row, int column, enum screen_look look);

/* Characters that are one column wide each. */
void screen_cells(int row, int column, const wchar_t *cells, int count, enum screen_look look);

/* Shows what was drawn. */
void screen_show(void);

enum screen_key screen_key(void); /* never waits */

#endif
