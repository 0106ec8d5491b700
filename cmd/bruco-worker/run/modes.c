#include "bruco-worker/run/mode.h"

static const struct mode *const modes[] = {&mode_event, &mode_batch};

enum { MODES = sizeof modes / sizeof modes[0] };

int modes_prepare(void)
{
	for (int i = 0; i < MODES; i++)
		if (modes[i]->prepare != NULL && modes[i]->prepare() < 0)
			return -1;
	return 0;
}

PyObject *modes_function_names(void)
{
	PyObject *names = PyTuple_New(MODES);

	for (Py_ssize_t i = 0; names != NULL && i < MODES; i++) {
		PyObject *name = PyUnicode_FromString(modes[i]->function.name);

		if (name == NULL)
			Py_CLEAR(names);
		else
			PyTuple_SET_ITEM(names, i, name);
	}
	return names;
}

int modes_load_handler(struct handler *handler, const struct worker *worker)
{
	const struct handler_function *functions[MODES];

	for (int i = 0; i < MODES; i++)
		functions[i] = &modes[i]->function;
	return handler_load(handler, worker, functions, MODES);
}

const struct mode *mode_of(const struct handler *handler)
{
	for (int i = 0; handler != NULL && i < MODES; i++)
		if (handler->kind == &modes[i]->function)
			return modes[i];
	return &mode_copy;
}

uint32_t mode_depth(const struct handler *handler, const struct processor_config *processor)
{
	if (handler == NULL)
		return 1;
	if (handler->is_async && handler->kind->may_overlap)
		return processor->concurrency;
	return mode_of(handler) == &mode_batch ? processor->batch_size : 1;
}

enum next mode_flush(struct loop *loop)
{
	return loop->mode->flush == NULL ? CONTINUE : loop->mode->flush(loop);
}

unsigned mode_held(const struct loop *loop)
{
	return loop->mode->held == NULL ? 0 : loop->mode->held();
}

int mode_wait_ms(const struct loop *loop)
{
	return loop->mode->wait_ms == NULL ? -1 : loop->mode->wait_ms();
}
