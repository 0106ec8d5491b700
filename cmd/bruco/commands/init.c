/* bruco init: copies the installed folder share/bruco/init, a small project to begin with, and adds the
 * schema that its config.yaml names for editors: beside the file it is found by everybody who has the
 * project, with no network and no Bruco. */
#include "bruco/commands/commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "base/status.h"
#include "bruco/commands/schema.h"

enum { FILE_MAX = 1 << 20 };

static const char schema_name[] = "config.schema.json";

/* Paths within the folder; a folder stands before its files. */
struct content {
	char **paths;
	size_t count;
};

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static char *join(const char *folder, const char *name)
{
	size_t length = strlen(folder);

	return mem_printf(
		"%s%s%s", folder, length == 0 || folder[length - 1] == '/' ? "" : "/", name);
}

static bool is_folder(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Takes the path over. */
static void add(struct content *content, char *path)
{
	content->paths = mem_grow(content->paths, content->count + 1, sizeof *content->paths);
	content->paths[content->count++] = path;
}

static void list(struct content *content, const char *root, const char *within)
{
	char *folder = join(root, within);
	struct dirent **entries;
	int count = scandir(folder, &entries, is_visible, alphasort);

	if (count < 0)
		die_plain(STATUS_UNAVAILABLE, "cannot open '%s': %s", folder, strerror(errno));
	free(folder);
	for (int i = 0; i < count; i++) {
		char *path = join(within, entries[i]->d_name), *full = join(root, path);

		add(content, path);
		if (is_folder(full))
			list(content, root, path);
		free(full);
		free(entries[i]);
	}
	free(entries);
}

/* Refuses, before anything is written, when one of the files is there already. */
static int refuse_present(const struct content *content, const char *from, const char *to)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < content->count; i++) {
		char *source = join(from, content->paths[i]), *path = join(to, content->paths[i]);

		if (access(path, F_OK) == 0 && !(is_folder(source) && is_folder(path))) {
			log_plain("'%s' is there already", path);
			status = STATUS_USAGE;
		}
		free(source);
		free(path);
	}
	return status;
}

/* Makes this one folder; returns 0 or the errno. */
static int try_folder(const char *path)
{
	int failure = mkdir(path, 0777) == 0 ? 0 : errno;

	return failure == EEXIST && is_folder(path) ? 0 : failure;
}

/* Makes the folder and those above it. Each is tried once more after the one above it was made,
 * not for ever: in a deleted folder, or in /proc, no folder can be made. */
static int make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	int failure = try_folder(path);

	if (failure == ENOENT && slash != NULL && slash > path) {
		char *above = mem_text_n(path, (size_t)(slash - path));
		int status = make_folder(above);

		free(above);
		if (status != STATUS_OK)
			return status;
		failure = try_folder(path);
	}
	if (failure == 0)
		return STATUS_OK;
	log_plain("cannot create '%s': %s", path, strerror(failure));
	return STATUS_UNAVAILABLE;
}

static int create_file(const char *path, const void *text, size_t length)
{
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int result = out < 0 ? -1 : fd_write_all(out, text, length);

	if (result < 0)
		log_plain("cannot write '%s': %s", path, strerror(errno));
	else if (log_level() >= LEVEL_INFO)
		printf("created %s\n", path);
	fd_close(&out);
	return result < 0 ? STATUS_UNAVAILABLE : STATUS_OK;
}

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	size_t length;
	char *text = in < 0 ? NULL : fd_read_all(in, FILE_MAX, &length);
	int status = STATUS_UNAVAILABLE;

	if (text != NULL)
		status = create_file(to, text, length);
	else
		log_plain("cannot read '%s': %s", from, strerror(errno));
	fd_close(&in);
	free(text);
	return status;
}

static int create_schema(const char *path)
{
	struct buf text = {0};
	int status;

	schema_text(&text);
	status = create_file(path, text.data, text.length);
	buf_release(&text);
	return status;
}

static int copy_all(const struct content *content, const char *from, const char *to)
{
	int status = make_folder(to);

	for (size_t i = 0; status == STATUS_OK && i < content->count; i++) {
		char *source = join(from, content->paths[i]), *path = join(to, content->paths[i]);

		if (is_folder(source))
			status = make_folder(path);
		else if (strcmp(content->paths[i], schema_name) == 0)
			status = create_schema(path);
		else
			status = copy_file(source, path);
		free(source);
		free(path);
	}
	return status;
}

/* Quotes the text for a shell. */
static void print_quoted(const char *text)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._/+:@%-";

	if (text[0] != '-' && text[strspn(text, harmless)] == '\0') {
		fputs(text, stdout);
		return;
	}
	fputs(text[0] == '-' ? "'./" : "'", stdout);
	for (; *text != '\0'; text++)
		fputs(*text == '\'' ? "'\\''" : (const char[]){*text, '\0'}, stdout);
	putchar('\'');
}

static void print_next(const char *to)
{
	char *here = realpath(".", NULL), *there = realpath(to, NULL);

	fputs("\nnext:  ", stdout);
	if (here == NULL || there == NULL || strcmp(here, there) != 0) {
		fputs("cd ", stdout);
		print_quoted(to);
		fputs(" && ", stdout);
	}
	fputs("bruco test\n", stdout);
	free(here);
	free(there);
}

static const char *parse_init(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, {0}};
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, "qv", longs)) != -1)
		options_common(program, option);
	if (optind == argc || argv[optind][0] == '\0')
		options_misuse(program, "init needs the folder to make, '.' for this one");
	if (argc - optind > 1)
		options_misuse(program, "init makes one folder, not '%s' too", argv[optind + 1]);
	return argv[optind];
}

int command_init(const struct program *program, int argc, char **argv)
{
	const char *to = parse_init(program, argc, argv);
	char *from = self_beside("../share/bruco/init");
	struct content content = {0};
	int status;

	if (from == NULL) {
		log_plain("cannot find out where bruco is installed");
		return STATUS_UNAVAILABLE;
	}
	list(&content, from, "");
	add(&content, mem_text(schema_name));
	status = refuse_present(&content, from, to);
	if (status == STATUS_OK)
		status = copy_all(&content, from, to);
	if (status == STATUS_OK && log_level() >= LEVEL_INFO)
		print_next(to);
	if (fflush(stdout) != 0) {
		log_plain("cannot write to standard output: %s", strerror(errno));
		status = STATUS_UNAVAILABLE;
	}
	for (size_t i = 0; i < content.count; i++)
		free(content.paths[i]);
	free(content.paths);
	free(from);
	return status;
}
