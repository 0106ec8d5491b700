#include "base/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void format_duration(char text[32], int64_t ms)
{
	if (ms >= 3600000 && ms % 3600000 == 0)
		snprintf(text, 32, "%" PRId64 "h", ms / 3600000);
	else if (ms % 1000 == 0)
		snprintf(text, 32, "%" PRId64 "s", ms / 1000);
	else
		snprintf(text, 32, "%" PRId64 "ms", ms);
}

void format_size(char text[32], int64_t bytes)
{
	static const char *const units[] = {"GiB", "MiB", "KiB"};
	int64_t factor = 1 << 30;

	for (size_t i = 0; i < 3; i++, factor /= 1024) {
		if (bytes >= factor && bytes % factor == 0) {
			snprintf(text, 32, "%" PRId64 "%s", bytes / factor, units[i]);
			return;
		}
	}
	snprintf(text, 32, "%" PRId64, bytes);
}

void format_rate(char text[32], int64_t per_hour)
{
	if (per_hour % 3600 == 0)
		snprintf(text, 32, "%" PRId64 "/s", per_hour / 3600);
	else if (per_hour % 60 == 0)
		snprintf(text, 32, "%" PRId64 "/m", per_hour / 60);
	else
		snprintf(text, 32, "%" PRId64 "/h", per_hour);
}

void format_time(char text[32], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	size_t length = 0;

	/* Years of four digits only: what text_time reads. */
	if (ms < 253402300800000 && gmtime_r(&seconds, &parts) != NULL)
		length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	if (length > 0)
		snprintf(text + length, 32 - length, ".%03dZ", (int)(ms % 1000));
	else
		snprintf(text, 32, "@%" PRId64, ms);
}
