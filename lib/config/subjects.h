/*
 * Subjects of NATS: tokens with dots between them. In a pattern "*" is any token, and ">" at the end one or
 * more.
 */
#ifndef CONFIG_SUBJECTS_H
#define CONFIG_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

/* What is wrong with it as a pattern, or, without `wildcards`, as the subject of a message: "has an empty
 * token"; or NULL. */
const char *subject_problem(const char *subject, size_t length, bool wildcards);

/* Whether the pattern has this subject, which need not end with a NUL. Both are good. */
bool subject_matches(const char *pattern, const char *subject, size_t length);

#endif
