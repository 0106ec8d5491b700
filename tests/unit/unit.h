/*
 * Unit tests in C: a file is TEST(name) { ... } as often as it likes and UNIT_MAIN at the end.
 * Each test runs in a process of its own with a deadline, so a crash, an exit or a hang is one
 * failed test. The first check that fails ends its test.
 *
 * The program prints "ok NAME" or "not ok NAME FILE:LINE: why" for each test and ends with 1 when
 * one failed. With names as arguments it runs just those, in its own process, for a debugger.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct unit_test {
	const char *name;
	void (*run)(void);
	struct unit_test *next;
};

#define TEST(test)                                                                                 \
	static void test_##test(void);                                                             \
	__attribute__((constructor)) static void register_##test(void)                             \
	{                                                                                          \
		static struct unit_test self = {#test, test_##test, NULL};                         \
		unit_add(&self);                                                                   \
	}                                                                                          \
	static void test_##test(void)

#define UNIT_MAIN                                                                                  \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return unit_main(argc, argv);                                                      \
	}

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			unit_fail(__FILE__, __LINE__, "%s is false", #condition);                  \
	} while (0)

/* Whole numbers; shown in decimal. */
#define CHECK_INT(got, want) unit_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))

/* Texts; NULL equals NULL only. */
#define CHECK_TEXT(got, want) unit_text(__FILE__, __LINE__, #got, (got), (want))

#define CHECK_BYTES(got, got_length, want, want_length)                                            \
	unit_bytes(__FILE__, __LINE__, #got, (got), (size_t)(got_length), (want),                  \
		(size_t)(want_length))

/* Runs a statement in a child, its stderr thrown away; the child must exit with this status. */
#define CHECK_EXITS(status, statement)                                                             \
	do {                                                                                       \
		if (unit_child()) {                                                                \
			statement;                                                                 \
			unit_child_end();                                                          \
		}                                                                                  \
		unit_int(__FILE__, __LINE__, "exit status of " #statement, unit_child_status(),    \
			(status));                                                                 \
	} while (0)

void unit_add(struct unit_test *test);
int unit_main(int argc, char **argv);
_Noreturn void unit_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void unit_int(const char *file, int line, const char *what, long long got, long long want);
void unit_text(const char *file, int line, const char *what, const char *got, const char *want);
void unit_bytes(const char *file, int line, const char *what, const void *got, size_t got_length,
	const void *want, size_t want_length);
bool unit_child(void);
_Noreturn void unit_child_end(void);
int unit_child_status(void);

#endif
