/* What the driver takes from the control sockets; whatever follows from it is only counted here. */
#include "bruco/driver/driver.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

enum { MANY = 200 };

static int kills, attempts;

void driver_fire(struct driver *driver, const struct occurrence *occurrence)
{
	(void)driver;
	(void)occurrence;
}

void driver_pauses_obeyed(struct driver *driver, uint64_t number)
{
	(void)driver;
	(void)number;
}

void driver_spread_told(struct driver *driver, const struct message *message)
{
	(void)driver;
	(void)message;
}

void driver_send_pauses(struct driver *driver)
{
	(void)driver;
}

void driver_standby_ready(struct driver *driver, const struct message *message)
{
	(void)driver;
	(void)message;
}

void process_kill(struct process *process)
{
	process->killed = true;
	kills++;
}

void process_send(struct process *process, const struct message *message, const int *fds, size_t fd_count)
{
	(void)process;
	(void)message;
	(void)fds;
	(void)fd_count;
	attempts++;
}

void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
{
	(void)relay;
	(void)level;
	(void)format;
}

void relay_release_held(struct relay *relay)
{
	(void)relay;
}

void watch_begin(struct watch *watch, int64_t now_ms)
{
	(void)watch;
	(void)now_ms;
}

/* A driver with one worker, whose socket's other end this returns. */
static int worker_of(struct driver *driver)
{
	int ends[2];

	CHECK_INT(sock_pair(ends), 0);
	driver->slots = mem_array(1, sizeof *driver->slots);
	driver->slot_count = 1;
	driver->slots[0].process = (struct process){.role = ROLE_WORKER, .pid = 1, .control = ends[0]};
	driver->source.control = ends[0]; /* only asked whether it is open */
	return ends[1];
}

TEST(one_that_talks_without_end_is_left_for_the_others)
{
	static struct driver driver;
	const struct message attempt = {.type = MESSAGE_ATTEMPT, .seq = 1, .page = {.attempt = 1}};
	int other = worker_of(&driver), before = 0;

	for (int i = 0; i < MANY; i++)
		CHECK_INT(message_send(other, &attempt, NULL, 0), 0);
	for (int turns = 1; attempts < MANY; turns++) {
		before = attempts;
		driver_read_control(&driver, 2);
		CHECK(attempts > before); /* nothing is forgotten */
		CHECK(attempts - before <= 64);
		CHECK(turns <= MANY);
	}
	driver_read_control(&driver, 2);
	CHECK_INT(attempts, MANY);
	CHECK_INT(kills, 0);
}

TEST(what_a_worker_may_not_say_ends_it)
{
	static struct driver driver;
	int other = worker_of(&driver);

	for (uint32_t type = 0; type <= MESSAGE_TYPE_END; type++) {
		const struct message message = {.type = type, .depth = 1};
		bool may = type == MESSAGE_READY || type == MESSAGE_RECYCLE || type == MESSAGE_ATTEMPT;
		int before = kills;

		if (type == MESSAGE_ACK || message_send(other, &message, NULL, 0) < 0)
			continue;
		driver.slots[0].process.ready = true;
		driver_read_control(&driver, 2);
		CHECK_INT(kills - before, may ? 0 : 1);
	}
}

UNIT_MAIN
