/*
 * The list of packages that a handler needs: which of the files beside it has it. Nothing here understands TOML;
 * an array of dependencies is found by its lines, and share/requirements.py reads the file when it is installed.
 */
#ifndef CONFIG_PACKAGE_LIST_H
#define CONFIG_PACKAGE_LIST_H

#include <stdbool.h>
#include <stdint.h>

/* The first that is there is used. */
enum list_kind {
	LIST_NONE,
	LIST_SCRIPT,       /* a block `# /// script` in the handler's module, PEP 723 */
	LIST_PYLOCK,       /* pylock.toml, PEP 751 */
	LIST_REQUIREMENTS, /* requirements.txt */
	LIST_UV_LOCK,      /* uv.lock, with a pyproject.toml that has dependencies */
	LIST_PYPROJECT     /* [project] dependencies in pyproject.toml */
};

/* The names of the files beside a handler that are looked at, with a NULL behind. */
extern const char *const package_list_files[];

struct package_list {
	enum list_kind kind;
	char *file;    /* absolute; NULL without one */
	char *text;    /* of the file; of LIST_SCRIPT the lines of the block */
	char *project; /* the text of the pyproject.toml beside a lock; NULL: there is none */
	char *unused;  /* "requirements.txt, pyproject.toml": what is there, too, and not used; NULL: nothing */
	bool paths;    /* it may name a path that begins at the handler, */
	bool hashed;   /* and hashes of packages: package_list_hash says both */
};

/* Looks for the list of the module, "handler", in an absolute folder. False with errno when `file` is there and
 * can't be read. A list that asks for nothing is none. */
bool package_list_find(struct package_list *list, const char *folder, const char *module);
void package_list_release(struct package_list *list);

/* A hash of all that decides what the list asks for. With `paths` the same list means something else in another
 * folder. */
uint64_t package_list_hash(struct package_list *list);

/* Whether it names the package, whatever its version, and leaves it to the index where that is from. */
bool package_list_has(const struct package_list *list, const char *name);

#endif
