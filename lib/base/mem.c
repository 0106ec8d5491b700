#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"

static long fail_after = -1;

void mem_fail_after(long count)
{
	fail_after = count;
}

static void *checked(void *memory, size_t size)
{
	if (fail_after >= 0 && fail_after-- == 0) {
		free(memory);
		memory = NULL;
	}
	if (memory == NULL)
		die(STATUS_TEMPFAIL, "out of memory (%zu bytes)", size);
	return memory;
}

static size_t product(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total) || total > PTRDIFF_MAX)
		die(STATUS_SOFTWARE, "allocation of %zu times %zu bytes overflows", count, size);
	return total == 0 ? 1 : total;
}

void *mem_array(size_t count, size_t size)
{
	size_t total = product(count, size);

	return checked(calloc(1, total), total);
}

void *mem_alloc(size_t size)
{
	return mem_array(1, size);
}

void *mem_grow(void *old, size_t count, size_t size)
{
	size_t total = product(count, size);

	return checked(realloc(old, total), total);
}

char *mem_text_n(const char *text, size_t length)
{
	char *copy = mem_alloc(length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *mem_text(const char *text)
{
	return text == NULL ? NULL : mem_text_n(text, strlen(text));
}

char *mem_printf(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		die(STATUS_SOFTWARE, "cannot format a text");
	text = mem_alloc((size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void mem_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}
