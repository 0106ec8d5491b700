#include "bruco/monitor/amounts.h"

#include <inttypes.h>
#include <stdio.h>

/* With three digits, as far as it has them. */
static void write_digits(char room[AMOUNT_ROOM], double number, const char *unit)
{
	int places = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;

	snprintf(room, AMOUNT_ROOM, "%.*f%s", places, number, unit);
}

const char *amount_count(char room[AMOUNT_ROOM], double number)
{
	static const char *const units[] = {"k", "M", "G", "T"};
	int unit = -1;

	if (!(number >= 0))
		return "-";
	if (number < 9999.5) {
		snprintf(room, AMOUNT_ROOM, "%.*f",
			number > 0 && number < 9.95 && number != (int)number, number);
		return room;
	}
	for (; number >= 999.5 && unit < 3; unit++)
		number /= 1000;
	write_digits(room, number, units[unit]);
	return room;
}

const char *amount_bytes(char room[AMOUNT_ROOM], double bytes)
{
	static const char *const units[] = {" kB", " MB", " GB", " TB"};
	int unit = -1;

	if (!(bytes >= 0))
		return "-";
	for (; bytes >= 999.5 && unit < 3; unit++)
		bytes /= 1000;
	if (unit < 0)
		snprintf(room, AMOUNT_ROOM, "%.0f B", bytes);
	else
		write_digits(room, bytes, units[unit]);
	return room;
}

const char *amount_short_time(char room[AMOUNT_ROOM], double s)
{
	if (!(s >= 0))
		return "-";
	if (s >= 60)
		return amount_time(room, s);
	if (s == 0)
		snprintf(room, AMOUNT_ROOM, "0 s");
	else if (s < 0.0009995)
		snprintf(room, AMOUNT_ROOM, "%.*f us", s < 9.95e-6, s * 1e6);
	else if (s < 0.9995)
		write_digits(room, s * 1e3, " ms");
	else
		snprintf(room, AMOUNT_ROOM, "%.1f s", s);
	return room;
}

const char *amount_time(char room[AMOUNT_ROOM], double s)
{
	int64_t whole = (int64_t)s;

	if (!(s >= 0))
		return "-";
	if (whole < 60)
		snprintf(room, AMOUNT_ROOM, "%" PRId64 "s", whole);
	else if (whole < 3600)
		snprintf(room, AMOUNT_ROOM, "%" PRId64 "m%02" PRId64 "s", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(room, AMOUNT_ROOM, "%" PRId64 "h%02" PRId64 "m", whole / 3600,
			whole / 60 % 60);
	else
		snprintf(room, AMOUNT_ROOM, "%" PRId64 "d%02" PRId64 "h", whole / 86400,
			whole / 3600 % 24);
	return room;
}

const char *amount_percent(char room[AMOUNT_ROOM], double share)
{
	if (!(share >= 0))
		return "-";
	snprintf(room, AMOUNT_ROOM, "%.0f %%", 100 * share);
	return room;
}
