/*
 * A byte buffer that grows and is reused: data[0..length). It never shrinks by itself; buf_reset
 * keeps the memory, buf_release gives it back. The caller checks sizes from outside against a cap
 * before it asks for room.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t length;
	size_t capacity;
};

void buf_wipe(struct buf *buf); /* buf_release, after overwriting what may be a secret */
void buf_release(struct buf *buf);
void buf_reserve(struct buf *buf, size_t more); /* room for `more` bytes behind length */
void buf_append(struct buf *buf, const void *data, size_t length);
void buf_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *buf, size_t length); /* takes bytes off the front */

static inline void buf_reset(struct buf *buf)
{
	buf->length = 0;
}

static inline void buf_byte(struct buf *buf, uint8_t byte)
{
	buf_append(buf, &byte, 1);
}

#endif
