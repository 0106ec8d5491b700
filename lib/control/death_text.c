#include "control/death_text.h"

#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/signals.h"

char *death_text(int status, bool timed_out)
{
	int number;

	if (timed_out)
		return mem_text("worker killed: the event ran longer than processor.timeout");
	if (!WIFSIGNALED(status))
		return mem_printf(
			"worker exited with status %d while the event ran", WEXITSTATUS(status));
	number = WTERMSIG(status);
	if (signals_name(number) == NULL)
		return mem_printf("worker killed by signal %d", number);
	return mem_printf("worker killed by signal %d (SIG%s)", number, signals_name(number));
}
