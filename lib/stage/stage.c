#include "stage/stage.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/status.h"

void stage_begin(const char *program)
{
	signals_reset();
	fd_ensure_standard();
	log_init(program);
}

void stage_open(struct stage *stage, int driver)
{
	*stage = (struct stage){.control = driver, .signals = signals_init(0)};
	if (driver >= 0)
		fd_nonblocking(driver, true);
}

_Noreturn void stage_waited(int64_t most_ms, const char *what)
{
	char most[32];

	format_duration(most, most_ms);
	die(STATUS_TEMPFAIL, "waited for %s (maxWait): %s", most, what);
}

void stage_ready(struct stage *stage)
{
	if (stage->ready)
		return;
	stage->ready = true;
	if (stage->control >= 0)
		message_send(stage->control, &(struct message){.type = MESSAGE_READY}, NULL, 0);
	else
		log_debug("ready");
}

void stage_final(const struct stage *stage)
{
	if (stage->control >= 0)
		message_send(stage->control, &(struct message){.type = MESSAGE_FINAL}, NULL, 0);
}

enum receive_result stage_receive(int fd, const char *peer, struct received *received)
{
	int got = message_receive(fd, &received->message, received->fds, &received->fd_count,
		&received->acks, &received->ack_count);

	if (got > 0)
		return RECEIVE_MESSAGE;
	if (got == 0)
		return RECEIVE_GONE;
	if (errno != EAGAIN)
		die(status_of_error(errno), "unreadable message from %s: %s", peer, strerror(errno));
	return RECEIVE_NOTHING;
}

bool stage_receive_control(const struct stage *stage, struct received *received)
{
	enum receive_result result = stage_receive(stage->control, "the driver", received);

	if (result == RECEIVE_GONE)
		die(STATUS_TEMPFAIL, "the driver is gone");
	return result == RECEIVE_MESSAGE;
}

void stage_tap(struct taps *taps, const struct received *received)
{
	if (received->fd_count != TAP_FDS)
		die(STATUS_SOFTWARE, "a tap with %zu descriptors from the driver",
			received->fd_count);
	taps_add(taps, received->fds[TAP_FD_PIPE], received->fds[TAP_FD_PAGE]);
}

bool stage_asked_to_end(struct stage *stage)
{
	bool first = false;
	int number;

	while ((number = signals_next(stage->signals)) != 0) {
		if (stage->control >= 0)
			continue;
		if (stage->asked)
			signals_die(number);
		stage->asked = first = true;
	}
	return first;
}
