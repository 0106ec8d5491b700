#include "base/back_off.h"

int64_t back_off_ms(unsigned failures)
{
	int64_t wait = BACK_OFF_FIRST_MS;

	if (failures == 0)
		return 0;
	while (--failures > 0 && wait < BACK_OFF_MOST_MS)
		wait *= 2;
	return wait < BACK_OFF_MOST_MS ? wait : BACK_OFF_MOST_MS;
}
