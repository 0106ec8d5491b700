/*
 * A library to be preloaded: BALLAST="NAME MEBIBYTES" makes the program of that name hold so much
 * memory more than it needs, as if it were the first to kill when memory is short.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("BALLAST");
	char name[32];
	size_t mebibytes;
	void *memory;

	if (text == NULL || sscanf(text, "%31s %zu", name, &mebibytes) != 2 ||
		strcmp(name, program_invocation_short_name) != 0)
		return;
	memory = mmap(NULL, mebibytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	if (memory != MAP_FAILED)
		memset(memory, 1, mebibytes << 20);
}
