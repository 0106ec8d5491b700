/* What a stream, or whoever is in its place, answers to a message: it is stored or there is a reason, never both. */
#include "fuzz.h"

#include <string.h>

#include "json/publish_answer.h"
/* longest input: 1024 */

FUZZ(data, length)
{
	struct publish_answer answer;

	publish_answer_read((const char *)data, length, &answer);
	HOLDS(memchr(answer.why, '\0', sizeof answer.why) != NULL);
	HOLDS(answer.stored == (answer.why[0] == '\0'));
	HOLDS(!answer.stored || answer.code == 0);
	return 0;
}
