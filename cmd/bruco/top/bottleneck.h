/*
 * Which part of a pipeline keeps it from being faster, and by what that is seen.
 */
#ifndef BRUCO_TOP_BOTTLENECK_H
#define BRUCO_TOP_BOTTLENECK_H

#include "bruco/top/activity.h"
#include "bruco/top/snapshot.h"

enum bottleneck {
	BOTTLENECK_INPUT,    /* none: records are done as they come */
	BOTTLENECK_PIPELINE, /* it starts, waits or stops */
	BOTTLENECK_PAUSED,   /* what there is to do is in paused partitions */
	BOTTLENECK_LIMIT,    /* rateLimit lets no more in */
	BOTTLENECK_WORKER,   /* a worker that does not run has work */
	BOTTLENECK_SOURCE,  /* workers have room, and records come slower than they could do them */
	BOTTLENECK_HANDLER, /* lanes are full and their workers busy */
	BOTTLENECK_SINK,    /* lanes are full, workers idle: the sink does not take their outputs */
	BOTTLENECK_BROKER, /* the same, but it is the outputs' broker that does not acknowledge them
			    */
	BOTTLENECK_WINDOW /* lanes have as many bytes as source.window allows, and nobody is slow */
};

enum { BOTTLENECK_TEXT = 320 };

/* Judges one answer, with what is known from those before it. Writes one line, which begins with
 * the part that it is about: "handler: 2 of 2 workers busy (99 % of the time), 2 lanes full". */
enum bottleneck bottleneck_judge(const struct snapshot *snapshot, const struct activity *activity,
	char text[BOTTLENECK_TEXT]);

#endif
