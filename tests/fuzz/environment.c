/* requirements.txt with what it includes, other lists of packages, and pyvenv.cfg: files of the handler's folder,
 * which are read before anything of it runs. */
/* longest input: 1024 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "config/package_list.h"
#include "config/python.h"
#include "config/requirements.h"

static bool only_comments(const char *text)
{
	while (*text != '\0') {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return *text == '\0';
		text = strchrnul(text, '\n');
	}
	return true;
}

static void check_requirements(const uint8_t *data, size_t length)
{
	char *text;
	bool paths, hashed;
	uint64_t hash;

	fuzz_write_file("requirements.txt", data, length);
	text = requirements_read("requirements.txt");
	HOLDS(text != NULL);
	HOLDS(requirements_empty(text) == only_comments(text));
	hash = requirements_hash(text, "requirements.txt", &paths, &hashed);
	HOLDS(hash == requirements_hash(text, "requirements.txt", &paths, &hashed));
	free(text);
}

/* The bytes as one of the lists beside a handler, or as the handler. */
static void check_list(struct fuzz_input *input)
{
	static const char *const names[] = {"handler.py", "pyproject.toml", "pylock.toml", "uv.lock", "requirements.txt"};
	enum { NAMES = sizeof names / sizeof names[0] };
	const char *name = names[fuzz_byte(input) % NAMES];
	struct package_list list;

	for (size_t i = 0; i < NAMES; i++)
		remove(names[i]);
	if (strcmp(name, "uv.lock") == 0)
		fuzz_write_file("pyproject.toml", (const uint8_t *)"[project]\ndependencies=['a']", 28);
	fuzz_write_file(name, input->data, input->length);
	HOLDS(package_list_find(&list, ".", "handler"));
	HOLDS((list.kind == LIST_NONE) == (list.file == NULL) && (list.text == NULL) == (list.file == NULL));
	HOLDS(list.unused == NULL);
	if (list.kind != LIST_NONE) {
		HOLDS(strcmp(list.file + 2, name) == 0);
		HOLDS(package_list_hash(&list) == package_list_hash(&list));
	}
	package_list_has(&list, "bruco");
	package_list_release(&list);
}

static void check_settings(const uint8_t *data, size_t length)
{
	char why[PYTHON_WHY_MAX] = "";
	struct python python;

	fuzz_write_file("pyvenv.cfg", data, length);
	if (python_find(".", &python, why))
		python_release(&python);
	else
		HOLDS(why[0] != '\0' && printable_run(PRINTABLE_TEXT, why, strlen(why)) == strlen(why));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_enter_folder();
	fuzz_write_file("more.txt", "six\n-r requirements.txt\n", 24);
	return 0;
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	unsigned kind = fuzz_byte(&input);

	if ((kind & 1) != 0)
		check_settings(input.data, input.length);
	else if ((kind & 2) != 0)
		check_list(&input);
	else
		check_requirements(input.data, input.length);
	return 0;
}
