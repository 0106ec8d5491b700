/*
 * Texts that somebody else wrote, on their way to a terminal.
 */
#ifndef BRUCO_COMMANDS_PRINT_ESCAPED_H
#define BRUCO_COMMANDS_PRINT_ESCAPED_H

#include <stdio.h>

/* Prints UTF-8 text with its line breaks; other control characters as \x1b. */
void print_escaped(FILE *file, const char *text);

#endif
