/* What a tokenCommand prints: nothing that could end a message to a broker early is taken for a token, and
 * no lifetime is beyond its bounds. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "json/token_answer.h"
/* longest input: 2048 */

FUZZ(data, length)
{
	struct token_answer answer;
	char why[TOKEN_WHY_MAX] = "";

	if (!token_answer_read((const char *)data, length, 1767225600000, &answer, why)) {
		HOLDS(why[0] != '\0');
		HOLDS(answer.token == NULL && answer.principal == NULL && answer.extension_count == 0);
		return 0;
	}
	HOLDS(answer.token[0] != '\0' && answer.principal != NULL);
	for (const char *at = answer.token; *at != '\0'; at++)
		HOLDS(*at > ' ' && *at <= '~' && *at != ',' && *at != '"');
	HOLDS(answer.lifetime_ms > 0 && answer.lifetime_ms <= TOKEN_SECONDS_MAX * 1000LL);
	HOLDS(answer.extension_count % 2 == 0 && answer.extension_count <= 2 * TOKEN_EXTENSIONS_MAX);
	for (size_t i = 0; i < answer.extension_count; i++)
		HOLDS(strchr(answer.extensions[i], '\x01') == NULL);
	token_answer_release(&answer);
	return 0;
}
