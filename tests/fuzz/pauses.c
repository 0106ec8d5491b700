/* What is paused, as the driver hands it to the source: what is read and written again is the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "control/pauses.h"

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	char *text = (char *)fuzz_rest(&input);
	struct pauses pauses = {0}, again = {0};
	struct buf one = {0}, other = {0};

	if (pauses_read(&pauses, text, length)) {
		HOLDS(pauses.count <= PAUSES_MAX);
		for (size_t i = 0; i < pauses.count; i++)
			HOLDS(pauses.items[i].partition >= -1);
		pauses_match(&pauses, "orders", 3);
		pauses_write(&pauses, &one);
		HOLDS(pauses_read(&again, (const char *)one.data, one.length));
		pauses_write(&again, &other);
		HOLDS(one.length == other.length);
		HOLDS(one.length == 0 || memcmp(one.data, other.data, one.length) == 0);
	}
	pauses_release(&pauses);
	pauses_release(&again);
	buf_release(&one);
	buf_release(&other);
	free(text);
	return 0;
}
