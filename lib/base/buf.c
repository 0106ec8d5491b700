#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

void buf_wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->capacity);
	buf_release(buf);
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

void buf_reserve(struct buf *buf, size_t more)
{
	size_t needed;

	if (__builtin_add_overflow(buf->length, more, &needed))
		die(STATUS_SOFTWARE, "buffer size overflows");
	if (needed <= buf->capacity)
		return;
	if (needed < buf->capacity + buf->capacity / 2)
		needed = buf->capacity + buf->capacity / 2;
	if (needed < 256)
		needed = 256;
	buf->data = mem_grow(buf->data, needed, 1);
	buf->capacity = needed;
}

void buf_append(struct buf *buf, const void *data, size_t length)
{
	if (length == 0)
		return;
	buf_reserve(buf, length);
	memcpy(buf->data + buf->length, data, length);
	buf->length += length;
}

void buf_text(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		die(STATUS_SOFTWARE, "cannot format a text");
	buf_reserve(buf, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf((char *)buf->data + buf->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buf->length += (size_t)length;
}

void buf_drop(struct buf *buf, size_t length)
{
	if (length < buf->length)
		memmove(buf->data, buf->data + length, buf->length - length);
	buf->length -= length;
}
