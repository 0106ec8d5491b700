#include <Python.h>

#include "bruco-worker/run/failure.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-worker/python/import.h"
#include "frame/headers.h"
#include "frame/limits.h"

/* bruco._failures.is_final, and the tuple of classes that it gets. */
static PyObject *is_final, *final_classes;

/* The class of this name, or NULL, having logged why. */
static PyObject *find_class(
	PyObject *find, const struct setting *name, const struct worker *worker, int *status)
{
	PyObject *class =
		PyObject_CallFunction(find, "ss", name->name, worker->config.processor.module_name);
	struct exception exception;
	const char *why;

	if (class != NULL)
		return class;
	*status = STATUS_CONFIG;
	exception_take(&exception);
	/* find_class itself raises LookupError; anything else comes from the import. */
	why = strcmp(exception.name, "LookupError") == 0 ? strchr(exception.summary, ' ') : NULL;
	if (why != NULL)
		log_error("%s: processor.retry.except: %s", name->value, why + 1);
	else
		log_error("%s: processor.retry.except: cannot import '%s': %s", name->value,
			name->name, exception.summary);
	exception_release(&exception);
	return NULL;
}

int failure_prepare(const struct worker *worker)
{
	const struct settings *names = &worker->config.processor.retry_except;
	PyObject *find = import_attribute("bruco._failures", "find_class");
	int status = STATUS_OK;

	is_final = import_attribute("bruco._failures", "is_final");
	final_classes = PyTuple_New((Py_ssize_t)names->count + 1);
	if (find == NULL || is_final == NULL || final_classes == NULL)
		status = STATUS_SOFTWARE;
	else
		PyTuple_SET_ITEM(final_classes, 0, import_attribute("bruco", "Reject"));
	for (size_t i = 0; i < names->count && status != STATUS_SOFTWARE; i++)
		PyTuple_SET_ITEM(final_classes, (Py_ssize_t)i + 1,
			find_class(find, &names->items[i], worker, &status));
	if (PyErr_Occurred())
		PyErr_Print();
	Py_XDECREF(find);
	return status;
}

/* Whether the exception that is set is final. */
static bool is_set_final(void)
{
	PyObject *type, *value, *trace, *answer;
	bool final;

	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	answer = PyObject_CallFunctionObjArgs(is_final, value, final_classes, NULL);
	final = answer == Py_True;
	PyErr_Clear(); /* out of memory or of recursion depth: counts as not final */
	Py_XDECREF(answer);
	PyErr_Restore(type, value, trace);
	return final;
}

void failure_take(struct failure *failure, const char *what)
{
	failure->what = what;
	failure->is_final = is_set_final();
	exception_take(&failure->exception);
}

void failure_release(struct failure *failure)
{
	exception_release(&failure->exception);
}

void failure_log(const struct failure *failure, const struct frame_record *record, int64_t pause_ms)
{
	char topic[FRAME_TOPIC_MAX + 1], place[FRAME_TOPIC_MAX + 64];
	struct log_about about = {0};
	char next[64] = "", pause[32];

	exception_about(record, topic, &about);
	about.error = failure->exception.name;
	if (!failure->is_final) /* for a final failure the reason is enough */
		about.traceback = failure->exception.traceback;
	if (about.topic != NULL)
		snprintf(place, sizeof place, "%s[%d]@%lld", topic, (int)record->partition,
			(long long)record->offset);
	else
		snprintf(place, sizeof place, "record %llu", (unsigned long long)record->head.seq);
	if (pause_ms >= 0) {
		format_duration(pause, pause_ms);
		snprintf(next, sizeof next, ", retrying in %s", pause);
	} else if (failure->is_final) {
		snprintf(next, sizeof next, ", no retry");
	}
	log_about(pause_ms >= 0 ? LEVEL_WARNING : LEVEL_ERROR, &about, "%s %s (%s, attempt %u%s)",
		failure->what, failure->exception.summary, place, record->head.attempt + 1U, next);
}

/* ---- the frame */

/* At most max bytes of the end, whole lines if one fits. */
static const char *cut_front(const char *text, size_t max)
{
	size_t length = strlen(text);
	const char *newline;

	if (length <= max)
		return text;
	text += length - max;
	newline = strchr(text - 1, '\n');
	if (newline != NULL && newline[1] != '\0')
		return newline + 1;
	while (text_continues(*text))
		text++;
	return text;
}

/* What one more header may take, its name not counted, out of what is left of the frame; 0: none.
 */
static size_t value_room(size_t left, const char *name)
{
	size_t front = frame_header_size((uint32_t)strlen(name), 0);

	if (left <= front)
		return 0;
	return left - front < LIMIT_FAILURE_TEXT ? left - front : LIMIT_FAILURE_TEXT;
}

/* The headers that fit into `left` bytes; their number. */
static uint32_t describe(const struct failure *failure, size_t left, struct buf *headers)
{
	const char *error = failure->exception.summary;
	const char *traceback = failure->exception.traceback;
	size_t room = value_room(left, "bruco-error"), length;

	if (room == 0)
		return 0;
	headers_append_text(headers, "bruco-error", error, text_cut(error, strlen(error), room));
	room = value_room(left - headers->length, "bruco-traceback");
	if (room == 0 || traceback == NULL)
		return 1;
	traceback = cut_front(traceback, room);
	length = strlen(traceback);
	if (length > 0 && traceback[length - 1] == '\n')
		length--;
	headers_append_text(headers, "bruco-traceback", traceback, length);
	return 2;
}

void failure_append(const struct failure *failure, const uint8_t *frame,
	const struct frame_record *record, uint32_t cap, struct buf *out)
{
	uint32_t front = frame_record_front(record);
	struct frame_record failed = *record;
	struct buf headers = {0};
	uint32_t length;

	if (record->header_count <= FRAME_HEADERS_MAX - 2)
		failed.header_count +=
			describe(failure, limits_frame(cap) - record->head.length, &headers);
	failed.headers_length += (uint32_t)headers.length;
	failed.head.type = FRAME_TYPE_FAILED;
	failed.head.flags = (uint16_t)((record->head.flags & FRAME_ROUTED) | FRAME_LAST |
				       (headers.length > 0 ? FRAME_REASON : 0));
	if (failed.head.attempt < UINT16_MAX)
		failed.head.attempt++; /* from the attempt that failed to how many there were */
	length = record->head.length + (uint32_t)headers.length;
	buf_reserve(out, length);
	frame_record_write_front(out->data + out->length, &failed, length);
	out->length += FRAME_RECORD;
	buf_append(out, frame + FRAME_RECORD, front - FRAME_RECORD);
	buf_append(out, headers.data, headers.length);
	buf_append(out, frame + front, record->head.length - front);
	buf_release(&headers);
}
