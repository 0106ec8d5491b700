/* requirements.txt with what it includes, and pyvenv.cfg: files of the handler's folder, which are read before
 * anything of it runs. */
/* longest input: 1024 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "config/requirements.h"
#include "config/virtualenv.h"

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
	uint64_t hash;

	fuzz_write_file("requirements.txt", data, length);
	text = requirements_read("requirements.txt");
	HOLDS(text != NULL);
	HOLDS(requirements_empty(text) == only_comments(text));
	hash = requirements_hash(text, "requirements.txt", "/a");
	HOLDS(hash == requirements_hash(text, "requirements.txt", "/a"));
	free(text);
}

static void check_settings(const uint8_t *data, size_t length)
{
	char why[VIRTUALENV_WHY_MAX] = "";

	fuzz_write_file("pyvenv.cfg", data, length);
	if (!virtualenv_fits(".", 3, 11, why))
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
	bool settings = (fuzz_byte(&input) & 1) != 0;

	if (settings)
		check_settings(input.data, input.length);
	else
		check_requirements(input.data, input.length);
	return 0;
}
