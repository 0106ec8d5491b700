#include "config/package_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "config/requirements.h"

enum { FILE_MAX = 16 << 20, FILES = 4 };

const char *const package_list_files[] = {"pylock.toml", "requirements.txt", "uv.lock", "pyproject.toml", NULL};
static const enum list_kind kinds[FILES] = {LIST_PYLOCK, LIST_REQUIREMENTS, LIST_UV_LOCK, LIST_PYPROJECT};

static const char blanks[] = " \t\r";

/* ---- lines */

static const char *next_line(const char *line)
{
	line = strchrnul(line, '\n');
	return line + (*line == '\n');
}

/* The line's length without the blanks at its end. */
static size_t trimmed(const char *line)
{
	size_t length = strcspn(line, "\n");

	while (length > 0 && strchr(blanks, line[length - 1]) != NULL)
		length--;
	return length;
}

static bool is_line(const char *line, const char *text)
{
	return trimmed(line) == strlen(text) && strncmp(line, text, strlen(text)) == 0;
}

/* ---- TOML, as far as its lines show it */

/* Whether the line begins a table, `[name]` or `[[name]]`; an element of an array may look like one, but for its
 * quotes and commas. */
static bool begins_table(const char *line)
{
	return *line == '[' && line[1 + strcspn(line + 1, "'\",\n#")] != ',' &&
	       memchr(line, ']', trimmed(line)) != NULL;
}

static bool is_table(const char *line, const char *name)
{
	line += 1 + strspn(line + 1, blanks);
	if (strncmp(line, name, strlen(name)) != 0)
		return false;
	line += strlen(name);
	return line[strspn(line, blanks)] == ']';
}

/* What stands behind `key =`, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	bool quoted = *line == '"' || *line == '\'';

	line += quoted;
	if (strncmp(line, key, strlen(key)) != 0)
		return NULL;
	line += strlen(key);
	line += quoted && *line != '\0';
	line += strspn(line, blanks);
	return *line == '=' ? line + 1 : NULL;
}

/* The value of `dependencies` in a table, or at the top for "". */
static const char *find_dependencies(const char *text, const char *table)
{
	char dotted[64];
	bool top = true, inside = *table == '\0';

	snprintf(dotted, sizeof dotted, "%s.dependencies", table);
	for (; *text != '\0'; text = next_line(text)) {
		const char *line = text + strspn(text, blanks), *value = NULL;

		if (begins_table(line)) {
			top = false;
			inside = *table != '\0' && is_table(line, table);
		} else if (inside) {
			value = value_of(line, "dependencies");
		} else if (top) {
			value = value_of(line, dotted);
		}
		if (value != NULL)
			return value;
	}
	return NULL;
}

/* The next string of an array, `*length` bytes; `at` begins at or in the array and goes behind the string. NULL at
 * the end. */
static const char *next_string(const char **at, size_t *length)
{
	const char *here = *at + strspn(*at, "[, \t\r\n");
	const char *end;

	while (*here == '#') {
		here = next_line(here);
		here += strspn(here, ", \t\r\n");
	}
	if (*here != '"' && *here != '\'')
		return NULL;
	end = strchr(here + 1, *here);
	if (end == NULL)
		return NULL;
	*length = (size_t)(end - here) - 1;
	*at = end + 1;
	return here + 1;
}

static bool has_dependencies(const char *text, const char *table)
{
	const char *value = find_dependencies(text, table);
	size_t length;

	return value != NULL && next_string(&value, &length) != NULL;
}

/* ---- the block in a script */

/* The lines of the first block, without what makes them comments; NULL: there is none. */
static char *script_block(const char *text)
{
	struct buf block = {0};
	size_t whole = 0; /* up to the last line that can end it */
	bool closed = false;
	char *result;

	while (*text != '\0' && !is_line(text, "# /// script"))
		text = next_line(text);
	text = next_line(text);
	for (; is_line(text, "#") || strncmp(text, "# ", 2) == 0; text = next_line(text)) {
		if (is_line(text, "# ///")) {
			whole = block.length;
			closed = true;
		}
		if (trimmed(text) > 2)
			buf_append(&block, text + 2, trimmed(text) - 2);
		buf_append(&block, "\n", 1);
	}
	result = closed ? mem_text_n((const char *)block.data, whole) : NULL;
	buf_release(&block);
	return result;
}

/* ---- finding */

/* NULL: there is none, or *failed with errno. */
static char *read_file(const char *path, bool *failed)
{
	size_t length;
	char *text = fd_read_regular(path, FILE_MAX, &length);

	*failed = text == NULL && errno != ENOENT && errno != ENOTDIR;
	return text;
}

/* The block in a file, when it has dependencies. One that can't be read is the worker's to report. */
static char *read_script(const char *path)
{
	bool failed;
	char *whole = read_file(path, &failed), *block = whole == NULL ? NULL : script_block(whole);

	free(whole);
	if (block != NULL && has_dependencies(block, ""))
		return block;
	free(block);
	return NULL;
}

/* The module's file, if it has such a block, *text. */
static char *find_script(const char *folder, const char *module, char **text)
{
	char *name = mem_text(module), *path;

	for (char *dot = name; (dot = strchr(dot, '.')) != NULL;)
		*dot = '/';
	path = mem_printf("%s/%s.py", folder, name);
	*text = read_script(path);
	if (*text == NULL) {
		free(path);
		path = mem_printf("%s/%s/__init__.py", folder, name);
		*text = read_script(path);
	}
	free(name);
	if (*text != NULL)
		return path;
	free(path);
	return NULL;
}

/* Takes the file for the list, or, when there is one already, notes that it is not used. */
static void offer(struct package_list *list, enum list_kind kind, char *file, char *text)
{
	bool locked = list->kind == LIST_PYLOCK || list->kind == LIST_UV_LOCK;
	char *before = list->unused;

	if (list->kind == LIST_NONE) {
		list->kind = kind;
		list->file = file;
		list->text = text;
		return;
	}
	if (kind == LIST_PYPROJECT && locked) {
		list->project = text; /* what it was made from */
	} else {
		list->unused = mem_printf("%s%s%s", before == NULL ? "" : before,
			before == NULL ? "" : ", ", strrchr(file, '/') + 1);
		free(before);
		free(text);
	}
	free(file);
}

bool package_list_find(struct package_list *list, const char *folder, const char *module)
{
	char *texts[FILES] = {0}, *paths[FILES] = {0}, *text;
	bool failed = false, project;
	int why = 0;
	char *script;

	*list = (struct package_list){0};
	for (size_t i = 0; i < FILES && !failed; i++) {
		paths[i] = mem_printf("%s/%s", folder, package_list_files[i]);
		texts[i] = read_file(paths[i], &failed);
		if (failed) {
			why = errno;
			list->file = mem_text(paths[i]);
		}
	}
	script = failed ? NULL : find_script(folder, module, &text);
	if (script != NULL)
		offer(list, LIST_SCRIPT, script, text);
	project = texts[FILES - 1] != NULL && has_dependencies(texts[FILES - 1], "project");
	for (size_t i = 0; i < FILES; i++) {
		bool asks = texts[i] != NULL && !failed;

		if (kinds[i] == LIST_REQUIREMENTS)
			asks = asks && !requirements_empty(texts[i]);
		else if (kinds[i] != LIST_PYLOCK)
			asks = asks && project;
		if (asks) {
			offer(list, kinds[i], paths[i], texts[i]);
		} else {
			free(paths[i]);
			free(texts[i]);
		}
	}
	errno = why;
	return !failed;
}

void package_list_release(struct package_list *list)
{
	free(list->file);
	free(list->text);
	free(list->project);
	free(list->unused);
	*list = (struct package_list){0};
}

/* ---- what it asks for */

uint64_t package_list_hash(struct package_list *list)
{
	uint8_t kind = (uint8_t)list->kind;
	uint64_t mix;

	if (list->kind == LIST_REQUIREMENTS)
		return requirements_hash(list->text, list->file, &list->paths, &list->hashed);
	list->hashed = list->kind == LIST_PYLOCK || list->kind == LIST_UV_LOCK;
	list->paths = list->hashed && strstr(list->text, "path") != NULL;
	mix = hash_more(HASH_START, &kind, 1);
	mix = hash_more(mix, list->text, strlen(list->text) + 1);
	return list->project == NULL ? mix : hash_more(mix, list->project, strlen(list->project) + 1);
}

/* Whether a requirement, "name[extra]>=1", is for the package, and does not say from where. */
static bool is_for(const char *requirement, size_t length, const char *name)
{
	size_t i = 0;

	for (; name[i] != '\0'; i++)
		if (i == length || tolower((unsigned char)requirement[i]) != name[i])
			return false;
	if (i < length && (isalnum((unsigned char)requirement[i]) || strchr("-_.", requirement[i]) != NULL))
		return false;
	while (i < length && strchr(blanks, requirement[i]) != NULL)
		i++;
	return i == length || requirement[i] != '@';
}

static bool has_line(const struct package_list *list, const char *name)
{
	bool lock = list->kind != LIST_REQUIREMENTS;

	for (const char *line = list->text; *line != '\0'; line = next_line(line)) {
		const char *here = line + strspn(line, blanks);

		if (lock && (here = value_of(here, "name")) != NULL)
			here += strspn(here, " \t\"'");
		if (here != NULL && is_for(here, trimmed(here), name))
			return true;
	}
	return false;
}

bool package_list_has(const struct package_list *list, const char *name)
{
	const char *value, *text;
	size_t length;

	if (list->kind == LIST_NONE)
		return false;
	if (list->kind != LIST_SCRIPT && list->kind != LIST_PYPROJECT)
		return has_line(list, name);
	value = find_dependencies(list->text, list->kind == LIST_SCRIPT ? "" : "project");
	while (value != NULL && (text = next_string(&value, &length)) != NULL)
		if (is_for(text, length, name))
			return true;
	return false;
}
