/* bruco-source: an external system to frames; bruco-source(1). */

#include <unistd.h>

#include "base/protect.h"
#include "bruco-source/options.h"
#include "stage/stage.h"

int main(int argc, char **argv)
{
	struct source_options options = {.driver = -1, .limit = -1};
	struct config config;
	int status;

	protect_begin();
	stage_begin("bruco-source");
	config_init(&config);
	options_read(argc, argv, &config, &options);
	status = source_run(&config, &options);
	_exit(status); /* a client's threads may still run: no destructors under their feet */
}
