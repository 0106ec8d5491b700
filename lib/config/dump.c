/* struct config back to YAML: what a stage reads again, and what `bruco check --print` shows. */
#include <inttypes.h>
#include <string.h>

#include "base/format.h"
#include "base/text.h"
#include "config/types/values.h"

struct writer {
	struct buf *out;
	bool masked;
};

/* ---- scalars ---- */

/* Whether a text means itself without quotes. `null`, `true` and numbers are texts to the reader,
 * but for those that mean "nothing there". */
static bool is_plain(const char *text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *at = text;

	if (strchr(letters, text[0]) == NULL && text[0] != '/' && text[0] != '_' && text[0] != '.')
		return false;
	if (text[0] == '\0' || strcasecmp(text, "null") == 0 || strncmp(text, "...", 3) == 0)
		return false;
	for (; *at != '\0'; at++)
		if (strchr(letters, *at) == NULL && strchr("_-./+", *at) == NULL &&
			!(*at == ':' && at[1] != '\0' && strchr(letters, at[1]) != NULL))
			return false;
	return true;
}

/* The character at `at` of well-formed UTF-8 and its length. */
static uint32_t decode(const uint8_t *at, int *length)
{
	uint32_t code;

	*length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	if (*length == 1)
		return *at;
	code = *at & (0x7fU >> *length);
	for (int i = 1; i < *length; i++)
		code = code << 6 | (at[i] & 0x3fU);
	return code;
}

/* What a YAML reader refuses or takes for the end of a line. */
static bool needs_escape(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
	       code == 0xfeff || code == 0xfffe || code == 0xffff;
}

static void write_text(struct writer *writer, const char *text)
{
	struct buf *out = writer->out;
	int length;

	if (is_plain(text)) {
		buf_text(out, text);
		return;
	}
	buf_byte(out, '"');
	for (const uint8_t *at = (const uint8_t *)text; *at != '\0'; at += length) {
		uint32_t code = decode(at, &length);

		if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else if (code == '\n')
			buf_text(out, "\\n");
		else if (code == '$' && writer->masked)
			buf_text(out, "$$");
		else if (needs_escape(code))
			buf_printf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)code);
		else
			buf_append(out, at, (size_t)length);
	}
	buf_byte(out, '"');
}

static void write_key(struct writer *writer, const char *key, const char *text)
{
	buf_printf(writer->out, "%s: ", key);
	write_text(writer, text);
	buf_byte(writer->out, '\n');
}

static void write_optional(struct writer *writer, const char *key, const char *text)
{
	if (text != NULL)
		write_key(writer, key, text);
}

static void write_number(struct writer *writer, const char *key, int64_t number)
{
	buf_printf(writer->out, "%s: %" PRId64 "\n", key, number);
}

static void write_duration(struct writer *writer, const char *key, int64_t ms)
{
	char text[32];

	format_duration(text, ms);
	write_key(writer, key, text);
}

static void write_size(struct writer *writer, const char *key, int64_t bytes)
{
	char text[32];

	format_size(text, bytes);
	write_key(writer, key, text);
}

/* ---- lists and maps ---- */

static void write_texts(struct writer *writer, const char *key, const struct texts *texts)
{
	buf_printf(writer->out, "%s:%s\n", key, texts->count == 0 ? " []" : "");
	for (size_t i = 0; i < texts->count; i++) {
		buf_text(writer->out, "    - ");
		write_text(writer, texts->items[i]);
		buf_byte(writer->out, '\n');
	}
}

static void write_comma_text(struct writer *writer, const char *key, const char *comma_text)
{
	struct texts texts = {0};

	config_texts(&texts, comma_text);
	write_texts(writer, key, &texts);
	texts_release(&texts);
}

static const char *shown(const struct writer *writer, const struct setting *setting)
{
	bool secret = secret_name(setting->name) || secret_value(setting->value);

	return writer->masked && secret ? "***" : setting->value;
}

static void write_properties(struct writer *writer, const struct settings *properties)
{
	buf_printf(writer->out, "  properties:%s\n", properties->count == 0 ? " {}" : "");
	for (size_t i = 0; i < properties->count; i++) {
		buf_text(writer->out, "    ");
		write_text(writer, properties->items[i].name);
		buf_text(writer->out, ": ");
		write_text(writer, shown(writer, &properties->items[i]));
		buf_byte(writer->out, '\n');
	}
}

static void write_env(struct writer *writer, const struct settings *env)
{
	buf_printf(writer->out, "  env:%s\n", env->count == 0 ? " []" : "");
	for (size_t i = 0; i < env->count; i++) {
		write_key(writer, "    - name", env->items[i].name);
		write_key(writer, "      value", shown(writer, &env->items[i]));
	}
}

/* For a stage with the places in the user's file. */
static void write_except(struct writer *writer, const struct settings *classes)
{
	buf_printf(writer->out, "    except:%s\n", classes->count == 0 ? " []" : "");
	for (size_t i = 0; i < classes->count; i++) {
		buf_text(writer->out, "      - ");
		if (writer->masked) {
			write_text(writer, classes->items[i].name);
			buf_byte(writer->out, '\n');
			continue;
		}
		write_key(writer, "name", classes->items[i].name);
		write_key(writer, "        place", classes->items[i].value);
	}
}

/* ---- sections ---- */

static void write_processor(
	struct writer *writer, const struct processor_config *processor, bool with_env)
{
	if (!processor->present)
		return;
	buf_text(writer->out, "processor:\n");
	write_key(writer, "  handlerPath", processor->handler_path);
	write_key(writer, "  moduleName", processor->module_name);
	write_number(writer, "  workers", processor->workers);
	write_key(writer, "  ordering", ordering_word(processor->ordering));
	buf_text(writer->out, "  retry:\n");
	write_number(writer, "    attempts", processor->retry_attempts);
	write_duration(writer, "    backoff", processor->retry_backoff_ms);
	write_duration(writer, "    maxBackoff", processor->retry_max_backoff_ms);
	write_except(writer, &processor->retry_except);
	if (processor->timeout_ms > 0)
		write_duration(writer, "  timeout", processor->timeout_ms);
	write_key(writer, "  onFailure", on_failure_word(processor->on_failure));
	write_number(writer, "  concurrency", processor->concurrency);
	buf_text(writer->out, "  batch:\n");
	write_number(writer, "    size", processor->batch_size);
	write_duration(writer, "    wait", processor->batch_wait_ms);
	if (processor->max_events > 0)
		write_number(writer, "  maxEvents", processor->max_events);
	if (processor->max_memory > 0)
		write_size(writer, "  maxMemory", processor->max_memory);
	write_optional(writer, "  python", processor->python);
	if (with_env)
		write_env(writer, &processor->env);
}

static void write_offset(struct writer *writer, const struct start_offset *offset)
{
	char text[32];

	switch (offset->kind) {
	case OFFSET_LATEST:
		write_key(writer, "  offset", "latest");
		break;
	case OFFSET_EARLIEST:
		write_key(writer, "  offset", "earliest");
		break;
	case OFFSET_NUMBER:
		write_number(writer, "  offset", offset->value);
		break;
	case OFFSET_TIME:
		format_time(text, offset->value);
		write_key(writer, "  offset", text);
		break;
	}
}

static bool is_kafka(const char *kind)
{
	return kind != NULL && strcmp(kind, "kafka") == 0;
}

static void write_source(struct writer *writer, const struct source_config *source)
{
	if (source->kind == NULL)
		return;
	buf_text(writer->out, "source:\n");
	write_key(writer, "  kind", source->kind);
	write_size(writer, "  window", source->window);
	if (!is_kafka(source->kind))
		return;
	if (source->brokers != NULL)
		write_comma_text(writer, "  brokers", source->brokers);
	write_texts(writer, "  topics", &source->topics);
	write_optional(writer, "  consumerGroup", source->consumer_group);
	write_offset(writer, &source->offset);
	write_optional(writer, "  groupInstanceId", source->group_instance_id);
	write_key(writer, "  balanceStrategy", source->balance_strategy);
	write_duration(writer, "  rebalanceTimeout", source->rebalance_timeout_ms);
	write_size(writer, "  fetchDefaultBytes", source->fetch_bytes);
	write_size(writer, "  prefetch", source->prefetch);
	write_properties(writer, &source->properties);
}

static void write_sink(struct writer *writer, const char *section, const struct sink_config *sink)
{
	if (sink->kind == NULL)
		return;
	buf_printf(writer->out, "%s:\n", section);
	write_key(writer, "  kind", sink->kind);
	if (!is_kafka(sink->kind))
		return;
	if (sink->brokers != NULL)
		write_comma_text(writer, "  brokers", sink->brokers);
	write_optional(writer, "  topic", sink->topic);
	write_texts(writer, "  topics", &sink->topics);
	write_key(writer, "  partitioner", partitioner_word(sink->partitioner));
	if (sink->partition >= 0)
		write_number(writer, "  partition", sink->partition);
	write_properties(writer, &sink->properties);
}

void config_dump(const struct config *config, unsigned sections, bool masked, struct buf *out)
{
	struct writer writer = {.out = out, .masked = masked};

	write_key(&writer, "name", config->name);
	write_duration(&writer, "shutdownTimeout", config->shutdown_timeout_ms);
	write_size(&writer, "maxRecordSize", config->max_record_size);
	write_number(&writer, "maxRestarts", config->max_restarts);
	if (sections & (SECTION_PROCESSOR | SECTION_POLICY))
		write_processor(&writer, &config->processor, (sections & SECTION_PROCESSOR) != 0);
	if (sections & SECTION_SOURCE)
		write_source(&writer, &config->source);
	if (sections & SECTION_SINK)
		write_sink(&writer, "sink", &config->sink);
	if (sections & SECTION_SINK)
		write_sink(&writer, "deadLetter", &config->dead_letter);
}
