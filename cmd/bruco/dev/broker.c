#include "bruco/dev/broker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/status.h"
#include "bruco/dev/child.h"
#include "bruco/dev/local_kafka.h"

enum { ANSWER_MS = 20000, ANSWER_MOST = 512, END_MS = 2000 };

/* One line of the broker, without its newline. */
static bool read_line(struct broker *broker, char line[ANSWER_MOST])
{
	int64_t deadline = clock_ms() + ANSWER_MS;
	struct pollfd wait = {.fd = broker->from, .events = POLLIN};
	size_t length = 0;

	while (length < ANSWER_MOST - 1) {
		int ready = fd_poll(&wait, 1, clock_left(deadline, clock_ms()));
		ssize_t got;

		if (ready < 0)
			continue;
		if (ready == 0)
			break;
		got = read(broker->from, line + length, 1);
		if (got <= 0)
			break;
		if (line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
		length++;
	}
	return false;
}

void broker_start(struct broker *broker)
{
	char line[ANSWER_MOST];
	const char *arguments[] = {"bruco-broker", "-q", "--control", "--speed", DEV_SPEED, NULL};

	broker->pid = child_start(arguments, &broker->to, &broker->from);
	if (!read_line(broker, line))
		die(STATUS_UNAVAILABLE, "'%s' did not start", arguments[0]);
	broker->address = mem_text(line);
}

void broker_stop(struct broker *broker)
{
	fd_close(&broker->to);
	fd_close(&broker->from);
	if (broker->pid > 0)
		spawn_wait(broker->pid, NULL, END_MS);
	broker->pid = 0;
	free(broker->address);
	broker->address = NULL;
}

/* Takes the request, which it frees. */
static bool ask(struct broker *broker, char *request, char answer[ANSWER_MOST])
{
	bool good = broker->pid > 0 && fd_write_all(broker->to, request, strlen(request)) == 0 &&
		    read_line(broker, answer);

	request[strcspn(request, "\n")] = '\0';
	if (!good)
		log_error("the broker does not answer '%s'", request);
	else if (strncmp(answer, "error ", 6) == 0)
		log_error("the broker refuses '%s': %s", request, answer + 6);
	good = good && strncmp(answer, "error ", 6) != 0;
	free(request);
	return good;
}

bool broker_topic(struct broker *broker, const char *topic, int partitions)
{
	char answer[ANSWER_MOST];

	return ask(broker, mem_printf("topic %s %d\n", topic, partitions), answer);
}

bool broker_progress(
	struct broker *broker, const char *group, const char *topic, int64_t *done, int64_t *all)
{
	char answer[ANSWER_MOST];

	return ask(broker, mem_printf("progress %s %s\n", group, topic), answer) &&
	       sscanf(answer, "%" SCNd64 " %" SCNd64, done, all) == 2;
}

bool broker_copy(struct broker *broker, const char *group, const char *next, const char *topic)
{
	char answer[ANSWER_MOST];

	return ask(broker, mem_printf("copy %s %s %s\n", group, next, topic), answer);
}
