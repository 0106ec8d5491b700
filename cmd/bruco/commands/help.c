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

/* The words that a user may give for a page; commands stand in bruco(1) but for those that are here. */
static const struct {
	const char *word, *page;
} pages[] = {{"bruco", "bruco"}, {"source", "bruco-source"}, {"worker", "bruco-worker"},
	{"sink", "bruco-sink"}, {"broker", "bruco-broker"}, {"yaml", "bruco.yaml"},
	{"config", "bruco.yaml"}, {"frame", "bruco-frame"}, {"status", "bruco-status"},
	{"top", "bruco-top"}, {"internals", "bruco-internals"}, {"run", "bruco"}, {"check", "bruco"},
	{"init", "bruco"}, {"test", "bruco"}, {"dev", "bruco"}, {"help", "bruco"}, {"venv", "bruco"},
	{"schema", "bruco"}, {"stack", "bruco"}, {"restart", "bruco"}, {"reload", "bruco"},
	{"tap", "bruco"}, {"pause", "bruco"}, {"resume", "bruco"}};

enum { PAGES = sizeof pages / sizeof pages[0] };

static const char *find_page(const struct program *program, const char *word)
{
	const char *words[PAGES], *near;

	for (size_t i = 0; i < PAGES; i++) {
		if (strcmp(pages[i].word, word) == 0 || strcmp(pages[i].page, word) == 0)
			return pages[i].page;
		words[i] = pages[i].word;
	}
	near = text_nearest(word, words, PAGES);
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
	while ((option = options_next(argc, argv, "qv", longs)) != -1)
		options_common(program, option);
	if (argc - optind > 1)
		options_misuse(program, "help shows one page, not '%s' too", argv[optind + 1]);
	page = find_page(program, optind < argc ? argv[optind] : "bruco");
	prefer_own_pages();
	execlp("man", "man", page, (char *)NULL);
	log_plain("cannot show %s with man: %s; try 'bruco --help'", page, strerror(errno));
	return STATUS_UNAVAILABLE;
}
