/*
 * What librdkafka says, without the values of properties that must not be shown: it quotes them in errors,
 * and prints them and what it made of them with `debug`.
 */
#ifndef KAFKA_REDACT_H
#define KAFKA_REDACT_H

#include "config/config.h"

/* Remembers, for ever, the properties of which something else is to be shown (setting.shown). Other
 * threads may be in redact_text. */
void redact_learn(const struct settings *properties);

enum redact_kind {
	/* A value of fewer than 8 bytes is hidden where it is a word, of fewer than 4 only in "NAME = ". */
	REDACT_LINE,
	/* Why something failed: also the latter, if the text has the property's name in it, and
	 * of a secret 8 bytes. */
	REDACT_REASON
};

/* The text with what is to be shown in the place of values; the caller frees it. NULL: it is fit to be
 * shown as it is. For any thread. */
char *redact_text(const char *text, enum redact_kind kind);

#endif
