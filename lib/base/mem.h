/*
 * Memory that is there or the program ends: one line on stderr, status 75. Never returns NULL.
 * Sizes are checked for overflow. Callers own what they get and give it back with free(3).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);                         /* zeroed */
void *mem_array(size_t count, size_t size);           /* zeroed */
void *mem_grow(void *old, size_t count, size_t size); /* realloc; new bytes are not set */
char *mem_text(const char *text);                     /* strdup; NULL stays NULL */
char *mem_text_n(const char *text, size_t length);    /* copies length bytes, adds a NUL */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mem_wipe(char *text); /* overwrites a text that may be a secret, and frees it; NULL: nothing */

/* Tests only: the allocation after `count` more ones fails; negative: none does (the default). */
void mem_fail_after(long count);

#endif
