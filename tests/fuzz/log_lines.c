/* What a process says on its pipes, on its way to the driver's log: a text log holds no control characters,
 * nobody speaks in another's name, and each line of a JSON log is JSON. */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/printable.h"
#include "base/text.h"
#include "bruco/log/stage_output.h"

#define PROGRAM "bruco-worker-0"

enum { READ = 8192 };

static bool contains(const char *line, size_t length, const char *part)
{
	return memmem(line, length, part, strlen(part)) != NULL;
}

static void check_json(const char *line, size_t length)
{
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *program = json_string_value(json_object_get(object, "program"));

	HOLDS(json_is_object(object));
	HOLDS(program != NULL && strcmp(program, PROGRAM) == 0);
	HOLDS(json_is_string(json_object_get(object, "message")));
	json_decref(object);
}

/* A line of a traceback, or one that names the process it came from. */
static void check_text(const char *line, size_t length)
{
	HOLDS(length >= 2 && (strncmp(line, "  ", 2) == 0 || contains(line, length, PROGRAM ": ")));
}

static void check_lines(const char *text, size_t length, bool is_json)
{
	HOLDS(length == 0 || text[length - 1] == '\n');
	HOLDS(text_utf8(text, length));
	while (length > 0) {
		size_t line = (size_t)((const char *)memchr(text, '\n', length) - text);

		HOLDS(printable_run(PRINTABLE_TEXT, text, line) == line);
		if (is_json)
			check_json(text, line);
		else
			check_text(text, line);
		text += line + 1;
		length -= line + 1;
	}
}

/* Gives the bytes to the output of this kind in two pieces, and collects what the relay writes. */
static void relay_bytes(const struct fuzz_input *input, enum output_kind kind, size_t cut, struct buf *out)
{
	int said[2], shown[2];
	struct stage_output output;
	struct relay relay;
	ssize_t got;

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, said) == 0);
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, shown) == 0);
	stage_output_init(&output);
	output.kind = kind;
	output.level = LEVEL_INFO;
	output.program = PROGRAM;
	output.worker = "worker-0";
	output.owner = 0;
	output.fd = said[0];
	relay_init(&relay, shown[0]);
	cut = cut < input->length ? cut : input->length;
	HOLDS(fd_write_all(said[1], input->data, cut) == 0);
	stage_output_read(&output, &relay);
	HOLDS(fd_write_all(said[1], input->data + cut, input->length - cut) == 0);
	close(said[1]);
	stage_output_finish(&output, &relay);
	relay_release(&relay);
	do {
		buf_reserve(out, READ);
		got = read(shown[1], out->data + out->length, READ);
		out->length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	close(shown[0]);
	close(shown[1]);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	uint8_t choice = fuzz_byte(&input), cut = fuzz_byte(&input);
	bool is_json = (choice & 1) != 0;
	struct buf out = {0};

	log_set_format(is_json ? FORMAT_JSON : FORMAT_TEXT);
	relay_bytes(&input, (choice & 2) != 0 ? OUTPUT_PRINT : OUTPUT_LINES, cut, &out);
	check_lines((const char *)out.data, out.length, is_json);
	buf_release(&out);
	return 0;
}
