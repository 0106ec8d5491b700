/*
 * Texts that somebody else wrote, on their way to a terminal.
 */
#ifndef BRUCO_COMMANDS_PRINT_ESCAPED_H
#define BRUCO_COMMANDS_PRINT_ESCAPED_H

#include <stdio.h>

/* Prints text with its line breaks and tabs; what else a terminal might obey is escaped, as printable.h
 * says. */
void print_escaped(FILE *file, const char *text);

#endif
