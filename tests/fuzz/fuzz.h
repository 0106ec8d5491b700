/*
 * Fuzzing, with clang's libFuzzer: a target is a file with one function FUZZ(data, length), which
 * gives the bytes to a decoder and checks what must hold whatever they are. A check that fails
 * aborts, as the sanitizers do; libFuzzer then keeps the input. tests/fuzz/run runs the targets.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ(data, length) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)

#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_fail(__FILE__, __LINE__, #condition);                                 \
	} while (0)

_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* The input's bytes, from the front: a target's choices come first, the text for the decoder last. */
struct fuzz_input {
	const uint8_t *data;
	size_t length;
};

uint8_t fuzz_byte(struct fuzz_input *input); /* 0 when there is none */

/* What is left, in memory of exactly this size, so that a read beyond it is seen; with a NUL behind
 * it as a text, which ends at the first NUL. The caller frees it. */
uint8_t *fuzz_rest(const struct fuzz_input *input);
char *fuzz_text(const struct fuzz_input *input);

/* Makes the bytes frames as far as heads go: sets magic, version and check of each, and shortens the
 * last one to what is there. A mutation would hardly ever guess a check. */
void fuzz_seal_frames(uint8_t *data, size_t length);

/* The lowest descriptor that is free: another one than before, when one was left open since. */
int fuzz_free_fd(void);

/* A folder of the target's own, its working directory from now on; it is removed at the end. */
void fuzz_enter_folder(void);
void fuzz_write_file(const char *path, const void *data, size_t length);

#endif
