/* bruco-sink: frames to an external system; bruco-sink(1). */

#include <unistd.h>

#include "base/protect.h"
#include "bruco-sink/options.h"
#include "stage/stage.h"

int main(int argc, char **argv)
{
	struct sink_options options = {.driver = -1};
	struct config config;
	int status;

	protect_begin();
	stage_begin("bruco-sink");
	config_init(&config);
	options_read(argc, argv, &config, &options);
	status = sink_run(&config, &options);
	_exit(status); /* a client's threads may still run: no destructors under their feet */
}
