/* Where files are read on, as a source finds it in its state folder: what is read and written again is the
 * same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "state/places.h"

static void write_all(const struct places *places, struct buf *text)
{
	places_begin(text);
	for (size_t i = 0; i < places->count; i++) {
		HOLDS(places_can_hold(places->items[i].path));
		HOLDS(places->items[i].offset >= 0 && places->items[i].head_length <= places->items[i].offset);
		places_add(text, &places->items[i]);
	}
	places_end(text);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	char *text = (char *)fuzz_rest(&input);
	struct places places = {0}, again = {0};
	struct buf one = {0}, other = {0};

	if (places_read(&places, text, length)) {
		write_all(&places, &one);
		HOLDS(places_read(&again, (const char *)one.data, one.length));
		write_all(&again, &other);
		HOLDS(one.length == other.length && memcmp(one.data, other.data, one.length) == 0);
	}
	places_release(&places);
	places_release(&again);
	buf_release(&one);
	buf_release(&other);
	free(text);
	return 0;
}
