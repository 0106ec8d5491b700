#include "json/publish_answer.h"

#include <jansson.h>
#include <stdio.h>

static void read_error(const json_t *error, struct publish_answer *answer)
{
	const json_t *code = json_object_get(error, "err_code");
	const char *why = json_string_value(json_object_get(error, "description"));

	if (!json_is_integer(code))
		code = json_object_get(error, "code"); /* of servers before 2.7 */
	answer->code = json_integer_value(code) > 0 && json_integer_value(code) < 1000000
			       ? (int)json_integer_value(code)
			       : 1;
	snprintf(answer->why, sizeof answer->why, "%s", why != NULL && why[0] != '\0' ? why : "it refuses the message");
}

void publish_answer_read(const char *text, size_t length, struct publish_answer *answer)
{
	json_t *object = json_loadb(text, length, 0, NULL);
	const json_t *error = json_object_get(object, "error");

	*answer = (struct publish_answer){.why = "who answers is not a stream"};
	if (json_is_object(error))
		read_error(error, answer);
	else if (error == NULL && json_is_string(json_object_get(object, "stream")) &&
		 json_integer_value(json_object_get(object, "seq")) > 0)
		*answer = (struct publish_answer){.stored = true};
	json_decref(object);
}
