/* Base64 of RFC 4648 with padding; of the texts that stand for some bytes only the one that is written. */
#ifndef JSON_BASE64_H
#define JSON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

void base64_encode(const void *data, size_t length, struct buf *out); /* appends */
bool base64_decode(
	const char *text, size_t length, struct buf *out); /* appends; false: not base64 */

#endif
