#include "stage/greeting.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/protect.h"
#include "base/status.h"
#include "frame/limits.h"

enum { HELLO_MS = 10000 };

/* As message_receive, but waits for the message; ends the program when none comes in time. */
static int wait_for_message(struct greeting *greeting, int driver, size_t *fd_count)
{
	int64_t deadline = clock_ms() + HELLO_MS;
	const struct ack *acks;
	size_t ack_count;
	int got;

	for (;;) {
		struct pollfd poll_fd = {.fd = driver, .events = POLLIN};
		int ready = fd_poll(&poll_fd, 1, clock_left(deadline, clock_ms()));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			die(STATUS_TEMPFAIL, "timed out waiting for the driver's greeting");
		got = message_receive(driver, &greeting->hello, greeting->fds, fd_count, &acks, &ack_count);
		if (got >= 0 || errno != EAGAIN)
			return got;
	}
}

void greeting_receive(struct greeting *greeting, int driver, size_t fd_count)
{
	size_t count = 0;
	int got = wait_for_message(greeting, driver, &count);

	if (got == 0)
		die(STATUS_TEMPFAIL, "the driver is gone");
	if (got < 0 && status_of_error(errno) == STATUS_TEMPFAIL)
		die(STATUS_TEMPFAIL, "cannot receive from the driver: %s", strerror(errno));
	if (got < 0 || greeting->hello.type != MESSAGE_HELLO || count != fd_count)
		die(STATUS_SOFTWARE, "unexpected first message from the driver");
	if (greeting->hello.lanes < 1 || greeting->hello.lanes > LIMIT_LANES)
		die(STATUS_SOFTWARE, "the driver wants %u lanes", greeting->hello.lanes);
	log_set_level((enum log_level)greeting->hello.log_level);
	log_set_format((enum log_format)greeting->hello.log_format);
}

struct page *greeting_open(struct greeting *greeting, struct config *config, unsigned sections)
{
	struct buf notes = {0};
	struct page *page;

	if (config_load_fd(config, greeting->fds[HELLO_CONFIG], sections, &notes) > 0)
		die(STATUS_SOFTWARE, "unreadable configuration from the driver: %.*s",
			(int)notes.length, (const char *)notes.data);
	buf_release(&notes);
	if ((sections & SECTION_POLICY) && config->processor.isolation == ISOLATION_NONE)
		protect_end();
	fd_close(&greeting->fds[HELLO_CONFIG]);
	page = page_map(greeting->fds[HELLO_PAGE]);
	fd_close(&greeting->fds[HELLO_PAGE]);
	return page;
}
