#include "json/token_answer.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool wrong(char why[TOKEN_WHY_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(char why[TOKEN_WHY_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, TOKEN_WHY_MAX, format, arguments);
	va_end(arguments);
	return false;
}

/* RFC 6750, 2.1: letters, digits and these, then any '='. Anything else could end the message to the
 * broker in the middle of the token. */
static bool is_token(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-._~+/");

	return length > 0 && text[length + strspn(text + length, "=")] == '\0';
}

static bool read_token(const json_t *object, struct token_answer *answer, char why[TOKEN_WHY_MAX])
{
	const json_t *token = json_object_get(object, "access_token");

	if (token == NULL)
		return wrong(why, "it has no 'access_token'");
	if (!json_is_string(token) || !is_token(json_string_value(token)))
		return wrong(why, "its 'access_token' is not a token");
	answer->token = mem_text(json_string_value(token));
	return true;
}

/* A number, or a text with one, as some servers give it. */
static bool read_seconds(const json_t *value, double *seconds)
{
	int64_t number;

	if (json_is_number(value)) {
		*seconds = json_number_value(value);
		return true;
	}
	if (!json_is_string(value) ||
		!text_integer(json_string_value(value), INT64_MIN, INT64_MAX, &number))
		return false;
	*seconds = (double)number;
	return true;
}

/* A point in time: seconds since 1970, or a text of RFC 3339. */
static bool read_end(const json_t *value, int64_t now_ms, double *seconds)
{
	int64_t ms;

	if (json_is_string(value) && text_time(json_string_value(value), &ms))
		*seconds = (double)ms / 1000;
	else if (!read_seconds(value, seconds))
		return false;
	*seconds -= (double)now_ms / 1000;
	return true;
}

static bool read_lifetime(
	const json_t *object, int64_t now_ms, struct token_answer *answer, char why[TOKEN_WHY_MAX])
{
	const json_t *lifetime = json_object_get(object, "expires_in");
	const json_t *end = json_object_get(object, "expires_at");
	double seconds;

	if (lifetime == NULL && end == NULL)
		return wrong(why, "it has neither 'expires_in' nor 'expires_at'");
	if (lifetime != NULL && !read_seconds(lifetime, &seconds))
		return wrong(why, "its 'expires_in' is not a number of seconds");
	if (lifetime == NULL && !read_end(end, now_ms, &seconds))
		return wrong(why, "its 'expires_at' is not a time");
	if (!(seconds >= 0.001))
		return wrong(why, "its token has expired");
	answer->lifetime_ms = (int64_t)(fmin(seconds, TOKEN_SECONDS_MAX) * 1000);
	return true;
}

/* The name of an extension is letters; its value printable ASCII and blanks (RFC 7628, 3.1). */
static bool is_extension(const char *name, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL || name[0] == '\0' || name[strspn(name, letters)] != '\0' ||
		strcmp(name, "auth") == 0)
		return false;
	for (; *text != '\0'; text++)
		if ((*text < ' ' || *text > '~') && strchr("\t\r\n", *text) == NULL)
			return false;
	return true;
}

static bool read_extensions(json_t *object, struct token_answer *answer, char why[TOKEN_WHY_MAX])
{
	json_t *extensions = json_object_get(object, "extensions"), *value;
	const char *name;

	if (extensions == NULL)
		return true;
	if (!json_is_object(extensions) || json_object_size(extensions) > TOKEN_EXTENSIONS_MAX)
		return wrong(why, "its 'extensions' are not a map of %d texts at most",
			TOKEN_EXTENSIONS_MAX);
	json_object_foreach(extensions, name, value) {
		if (!is_extension(name, value))
			return wrong(why, "one of its 'extensions' is not letters and a text");
		answer->extensions[answer->extension_count++] = mem_text(name);
		answer->extensions[answer->extension_count++] = mem_text(json_string_value(value));
	}
	return true;
}

static bool read_principal(
	const json_t *object, struct token_answer *answer, char why[TOKEN_WHY_MAX])
{
	const json_t *principal = json_object_get(object, "principal");

	if (principal != NULL && !json_is_string(principal))
		return wrong(why, "its 'principal' is not a text");
	answer->principal = mem_text(principal == NULL ? "" : json_string_value(principal));
	return true;
}

bool token_answer_read(const char *text, size_t length, int64_t now_ms, struct token_answer *answer,
	char why[TOKEN_WHY_MAX])
{
	json_error_t error;
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	bool good;

	*answer = (struct token_answer){0};
	if (object == NULL)
		return wrong(why, length == 0 ? "it printed nothing"
					      : "it did not print JSON (line %d, column %d)",
			error.line, error.column);
	if (!json_is_object(object))
		good = wrong(why, "it printed JSON that is no object");
	else
		good = read_token(object, answer, why) &&
		       read_lifetime(object, now_ms, answer, why) &&
		       read_principal(object, answer, why) && read_extensions(object, answer, why);
	json_decref(object);
	if (!good)
		token_answer_release(answer);
	return good;
}

void token_answer_release(struct token_answer *answer)
{
	free(answer->token);
	free(answer->principal);
	for (size_t i = 0; i < answer->extension_count; i++)
		free(answer->extensions[i]);
	*answer = (struct token_answer){0};
}
