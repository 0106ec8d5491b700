/* lib/json/base64: the texts that are written, and no others. */
#include "unit.h"

#include <string.h>

#include "json/base64.h"

static struct buf out;

static bool decodes(const char *text)
{
	buf_reset(&out);
	return base64_decode(text, strlen(text), &out);
}

TEST(bytes_come_back)
{
	static const char *const texts[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const coded[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"}; /* RFC 4648 */

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		buf_reset(&out);
		base64_encode(texts[i], strlen(texts[i]), &out);
		CHECK_BYTES(out.data, out.length, coded[i], strlen(coded[i]));
		CHECK(decodes(coded[i]));
		CHECK_BYTES(out.data, out.length, texts[i], strlen(texts[i]));
	}
}

TEST(other_texts_are_refused)
{
	for (const char *const *text = (const char *const[]){"Z", "Zg", "Zg=", "Zg===", "=", "====",
		     "Z===", "Zg==Zg==", "Zm=v", "Zm 9v", "Zm-_", "Zm9v\n", NULL};
		*text != NULL; text++)
		CHECK(!decodes(*text));
}

TEST(bits_of_no_byte_are_refused)
{
	CHECK(!decodes("Zh=="));
	CHECK(!decodes("Zm9="));
}

UNIT_MAIN
