#include "bruco/testing/cases.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "bruco/testing/capture.h"

static const char *const expectations[] = {".expected.json", ".expected.lines"};

enum { EXPECTATIONS = sizeof expectations / sizeof expectations[0] };

static bool is_expectation(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < EXPECTATIONS; i++) {
		size_t tail = strlen(expectations[i]);

		if (length >= tail && strcmp(path + length - tail, expectations[i]) == 0)
			return true;
	}
	return false;
}

/* The file of expectations that is there, else the name of the one to make. */
static char *find_expected(const char *input, bool *found)
{
	int stem = (int)(strrchr(input, '.') - input);

	for (size_t i = 0; i < EXPECTATIONS; i++) {
		char *path = mem_printf("%.*s%s", stem, input, expectations[i]);

		*found = access(path, F_OK) == 0;
		if (*found)
			return path;
		free(path);
	}
	return mem_printf("%.*s%s", stem, input, expectations[0]);
}

static void add_file(
	struct cases *cases, const struct program *program, const char *path, bool compared)
{
	struct test_case added = {.input = mem_text(path)};

	added.expected = find_expected(path, &added.has_expected);
	added.compared = compared || added.has_expected;
	for (size_t i = 0; i < cases->count; i++)
		if (added.compared && cases->items[i].compared &&
			strcmp(cases->items[i].expected, added.expected) == 0 &&
			strcmp(cases->items[i].input, path) != 0)
			options_misuse(program, "'%s' and '%s' would share '%s'",
				cases->items[i].input, path, added.expected);
	cases->items = mem_grow(cases->items, cases->count + 1, sizeof *cases->items);
	cases->items[cases->count++] = added;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void add_folder(struct cases *cases, const struct program *program, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_visible, alphasort);

	if (count < 0)
		options_misuse(program, "cannot open '%s': %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		bool slash = folder[strlen(folder) - 1] == '/';
		char *path = mem_printf("%s%s%s", folder, slash ? "" : "/", entries[i]->d_name);
		struct stat info;

		if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
			add_folder(cases, program, path);
		else if (capture_kind(path) != NULL && !is_expectation(path))
			add_file(cases, program, path, true);
		free(path);
		free(entries[i]);
	}
	free(entries);
}

void cases_add(struct cases *cases, const struct program *program, const char *path, bool update)
{
	struct stat info;

	if (stat(path, &info) < 0)
		options_misuse(program, "cannot open '%s': %s", path, strerror(errno));
	if (S_ISDIR(info.st_mode))
		add_folder(cases, program, path);
	else if (capture_kind(path) == NULL)
		options_misuse(program,
			"what is in '%s'? its name should end in .json, .lines or .frames", path);
	else if (!is_expectation(path))
		add_file(cases, program, path, update);
}

void cases_release(struct cases *cases)
{
	for (size_t i = 0; i < cases->count; i++) {
		free(cases->items[i].input);
		free(cases->items[i].expected);
	}
	free(cases->items);
	*cases = (struct cases){0};
}
