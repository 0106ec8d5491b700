/*
 * bruco dev: a user's configuration on a broker of its own. Lines of standard input become records
 * of the source's first topic, what arrives on the sink's topics is shown on standard output.
 *
 * The children: bruco-broker, the pipeline (this program again, as a driver), a bruco-sink that
 * takes the typed records, a bruco-source that reads what is to be shown, and while an edit is being
 * looked at, this program again to check it.
 */
#ifndef BRUCO_DEV_DEV_H
#define BRUCO_DEV_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "bruco/dev/broker.h"
#include "bruco/dev/edits.h"
#include "bruco/dev/feed.h"
#include "bruco/dev/local_kafka.h"
#include "bruco/dev/pipeline.h"
#include "bruco/dev/show.h"
#include "config/config.h"

/* Reads a configuration, appends mistakes and warnings, returns the number of mistakes. */
typedef size_t dev_load(struct config *config, const char *path, struct buf *notes);

struct dev_options {
	const char *path;
	bool keys; /* lines are key TAB value */
	dev_load *load;
};

enum dev_phase {
	DEV_RUNNING,  /* input is read */
	DEV_DRAINING, /* it has ended; all that was typed is to be processed */
	DEV_STOPPING, /* the pipeline has been asked to end, or has ended */
	DEV_SHOWING,  /* it is gone; the rest of its outputs is to be shown */
	DEV_DONE
};

struct dev {
	const struct dev_options *options;
	struct config config; /* of the pipeline that runs now */
	int signal_fd;
	bool terminal; /* somebody types */
	enum dev_phase phase;
	struct broker broker;
	struct pipeline pipeline;
	struct feed feed;
	struct show show;
	struct edits edits;
	int64_t edited_ms;   /* when an edit is to be looked at; -1: there is none */
	pid_t check;         /* what looks at it; 0: none */
	bool replacing;      /* the pipeline ends to make place for the next one */
	int64_t look_ms;     /* when to ask again how far the pipeline has come; -1: no need */
	int64_t deadline_ms; /* of the phase; -1: none */
	int status;
	int signal; /* with which to die; 0: none */
};

/* Runs until the input ends or a signal comes. Returns the exit status; when *signal_number is not
 * 0, the caller is to die by that signal instead. `config` is what `load` made of the path. */
int dev_run(const struct dev_options *options, struct config *config, int signal_fd,
	int *signal_number);

/* ---- between the files of this folder: edits and the children's ends */

void dev_start_pipeline(struct dev *dev);            /* with all topics that it needs */
void dev_look_at_edit(struct dev *dev);              /* starts the check */
void dev_edit_checked(struct dev *dev, int status);  /* the check has ended */
void dev_pipeline_ended(struct dev *dev, int death); /* with waitpid(2)'s status */

/* Asks the pipeline to end, if it runs, and then shows the rest of its outputs. */
void dev_stop_pipeline(struct dev *dev);

#endif
