#include "unit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DEADLINE = 120,     /* seconds for one test */
	STATUS_FAIL = 99,   /* a check failed and has been printed */
	STATUS_NO_EXIT = 98 /* the statement of CHECK_EXITS came to its end */
};

static struct unit_test *first;
static struct unit_test **last = &first;
static const char *running;
static pid_t child;

void unit_add(struct unit_test *test)
{
	*last = test;
	last = &test->next;
}

_Noreturn void unit_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	printf("not ok %s %s:%d: ", running, file, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	fflush(stdout);
	_exit(STATUS_FAIL);
}

void unit_int(const char *file, int line, const char *what, long long got, long long want)
{
	if (got != want)
		unit_fail(file, line, "%s is %lld, not %lld", what, got, want);
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void unit_text(const char *file, int line, const char *what, const char *got, const char *want)
{
	if (!same_text(got, want))
		unit_fail(file, line, "%s is '%s', not '%s'", what, got == NULL ? "(null)" : got,
			want == NULL ? "(null)" : want);
}

void unit_bytes(const char *file, int line, const char *what, const void *got, size_t got_length,
	const void *want, size_t want_length)
{
	const uint8_t *a = got, *b = want;

	if (got_length != want_length)
		unit_fail(file, line, "%s has %zu bytes, not %zu", what, got_length, want_length);
	for (size_t i = 0; i < got_length; i++)
		if (a[i] != b[i])
			unit_fail(file, line, "byte %zu of %s is 0x%02x, not 0x%02x", i, what, a[i],
				b[i]);
}

/* True in the child. */
static bool begin_child(void)
{
	fflush(stdout);
	child = fork();
	if (child < 0) {
		perror("fork");
		exit(1);
	}
	return child == 0;
}

/* The child's exit status, or 256 and its signal. */
int unit_child_status(void)
{
	int status;

	if (waitpid(child, &status, 0) < 0) {
		perror("waitpid");
		exit(1);
	}
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool unit_child(void)
{
	bool inside = begin_child();

	if (inside) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(STATUS_FAIL);
	}
	return inside;
}

_Noreturn void unit_child_end(void)
{
	_exit(STATUS_NO_EXIT);
}

static bool run_apart(const struct unit_test *test)
{
	int status;

	running = test->name;
	if (begin_child()) {
		alarm(DEADLINE);
		test->run();
		exit(0);
	}
	status = unit_child_status();
	if (status == 0)
		printf("ok %s\n", test->name);
	else if (status > 256)
		printf("not ok %s killed by signal %d (%s)\n", test->name, status - 256,
			strsignal(status - 256));
	else if (status != STATUS_FAIL)
		printf("not ok %s exited with %d\n", test->name, status);
	return status == 0;
}

static void run_here(const char *name)
{
	const struct unit_test *test = first;

	while (test != NULL && strcmp(test->name, name) != 0)
		test = test->next;
	if (test == NULL) {
		fprintf(stderr, "no test '%s'\n", name);
		exit(1);
	}
	running = test->name;
	test->run();
	printf("ok %s\n", test->name);
}

int unit_main(int argc, char **argv)
{
	bool good = first != NULL;

	for (int i = 1; i < argc; i++)
		run_here(argv[i]);
	if (argc > 1)
		return 0;
	for (const struct unit_test *test = first; test != NULL; test = test->next)
		good = run_apart(test) && good;
	return good ? 0 : 1;
}
