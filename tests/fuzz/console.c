/* What a client of the driver's console sends: at most one request is taken, which is an object with a
 * command, each answer is a line of JSON, and nothing of the client is left when it is gone. */
/* longest input: 5000 */
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bruco/monitor/console.h"

static unsigned requests;

static void answer(void *owner, const json_t *request, struct console_client *client)
{
	(void)owner;
	requests++;
	HOLDS(json_is_object(request) && json_is_string(json_object_get(request, "command")));
	console_say(client, json_pack("{s:O}", "request", json_object_get(request, "command")), true);
}

/* Serves the one client, as often as poll(2) says that there is something. */
static void serve(struct console *console)
{
	struct pollfd polls[CONSOLE_POLLS];

	for (int turn = 0; turn < 4; turn++) {
		console_poll(console, polls);
		polls[0].fd = -1;
		polls[0].revents = 0;
		if (poll(polls, CONSOLE_POLLS, 0) > 0)
			console_serve(console, polls, answer, NULL, 1000);
	}
}

static void check_answer(int fd)
{
	char line[16384];
	ssize_t got = recv(fd, line, sizeof line, MSG_DONTWAIT);
	json_t *object;

	if (got <= 0)
		return;
	HOLDS(memchr(line, '\n', (size_t)got) == line + got - 1);
	object = json_loadb(line, (size_t)got, JSON_ALLOW_NUL, NULL);
	HOLDS(json_is_object(object));
	json_decref(object);
}

FUZZ(data, length)
{
	struct console console = {.listener = 1000};
	struct fuzz_input input = {data, length};
	size_t cut = fuzz_byte(&input);
	int ends[2], free_fd = fuzz_free_fd();

	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		console.clients[i].fd = -1;
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	console.clients[0] = (struct console_client){.fd = ends[0], .id = 1, .deadline = 5000};
	requests = 0;
	cut = cut < input.length ? cut : input.length;
	send(ends[1], input.data, cut, MSG_NOSIGNAL);
	serve(&console);
	send(ends[1], input.data + cut, input.length - cut, MSG_NOSIGNAL);
	serve(&console);
	check_answer(ends[1]);
	HOLDS(requests <= 1);
	close(ends[1]);
	serve(&console);
	HOLDS(console.clients[0].fd < 0);
	HOLDS(fuzz_free_fd() == free_fd);
	return 0;
}
