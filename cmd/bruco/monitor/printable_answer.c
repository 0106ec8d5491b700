#include "bruco/monitor/printable_answer.h"

static void escape_string(enum printable_form form, json_t *string)
{
	struct buf out = {0};

	printable_append(form, &out, json_string_value(string), json_string_length(string));
	json_string_setn(string, (const char *)out.data, out.length);
	buf_release(&out);
}

void printable_answer(enum printable_form form, json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_string(value)) {
		escape_string(form, value);
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, member)
		{
			printable_answer(form, member);
		}
	} else if (json_is_object(value)) {
		json_object_foreach(value, name, member)
		{
			printable_answer(form, member);
		}
	}
}
