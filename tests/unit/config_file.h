/*
 * For tests of lib/config: configuration files in a folder of the test's own.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "unit.h"

#include "base/buf.h"
#include "config/config.h"

#define KAFKA_SOURCE "source: {kind: kafka, brokers: b:1, topics: t, consumerGroup: g"

extern struct config config; /* what was loaded last */
extern struct buf notes;     /* and what was said about it */
extern char folder[64];      /* where, once enter_folder was called */

/* Makes the folder and works there from now on; it is removed when the test ends. */
void enter_folder(void);
void write_file(const char *path, const void *data, size_t length);

/* Writes config.yaml and loads it; the number of mistakes. */
size_t load_bytes(const void *data, size_t length, unsigned sections);
size_t load(const char *text);

/* The notes as a text. */
const char *said(void);

/* One line of notes and one mistake for this text. */
#define CHECK_MISTAKE(text, want)                                                                  \
	do {                                                                                       \
		CHECK_INT(load(text), 1);                                                          \
		CHECK_TEXT(said(), "config.yaml:" want "\n");                                      \
	} while (0)

#define CHECK_GOOD(text)                                                                           \
	do {                                                                                       \
		size_t mistakes = load(text);                                                      \
		CHECK_TEXT(said(), "");                                                            \
		CHECK_INT(mistakes, 0);                                                            \
	} while (0)

#endif
