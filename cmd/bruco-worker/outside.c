/* The program where no Python is embedded (EMBED=no): there it always executes one. */
#include "bruco-worker/front.h"
#include "bruco-worker/options.h"
#include "stage/stage.h"

int main(int argc, char **argv)
{
	struct worker worker;

	stage_begin("bruco-worker");
	worker_options(argc, argv, &worker, NULL);
	front_execute(&worker, argc, argv);
}
