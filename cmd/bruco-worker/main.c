/* The program, which embeds a Python. */
#include <Python.h>

#include "bruco-worker/front.h"
#include "bruco-worker/options.h"
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/worker.h"
#include "stage/stage.h"

int main(int argc, char **argv)
{
	struct worker worker;

	stage_begin("bruco-worker");
	worker_options(argc, argv, &worker, Py_GetVersion());
	front_execute_other(&worker, argc, argv);
	interpreter_stop(worker_run(&worker));
}
