#include "config/secrets.h"

#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_secret_name(const char *name)
{
	static const char *const parts[] = {"password", "passwd", "passphrase", "secret", "token",
		"credential", "private", "apikey", "api_key", "api.key", "access_key",
		"ssl.key.pem", "sasl.oauthbearer.config", "sasl.oauthbearer.extensions"};
	size_t length = strlen(name);

	for (size_t i = 0; i < COUNT(parts); i++)
		if (strcasestr(name, parts[i]) != NULL)
			return strcmp(name, "sasl.oauthbearer.token.endpoint.url") != 0;
	return (length == 3 && strcasecmp(name, "key") == 0) ||
	       (length > 4 && strcasecmp(name + length - 4, "_key") == 0);
}

/* scheme://user:password@host, or the text of a private key */
static bool is_secret_value(const char *value)
{
	const char *from = strstr(value, "://");
	const char *at;

	if (strstr(value, "PRIVATE KEY-----") != NULL)
		return true;
	if (from == NULL)
		return false;
	at = strchr(from, '@');
	return at != NULL && memchr(from + 3, ':', (size_t)(at - from - 3)) != NULL;
}

const char *secret_shown(const struct setting *setting, bool masked)
{
	bool secret = is_secret_name(setting->name) || is_secret_value(setting->value);

	return masked && secret ? "***" : setting->value;
}
