#include "bruco/commands/print_escaped.h"

void print_escaped(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		/* In UTF-8 the controls from 0x80 to 0x9f are written with 0xc2 first. */
		if (c == 0xc2 && (unsigned char)text[1] < 0xa0)
			fprintf(file, "\\x%02x", (unsigned char)*++text);
		else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			fprintf(file, "\\x%02x", c);
		else
			putc(c, file);
	}
}
