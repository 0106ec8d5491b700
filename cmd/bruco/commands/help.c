/* bruco help: the manual pages, through man(1). */
#include "bruco/commands/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "base/status.h"
#include "base/text.h"

/* The words that a user may give, and the page for each. Commands stand in bruco(1). */
static const char *const words[] = {"bruco", "run", "check", "init", "test", "dev", "help", "source",
	"worker", "sink", "broker", "yaml", "config", "frame", "status", "top", "internals"};
static const char *const pages[] = {"bruco", "bruco", "bruco", "bruco", "bruco", "bruco", "bruco",
	"bruco-source", "bruco-worker", "bruco-sink", "bruco-broker", "bruco.yaml", "bruco.yaml",
	"bruco-frame", "bruco-status", "bruco-top", "bruco-internals"};

enum { WORDS = sizeof words / sizeof words[0] };

static const char *find_page(const struct program *program, const char *word)
{
	const char *near;

	for (size_t i = 0; i < WORDS; i++)
		if (strcmp(words[i], word) == 0 || strcmp(pages[i], word) == 0)
			return pages[i];
	near = text_nearest(word, words, WORDS);
	if (near != NULL)
		options_misuse(program, "no page '%s' (did you mean '%s'?)", word, near);
	options_misuse(program, "no page '%s'", word);
}

/* Lets man(1) find the pages that are installed beside this program. The empty element stands for
 * man's own list. */
static void prefer_own_pages(void)
{
	const char *others = getenv("MANPATH");
	char *folder = self_beside("../share/man"), *list;

	if (folder == NULL)
		return;
	list = mem_printf("%s:%s", folder, others == NULL ? "" : others);
	if (access(folder, F_OK) == 0)
		setenv("MANPATH", list, 1);
	free(list);
	free(folder);
}

int command_help(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, {0}};
	const char *page;
	int option;

	options_begin(program, argv);
	while ((option = getopt_long(argc, argv, "qv", longs, NULL)) != -1)
		options_common(program, option);
	if (argc - optind > 1)
		options_misuse(program, "help shows one page, not '%s' too", argv[optind + 1]);
	page = find_page(program, optind < argc ? argv[optind] : "bruco");
	prefer_own_pages();
	execlp("man", "man", page, (char *)NULL);
	log_plain("cannot show %s with man: %s; try 'bruco --help'", page, strerror(errno));
	return STATUS_UNAVAILABLE;
}
