#include "config/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

extern char **environ;

/* What programs need to find their files, to speak the user's language, and to be examined. */
static const char *const for_all[] = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*",
	"TZ", "TZDIR", "TMPDIR", "LD_*", "GLIBC_TUNABLES", "MALLOC_*", "ASAN_OPTIONS", "LSAN_OPTIONS",
	"TSAN_OPTIONS", "UBSAN_OPTIONS", NULL};

/* The way to servers that a handler, or pip, asks. */
#define FOR_HTTP                                                                                   \
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",         \
		"all_proxy", "no_proxy", "SSL_CERT_*", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"

static const char *const for_workers[] = {
	"PYTHON*", "VIRTUAL_ENV", "BRUCO_VENV", "OTEL_*", FOR_HTTP, NULL};

/* Of OpenSSL, Cyrus SASL and Kerberos. */
static const char *const for_clients[] = {
	"SSL_CERT_*", "OPENSSL_*", "SASL_PATH", "SASL_CONF_PATH", "KRB5*", "XDG_STATE_HOME", NULL};

/* Indexes, caches, compilers, and repositories of source code. */
static const char *const for_pip[] = {"PIP_*", "PYTHON*", FOR_HTTP, "NETRC", "XDG_CACHE_HOME",
	"XDG_CONFIG_HOME", "CC", "CXX", "CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS",
	"PKG_CONFIG_*", "MAKEFLAGS", "CARGO_*", "RUSTUP_*", "GIT_*", "SSH_AUTH_SOCK",
	/* of uv, but not with what it publishes */
	"UV_CACHE_DIR", "UV_CONCURRENT_*", "UV_CONFIG_FILE", "UV_CONSTRAINT", "UV_DEFAULT_INDEX",
	"UV_EXCLUDE_NEWER", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_HTTP_*", "UV_INDEX*",
	"UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_LINK_MODE", "UV_NATIVE_TLS", "UV_NO_CACHE",
	"UV_NO_CONFIG", "UV_NO_INDEX", "UV_OFFLINE", "UV_OVERRIDE", "UV_PRERELEASE",
	"UV_RESOLUTION", "UV_SYSTEM_CERTS", NULL};

static const char *const *const lists[] = {[ENVIRONMENT_WORKER] = for_workers,
	[ENVIRONMENT_CLIENT] = for_clients,
	[ENVIRONMENT_PIP] = for_pip};

/* Whether the variable, "NAME=value", has this name, or one that begins as "PREFIX*" says. */
static bool is_named(const char *variable, const char *pattern)
{
	size_t length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return strncmp(variable, pattern, length - 1) == 0;
	return strncmp(variable, pattern, length) == 0 && variable[length] == '=';
}

static bool is_among(const char *variable, const char *const *patterns)
{
	for (; *patterns != NULL; patterns++)
		if (is_named(variable, *patterns))
			return true;
	return false;
}

static bool is_in_texts(const char *variable, const struct texts *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (is_named(variable, names->items[i]))
			return true;
	return false;
}

/* Whether processor.env or BRUCO_VENV says it anew. */
static bool is_replaced(const char *variable, const struct settings *env, const char *venv)
{
	for (size_t i = 0; i < env->count; i++)
		if (is_named(variable, env->items[i].name))
			return true;
	return venv != NULL && is_named(variable, "BRUCO_VENV");
}

static bool is_inherited(
	const struct config *config, enum environment_of whose, const char *variable)
{
	const struct processor_config *processor = &config->processor;

	if (whose != ENVIRONMENT_CLIENT && is_in_texts(variable, &config->secret_variables))
		return false;
	return processor->isolation == ISOLATION_NONE || is_among(variable, for_all) ||
	       is_among(variable, lists[whose]) || is_in_texts(variable, &processor->inherit_env);
}

char **environment_make(const struct config *config, enum environment_of whose, const char *venv)
{
	static const struct settings nothing;
	const struct settings *env =
		whose == ENVIRONMENT_WORKER ? &config->processor.env : &nothing;
	size_t count = 0;
	char **list;

	while (environ[count] != NULL)
		count++;
	list = mem_array(count + env->count + 2, sizeof *list);
	count = 0;
	for (char **variable = environ; *variable != NULL; variable++)
		if (is_inherited(config, whose, *variable) && !is_replaced(*variable, env, venv))
			list[count++] = mem_text(*variable);
	for (size_t i = 0; i < env->count; i++)
		list[count++] = mem_printf("%s=%s", env->items[i].name, env->items[i].value);
	if (venv != NULL)
		list[count++] = mem_printf("BRUCO_VENV=%s", venv);
	return list;
}

void environment_set(char ***list, const char *name, const char *value)
{
	char **old = *list;
	size_t count = 0, kept = 0;

	while (old[count] != NULL)
		count++;
	*list = mem_array(count + 2, sizeof **list);
	for (size_t i = 0; i < count; i++)
		if (is_named(old[i], name))
			free(old[i]);
		else
			(*list)[kept++] = old[i];
	(*list)[kept] = mem_printf("%s=%s", name, value);
	free(old);
}

void environment_set_user(char ***list, const struct settings *env, const struct user *user)
{
	const struct {
		const char *name, *value;
	} variables[] = {{"HOME", user->home}, {"USER", user->name}, {"LOGNAME", user->name}};

	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		bool given = false;

		for (size_t j = 0; env != NULL && j < env->count; j++)
			given = given || strcmp(env->items[j].name, variables[i].name) == 0;
		if (!given)
			environment_set(list, variables[i].name, variables[i].value);
	}
}

char **environment_of_program(const struct config *config, const struct settings *env)
{
	size_t count = 0;
	char **list;

	while (environ[count] != NULL)
		count++;
	list = mem_array(count + env->count + 1, sizeof *list);
	count = 0;
	for (char **variable = environ; *variable != NULL; variable++)
		if (!is_in_texts(*variable, &config->secret_variables) && !is_replaced(*variable, env, NULL))
			list[count++] = mem_text(*variable);
	for (size_t i = 0; i < env->count; i++)
		list[count++] = mem_printf("%s=%s", env->items[i].name, env->items[i].value);
	return list;
}

void environment_export(const struct settings *env)
{
	for (size_t i = 0; i < env->count; i++)
		setenv(env->items[i].name, env->items[i].value, 1);
}

void environment_free(char **list)
{
	for (char **variable = list; list != NULL && *variable != NULL; variable++)
		free(*variable);
	free(list);
}
