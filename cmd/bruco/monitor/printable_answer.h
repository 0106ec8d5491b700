/*
 * What a console answered, on its way to a terminal: its texts come from configurations, brokers and
 * handlers.
 */
#ifndef BRUCO_MONITOR_PRINTABLE_ANSWER_H
#define BRUCO_MONITOR_PRINTABLE_ANSWER_H

#include <jansson.h>

#include "base/printable.h"

/* Escapes the strings in it, at any depth. Names of members stay: they are the console's own. */
void printable_answer(enum printable_form form, json_t *value);

#endif
