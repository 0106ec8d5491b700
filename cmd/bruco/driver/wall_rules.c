/* Which files a worker reaches; see wall.h. */
#include "bruco/driver/wall.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What Python, its extension modules, subprocesses, TLS and resolvers read, where it is there. */
static const char *const readable[] = {"/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin",
	/* the loader, users' names, the local time */
	"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/passwd", "/etc/group", "/etc/localtime",
	"/etc/timezone", "/etc/locale.alias", "/etc/os-release", "/etc/alternatives",
	/* names of hosts and services */
	"/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf",
	"/etc/services", "/etc/protocols", "/etc/mime.types",
	/* certificates of others, but no private keys */
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs",
	"/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust",
	"/etc/ca-certificates", "/etc/crypto-policies",
	/* the machine's size */
	"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime",
	"/proc/version", "/proc/filesystems", "/proc/sys/vm/overcommit_memory",
	"/proc/sys/kernel/random", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/cap_last_cap",
	"/sys/devices/system/cpu", "/sys/devices/system/node",
	"/sys/kernel/mm/transparent_hugepage"};

static const char *const devices[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

/* Files that variables name; several with ':' between them. */
static const char *const variables[] = {
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "TZDIR"};

struct rules {
	const struct wall *wall;
	int fd;
	int error; /* the first one, 0: none */
};

/* Whether `path` is `folder` or in it; both as realpath(3) writes them. */
static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/' || length == 1);
}

/* Whether it is hidden, or something in it is. */
static bool holds_hidden(const struct wall *wall, const char *real)
{
	for (size_t i = 0; i < wall->hidden.count; i++)
		if (is_below(wall->hidden.items[i], real))
			return true;
	return false;
}

static void allow(struct rules *rules, const char *path, enum landlock_right right)
{
	if (!landlock_allow(rules->fd, path, right) && errno != ENOENT && errno != EACCES &&
		errno != ENOTDIR && errno != ELOOP && rules->error == 0)
		rules->error = errno;
}

static void allow_tree(struct rules *rules, const char *path);

/* .env, .env.local, .envrc; but not an environment of that name. */
static bool is_env_file(const char *name, const char *path)
{
	struct stat info;

	return strncmp(name, ".env", 4) == 0 && stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

/* A folder that holds something hidden: each of its entries by itself. What is hidden
 * can't be reached by a symbolic link in it either: allow_tree looks at where the link ends. */
static void allow_entries(struct rules *rules, const char *folder)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;

	if (stream != NULL)
		allow(rules, folder, LANDLOCK_LIST);
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			!is_env_file(entry->d_name, path))
			allow_tree(rules, path);
		free(path);
	}
	if (stream != NULL)
		closedir(stream);
}

/* Whether the path's last part is a symbolic link. */
static bool is_link(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/* Reading below `path`, but for what is hidden. */
static void allow_tree(struct rules *rules, const char *path)
{
	char *real = realpath(path, NULL);

	if (real != NULL && !holds_hidden(rules->wall, real))
		allow(rules, real, LANDLOCK_READ);
	else if (real != NULL && !is_link(path)) /* no circles */
		allow_entries(rules, real); /* of a file: none */
	free(real);
}

static void allow_variable(struct rules *rules, const char *name)
{
	char *list = getenv(name) == NULL ? NULL : mem_text(getenv(name)), *rest = list;
	const char *path;

	while (list != NULL && (path = strsep(&rest, ":")) != NULL)
		if (path[0] == '/' && path[1] != '\0')
			allow_tree(rules, path);
	free(list);
}

static void allow_all(struct rules *rules)
{
	const struct wall *wall = rules->wall;

	for (size_t i = 0; i < COUNT(readable); i++)
		allow_tree(rules, readable[i]);
	for (size_t i = 0; i < COUNT(devices); i++)
		allow(rules, devices[i], LANDLOCK_DEVICE);
	for (size_t i = 0; i < COUNT(variables); i++)
		allow_variable(rules, variables[i]);
	for (size_t i = 0; i < wall->own.count; i++)
		allow_tree(rules, wall->own.items[i]);
	allow(rules, "/dev/shm", LANDLOCK_WRITE); /* where multiprocessing's locks are made */
	allow(rules, wall->temporary, LANDLOCK_WRITE);
}

int wall_rules(const struct wall *wall)
{
	struct rules rules = {.wall = wall, .fd = landlock_create(wall->network)};

	if (rules.fd < 0)
		return -1;
	allow_all(&rules);
	if (rules.error == 0)
		return rules.fd;
	close(rules.fd);
	errno = rules.error;
	return -1;
}
