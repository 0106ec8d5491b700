/* Configuration files: whatever they say, messages are one line each without control characters, what is
 * taken is handed to the stages and read there as the same configuration, and what a variable or file holds
 * is neither in a message nor in what `bruco check --print` shows. */
/* longest input: 2048 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/printable.h"
#include "config/config.h"

#define CANARY "Canary7f3a"

static const unsigned stages[] = {SECTION_SOURCE | SECTION_POLICY, SECTION_SINK | SECTION_POLICY,
	SECTION_PROCESSOR, SECTION_ALL};

static bool contains(const struct buf *text, const char *part)
{
	return text->length > 0 && memmem(text->data, text->length, part, strlen(part)) != NULL;
}

static void check_notes(const struct buf *notes, size_t mistakes)
{
	size_t lines = 0;

	for (size_t i = 0; i < notes->length; i++)
		lines += notes->data[i] == '\n';
	HOLDS(lines >= mistakes);
	HOLDS(notes->length == 0 || notes->data[notes->length - 1] == '\n');
	HOLDS(printable_run(PRINTABLE_LINES, notes->data, notes->length) == notes->length);
}

static void hand_over(const struct config *config, unsigned sections)
{
	struct buf first = {0}, second = {0}, notes = {0};
	struct config again;
	int fd;

	config_dump(config, sections, false, &first);
	fd = fd_memory("dump", first.data, first.length);
	config_init(&again);
	HOLDS(config_load_fd(&again, fd, sections, &notes) == 0 && notes.length == 0);
	fd_close(&fd);
	config_dump(&again, sections, false, &second);
	HOLDS(first.length == second.length &&
		(first.length == 0 || memcmp(first.data, second.data, first.length) == 0));
	config_release(&again);
	buf_release(&first);
	buf_release(&second);
	buf_release(&notes);
}

/* What is printed is a configuration file. */
static void print(const struct config *config, bool hides)
{
	struct buf text = {0}, notes = {0};
	struct config again;

	config_dump(config, SECTION_ALL, true, &text);
	HOLDS(!hides || !contains(&text, CANARY));
	if (!contains(&text, "***")) {
		fuzz_write_file("printed.yaml", text.data, text.length);
		config_init(&again);
		HOLDS(config_load(&again, "printed.yaml", SECTION_ALL, &notes) == 0);
		config_release(&again);
	}
	buf_release(&text);
	buf_release(&notes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_enter_folder();
	setenv("SECRET", CANARY, 1);
	setenv("ODD", CANARY "\"'\n$: #\xe2\x82\xac", 1);
	setenv("EMPTY", "", 1);
	setenv("NUMBER", "3", 1);
	fuzz_write_file("secret", CANARY "\n", sizeof CANARY);
	return 0;
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	bool hides = length == 0 || memmem(data, length, "7f3a", 4) == NULL;
	uint8_t *text = fuzz_rest(&input);
	struct config config;
	struct buf notes = {0};
	size_t mistakes;

	fuzz_write_file("config.yaml", text, length);
	config_init(&config);
	mistakes = config_load(&config, "config.yaml", SECTION_ALL, &notes);
	check_notes(&notes, mistakes);
	HOLDS(!hides || !contains(&notes, CANARY));
	if (mistakes == 0 && config_missing(&config, SECTION_ALL, &notes) == 0) {
		for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
			hand_over(&config, stages[i]);
		print(&config, hides);
	}
	config_release(&config);
	buf_release(&notes);
	free(text);
	return 0;
}
