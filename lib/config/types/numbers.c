/* Numbers, durations and sizes; see values.h. */
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/processors.h"
#include "base/text.h"
#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

static bool is_nonzero64(const void *field)
{
	return *(const int64_t *)field != 0;
}

static bool is_nonzero32(const void *field)
{
	return *(const uint32_t *)field != 0;
}

/* ---- durations ---- */

static bool read_duration(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	char low[32], high[32], what[128];
	int64_t value;

	format_duration(low, key->low);
	format_duration(high, key->high);
	snprintf(what, sizeof what, "a duration from %s to %s", low, high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_duration(node->text, &value) || value < key->low || value > key->high)
		return value_expected(load, key, node, what);
	*(int64_t *)field = value;
	return true;
}

static void write_duration(struct dump *dump, const struct key *key, const void *field)
{
	char text[32];

	(void)key;
	format_duration(text, *(const int64_t *)field);
	dump_scalar(dump, text);
}

static void duration_forms(struct forms *forms, const struct key *key)
{
	form_number(forms, false, (double)key->low / 1000, (double)key->high / 1000);
	form_pattern(forms, "^[0-9]+(?:\\.[0-9]*)? *(?:ms|s|m|min|h)?$");
}

const struct value_type duration_type = {
	.read = read_duration,
	.forms = duration_forms,
	.write = write_duration, .is_set = is_nonzero64};

/* ---- sizes ---- */

static bool read_size(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	char low[32], high[32], what[128];
	int64_t value;

	format_size(low, key->low);
	format_size(high, key->high);
	snprintf(what, sizeof what, "a size from %s to %s", low, high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_size(node->text, &value) || value < key->low || value > key->high)
		return value_expected(load, key, node, what);
	*(int64_t *)field = value;
	return true;
}

static void write_size(struct dump *dump, const struct key *key, const void *field)
{
	char text[32];

	(void)key;
	format_size(text, *(const int64_t *)field);
	dump_scalar(dump, text);
}

static void size_forms(struct forms *forms, const struct key *key)
{
	form_number(forms, false, (double)key->low, (double)key->high);
	form_pattern(forms, "^[0-9]+(?:\\.[0-9]*)? *(?:B|KiB|MiB|GiB|kB|KB|MB|GB)?$");
}

const struct value_type size_type = {
	.read = read_size,
	.forms = size_forms,
	.write = write_size, .is_set = is_nonzero64};

/* ---- rates ---- */

static bool read_rate(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	static const char what[] = "a rate such as 100/s, 6000/m or 50/h, from 1/h to 1000000/s";
	int64_t value;

	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_rate(node->text, &value) || value < key->low || value > key->high)
		return value_expected(load, key, node, what);
	*(int64_t *)field = value;
	return true;
}

static void write_rate(struct dump *dump, const struct key *key, const void *field)
{
	char text[32];

	(void)key;
	format_rate(text, *(const int64_t *)field);
	dump_scalar(dump, text);
}

static void rate_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^[0-9]+(?:\\.[0-9]*)? */(?:s|m|min|h)$");
}

const struct value_type rate_type = {
	.read = read_rate,
	.forms = rate_forms,
	.write = write_rate, .is_set = is_nonzero64};

/* ---- counts ---- */

bool read_count(struct load *load, const struct key *key, const struct node *node, void *field)
{
	char what[128];
	int64_t value;

	snprintf(what, sizeof what, "a number from %lld to %lld", (long long)key->low,
		(long long)key->high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_integer(node->text, key->low, key->high, &value))
		return value_expected(load, key, node, what);
	*(uint32_t *)field = (uint32_t)value;
	return true;
}

static void write_count(struct dump *dump, const struct key *key, const void *field)
{
	(void)key;
	dump_number(dump, *(const uint32_t *)field);
}

void count_forms(struct forms *forms, const struct key *key)
{
	form_number(forms, true, (double)key->low, (double)key->high);
	form_pattern(forms, "^[0-9]+$");
}

const struct value_type count_type = {
	.read = read_count,
	.forms = count_forms,
	.write = write_count, .is_set = is_nonzero32};

static bool read_workers(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	uint32_t *workers = field;
	char what[128];
	int64_t value;

	snprintf(what, sizeof what, "a number from %lld to %lld or auto", (long long)key->low,
		(long long)key->high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (strcmp(node->text, "auto") == 0) {
		*workers = processors_available();
		if (*workers > key->high)
			*workers = (uint32_t)key->high;
		return true;
	}
	if (!text_integer(node->text, key->low, key->high, &value))
		return value_expected(load, key, node, what);
	*workers = (uint32_t)value;
	return true;
}

static void workers_forms(struct forms *forms, const struct key *key)
{
	count_forms(forms, key);
	form_words(forms, (const char *const[]){"auto", NULL});
}

const struct value_type workers_type = {
	.read = read_workers,
	.forms = workers_forms,
	.write = write_count, .is_set = is_nonzero32};
