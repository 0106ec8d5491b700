/* Secret parts of a text; see secrets.h. When in doubt, more is hidden. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/secrets.h"

static const char blanks[] = " \t\r\n";
static const char between[] = " \t\r\n,|"; /* pairs */
static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

enum { USERINFO_MAX = 4096 };

enum { OPAQUE = '\x01' }; /* in `plain`, for each byte of a placeholder: no delimiter, no letter */

struct mask {
	const char *text;
	char *plain;  /* the text without placeholders, of the same length */
	bool *hidden; /* for each byte */
	const char *last_semicolon; /* in `plain`, or NULL */
};

static void hide(struct mask *mask, const char *from, const char *to)
{
	memset(mask->hidden + (from - mask->plain), true, (size_t)(to - from));
}

/* ---- placeholders */

/* The name of the placeholder at `dollar` ends here; or NULL: there is none. */
static char *placeholder_name_end(char *dollar)
{
	char *name = dollar + 2, *end;

	if (dollar[1] != '{')
		return NULL;
	end = name + strspn(name, name_letters);
	if (end == name || (end[0] != '}' && end[0] != ':'))
		return NULL;
	if (end[0] == '}' || end[1] == '-')
		return end;
	return strncmp(name, "file:", 5) == 0 ? end : NULL;
}

/* A default is text like any other. */
static void find_placeholders(struct mask *mask)
{
	char *at = mask->plain, *end, *close;

	while ((at = strchr(at, '$')) != NULL) {
		end = placeholder_name_end(at);
		if (end == NULL) {
			at += at[1] == '$' ? 2 : 1;
			continue;
		}
		close = strchr(end, '}');
		if (close == NULL)
			return;
		if (end[0] == ':')
			end = end[1] == '-' ? end + 2 : close;
		memset(at, OPAQUE, (size_t)(end - at));
		*close = OPAQUE;
		at = close;
	}
}

/* ---- URLs: scheme://user:password@host */

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && (text[digits] == '\0' || strchr("/?#, \t\r\n", text[digits]) != NULL);
}

/* The '@' that ends user and password, or NULL. A password as it should not be, with '/' or a blank in
 * it, is one, too. */
static const char *userinfo_end(const char *start)
{
	size_t token = strcspn(start, blanks), authority = strcspn(start, "/?# \t\r\n");
	const char *colon = memchr(start, ':', token);
	const char *end;

	if (colon != NULL && memchr(start, '@', token) == NULL && !is_port(colon + 1))
		for (token = 0; token < USERINFO_MAX && start[token] != '\n' && start[token] != '\0';)
			token++;
	end = memrchr(start, '@', token);
	if (end != NULL && (colon == NULL || colon > end) && end > start + authority)
		end = memrchr(start, '@', authority);
	return end;
}

/* A password that is all placeholder hides nothing. */
static bool is_open(const char *start, const char *end)
{
	const char *colon = memchr(start, ':', (size_t)(end - start));

	if (colon == NULL || colon + 1 == end)
		return false;
	while (++colon < end)
		if (*colon != OPAQUE)
			return false;
	return true;
}

static void hide_urls(struct mask *mask)
{
	const char *at = mask->plain, *end;

	while ((at = strstr(at, "://")) != NULL) {
		at += 3;
		end = userinfo_end(at);
		if (end != NULL && !is_open(at, end))
			hide(mask, at, end);
		/* Without one there is no '@' behind a further "://" in these letters either. */
		at = end != NULL ? end : at + strcspn(at, blanks);
	}
}

/* ---- NAME=VALUE and "NAME": "VALUE" */

/* The name before '=' or ':', or NULL. *quoted: a quote stands between. */
static const char *name_before(const struct mask *mask, const char *sign, bool *quoted, size_t *length)
{
	const char *end = sign, *start;

	while (end > mask->plain && isblank((unsigned char)end[-1]))
		end--;
	*quoted = end > mask->plain && (end[-1] == '"' || end[-1] == '\'');
	while (end > mask->plain && strchr("\"'\\", end[-1]) != NULL)
		end--;
	for (start = end; start > mask->plain && strchr(name_letters, start[-1]) != NULL;)
		start--;
	*length = (size_t)(end - start);
	return *length == 0 ? NULL : start;
}

static bool is_secret_pair(const char *sign, const char *name, size_t length, bool quoted)
{
	char *copy;
	bool secret;

	if (*sign == ':' && !quoted && (sign[1] == '\0' || strchr(" \t\"'", sign[1]) == NULL))
		return false;
	copy = mem_text_n(name, length);
	secret = secret_name(copy);
	free(copy);
	return secret;
}

/* Behind the quote at `quote`: doubled, or behind a '\', it does not end the text. */
static const char *quoted_end(const char *quote)
{
	const char *at = quote + 1;

	for (; *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (*at == *quote && at[1] == *quote)
			at++;
		else if (*at == *quote)
			break;
	}
	return at;
}

/* Whether the next pair begins behind the blank or comma at `at`. */
static bool pair_follows(const char *at)
{
	size_t length;

	at += strspn(at, between);
	length = strspn(at, name_letters);
	return length > 0 && (at[length] == '=' || at[length] == ':');
}

/* Where the value ends that begins at `value`: in a query at '&', in a text with ';' there, else where
 * another pair begins. */
static const char *value_end(const struct mask *mask, const char *value, bool in_query)
{
	const char *at = value;

	if (in_query)
		return value + strcspn(value, "&# \t\r\n");
	if (mask->last_semicolon != NULL && mask->last_semicolon >= value)
		return value + strcspn(value, ";");
	while (*(at += strcspn(at, between)) != '\0' && !pair_follows(at))
		at += strspn(at, between);
	return at;
}

/* Returns where it ends. */
static const char *hide_value(struct mask *mask, const char *sign, const char *name)
{
	const char *value = sign + 1 + strspn(sign + 1, blanks);
	bool in_query = name > mask->plain && strchr("?&", name[-1]) != NULL;

	const char *end;

	if (*value == '"' || *value == '\'')
		end = quoted_end(value++);
	else
		end = value_end(mask, value, in_query);
	hide(mask, value, end);
	return end;
}

static void hide_pairs(struct mask *mask)
{
	const char *sign = mask->plain, *name;
	size_t length;
	bool quoted;

	while ((sign = strpbrk(sign, "=:")) != NULL) {
		name = name_before(mask, sign, &quoted, &length);
		if (name != NULL && is_secret_pair(sign, name, length, quoted))
			sign = hide_value(mask, sign, name);
		else
			sign++;
	}
}

/* ---- PEM */

static bool has_private_pem(const char *text)
{
	static const char begin[] = "-----BEGIN ";

	while ((text = strstr(text, begin)) != NULL) {
		size_t length;

		text += sizeof begin - 1;
		length = strcspn(text, "-\r\n");
		if (memmem(text, length, "CERTIFICATE", 11) == NULL &&
			memmem(text, length, "PUBLIC KEY", 10) == NULL)
			return true;
	}
	return false;
}

/* ---- the whole */

/* The text with "***" for each run of hidden bytes, or NULL without one. Placeholders are never hidden. */
static char *masked_text(const struct mask *mask, size_t length)
{
	struct buf out = {0};
	bool any = false, before = false;
	char *text;

	for (size_t i = 0; i < length; i++) {
		bool hidden = mask->hidden[i] && mask->plain[i] != OPAQUE;

		if (!hidden)
			buf_byte(&out, (uint8_t)mask->text[i]);
		else if (!before)
			buf_text(&out, "***");
		any = any || hidden;
		before = hidden;
	}
	text = any ? mem_text_n((const char *)out.data, out.length) : NULL;
	buf_release(&out);
	return text;
}

char *secret_mask(const char *text, enum secret_syntax syntax, bool whole)
{
	size_t length = strlen(text);
	struct mask mask = {.text = text,
		.plain = mem_text(text),
		.hidden = mem_array(length + 1, sizeof *mask.hidden)};
	char *masked;

	if (syntax == SECRET_IN_FILE)
		find_placeholders(&mask);
	mask.last_semicolon = strrchr(mask.plain, ';');
	if (whole || has_private_pem(mask.plain)) {
		hide(&mask, mask.plain, mask.plain + length);
	} else {
		hide_urls(&mask);
		hide_pairs(&mask);
	}
	masked = masked_text(&mask, length);
	free(mask.plain);
	free(mask.hidden);
	return masked;
}
