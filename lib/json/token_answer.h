/*
 * What a tokenCommand prints: the answer of an OAuth 2.0 token endpoint (RFC 6749, 5.1), or the same made
 * by hand. bruco.yaml(5) has the fields.
 */
#ifndef JSON_TOKEN_ANSWER_H
#define JSON_TOKEN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TOKEN_BYTES_MAX = 65536, /* of the whole answer */
	TOKEN_EXTENSIONS_MAX = 32,
	TOKEN_SECONDS_MAX = 31536000, /* a longer lifetime is taken as this */
	TOKEN_WHY_MAX = 128
};

struct token_answer { /* owned */
	char *token;
	int64_t lifetime_ms; /* from now on; over 0 */
	char *principal;     /* "" if the answer names none */
	char *extensions[2 * TOKEN_EXTENSIONS_MAX]; /* name and value in turn */
	size_t extension_count;                     /* of both */
};

/* Reads an answer that was made now (milliseconds since 1970). False: *why says what is wrong with it,
 * without a byte of it, and *answer is empty. */
bool token_answer_read(const char *text, size_t length, int64_t now_ms, struct token_answer *answer,
	char why[TOKEN_WHY_MAX]);
void token_answer_release(struct token_answer *answer);

#endif
