/* bruco schema: the keys of a configuration as a JSON Schema, for editors. */
#include "bruco/commands/schema.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco/commands/commands.h"
#include "config/json_schema.h"

void schema_text(struct buf *out)
{
	struct buf line = {0};
	json_error_t error;
	json_t *schema;
	char *text;

	json_schema_write(&line);
	schema = json_loadb((const char *)line.data, line.length, JSON_REJECT_DUPLICATES, &error);
	if (schema == NULL)
		die(STATUS_SOFTWARE, "the schema is not JSON at %d: %s", error.position, error.text);
	text = json_dumps(schema, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	buf_text(out, text);
	buf_byte(out, '\n');
	free(text);
	json_decref(schema);
	buf_release(&line);
}

int command_schema(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, {0}};
	int option, status = STATUS_OK;
	struct buf text = {0};

	options_begin(program, argv);
	while ((option = options_next(argc, argv, "qv", longs)) != -1)
		options_common(program, option);
	if (optind < argc)
		options_misuse(program, "schema takes no argument, not '%s'", argv[optind]);
	schema_text(&text);
	if (fd_write_all(STDOUT_FILENO, text.data, text.length) < 0) {
		log_error("cannot write to standard output: %s", strerror(errno));
		status = STATUS_UNAVAILABLE;
	}
	buf_release(&text);
	return status;
}
