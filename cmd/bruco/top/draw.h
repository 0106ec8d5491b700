/*
 * Puts a view onto the screen, whatever its size is.
 */
#ifndef BRUCO_TOP_DRAW_H
#define BRUCO_TOP_DRAW_H

#include <stdbool.h>

#include "bruco/top/view.h"

/* Draws all. `braille`: the terminal shows such characters. Keeps view->scroll within the lines
 * that there are; returns how many of them the screen shows at once, at least 1. */
int draw_view(struct view *view, bool braille, int64_t now_ms);

#endif
