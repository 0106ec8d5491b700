/* Base64: all bytes come back, and a text that is taken is one that could have been written. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "json/base64.h"

static bool same(const struct buf *got, const void *want, size_t length)
{
	return got->length == length && (length == 0 || memcmp(got->data, want, length) == 0);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	uint8_t *bytes = fuzz_rest(&input);
	struct buf text = {0}, back = {0};

	base64_encode(bytes, length, &text);
	HOLDS(text.length == (length + 2) / 3 * 4);
	HOLDS(base64_decode((const char *)text.data, text.length, &back));
	HOLDS(same(&back, bytes, length));
	buf_reset(&back);
	if (base64_decode((const char *)bytes, length, &back)) {
		HOLDS(back.length <= length / 4 * 3);
		buf_reset(&text);
		base64_encode(back.data, back.length, &text);
		HOLDS(same(&text, bytes, length));
	}
	buf_release(&text);
	buf_release(&back);
	free(bytes);
	return 0;
}
