/*
 * What a stream of JetStream answers to a message: {"stream": "OUT", "seq": 5}, or with an "error". Whoever
 * listens at the subject may answer anything.
 */
#ifndef JSON_PUBLISH_ANSWER_H
#define JSON_PUBLISH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct publish_answer {
	bool stored;
	int code;      /* of the error; 0: the answer is no stream's */
	char why[200]; /* if it is not stored */
};

void publish_answer_read(const char *text, size_t length, struct publish_answer *answer);

#endif
