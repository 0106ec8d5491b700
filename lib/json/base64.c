#include "json/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t length, struct buf *out)
{
	const uint8_t *at = data;

	for (; length > 0; at += 3) {
		size_t count = length > 3 ? 3 : length;
		uint32_t bits = (uint32_t)at[0] << 16;

		bits |= count > 1 ? (uint32_t)at[1] << 8 : 0;
		bits |= count > 2 ? at[2] : 0;
		buf_byte(out, (uint8_t)alphabet[bits >> 18]);
		buf_byte(out, (uint8_t)alphabet[bits >> 12 & 63]);
		buf_byte(out, count > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=');
		buf_byte(out, count > 2 ? (uint8_t)alphabet[bits & 63] : '=');
		length -= count;
	}
}

bool base64_decode(const char *text, size_t length, struct buf *out)
{
	if (length % 4 != 0)
		return false;
	for (size_t i = 0; i < length; i += 4) {
		bool final = i + 4 == length;
		uint32_t bits = 0;
		size_t count = 3;

		for (size_t j = 0; j < 4; j++) {
			const char *found =
				text[i + j] == '\0' ? NULL : strchr(alphabet, text[i + j]);

			if (found == NULL && final && text[i + j] == '=' && j >= 2 &&
				(j == 3 || text[i + 3] == '=')) {
				count = count > j - 1 ? j - 1 : count;
				bits <<= 6;
				continue;
			}
			if (found == NULL)
				return false;
			bits = bits << 6 | (uint32_t)(found - alphabet);
		}
		if ((bits & (0xffffffU >> 8 * count)) != 0)
			return false; /* bits of no byte */
		for (size_t j = 0; j < count; j++)
			buf_byte(out, (uint8_t)(bits >> (16 - 8 * j)));
	}
	return true;
}
