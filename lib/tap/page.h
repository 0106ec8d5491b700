/*
 * What a tap's two ends share: a page of memory with what is wanted and what was counted. The driver
 * makes it, the stage counts in it, and the reader reads the counts, which outlive the stage.
 */
#ifndef TAP_PAGE_H
#define TAP_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame/frame.h"

/* Where records are tapped. */
enum tap_edge {
	TAP_IN,    /* source: what goes to a worker */
	TAP_OUT,   /* sink: what it has handed to its kind, with the topic it goes to */
	TAP_FAILED /* sink: what has failed for good, as the dead letter has it */
};

enum { TAP_KEY_MAX = 1024 };

struct tap_filter {
	uint32_t edge;
	int32_t partition;  /* of the input; -1: any */
	int32_t key_length; /* FRAME_NULL: any */
	uint8_t key[TAP_KEY_MAX];
};

struct tap_page {
	_Atomic uint64_t matched;  /* records that the filter lets through */
	_Atomic uint64_t left_out; /* those of them that the reader was too slow for */
	struct tap_filter filter;
};

/* A descriptor of a page with this filter, which nobody can shorten; -1 with errno. */
int tap_page_create(const struct tap_filter *filter);

/* NULL with errno: EINVAL when the descriptor is no page of a tap. */
struct tap_page *tap_page_map(int fd);
void tap_page_unmap(struct tap_page *page);

#endif
