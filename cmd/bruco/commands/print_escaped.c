#include "bruco/commands/print_escaped.h"

#include <string.h>

#include "base/printable.h"

void print_escaped(FILE *file, const char *text)
{
	struct buf out = {0};

	printable_append(PRINTABLE_LINES, &out, text, strlen(text));
	fwrite(out.data, 1, out.length, file);
	buf_release(&out);
}
