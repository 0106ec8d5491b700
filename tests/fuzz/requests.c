/* What the driver does for requests on its console, for any JSON: each is answered with lines of JSON, at once or
 * when the source obeys; orders to pause are bounded, and no descriptor is left. */
/* longest input: 4096 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "bruco/driver/driver.h"
#include "config/types/values.h"

static char *topics[] = {"orders", "returns"};
static struct config config = {.source = {.kind = "kafka", .topics = {topics, 2}}};
static struct worker_slot slots[] = {
	{.process = {.name = "bruco-worker-0", .pid = 3}}, {.process = {.name = "bruco-worker-1", .pid = 4}}};
static struct reload_source source;
static struct driver driver;

/* ---- the rest of the driver */

void driver_ask_stacks(struct driver *asked, int64_t worker, struct console_client *client)
{
	HOLDS(worker >= -1 && worker < asked->slot_count);
	console_say(client, json_object(), true);
}

void driver_await_renewal(
	struct driver *asked, const struct renewal_waiter *waiter, struct console_client *client)
{
	HOLDS(waiter->lane < asked->slot_count);
	console_say(client, json_object(), true);
}

struct console_client *driver_renewal_client(
	struct driver *asked, const struct renewal_waiter *wanted, unsigned *at)
{
	(void)asked;
	(void)wanted;
	(void)at;
	return NULL;
}

uint32_t driver_want_reload(struct driver *asked)
{
	(void)asked;
	return 1;
}

void driver_look(struct driver *asked, struct overview *overview)
{
	static struct overview_stage stages[] = {{.name = "bruco-source", .role = OVERVIEW_SOURCE},
		{.name = "bruco-sink", .role = OVERVIEW_SINK}};

	(void)asked;
	*overview = (struct overview){.name = "orders", .state = "running"};
	overview->stages = mem_array(2, sizeof stages[0]);
	memcpy(overview->stages, stages, sizeof stages);
}

struct board *driver_copy_board(const struct driver *asked)
{
	struct board *board = mem_alloc(sizeof *board);

	(void)asked;
	board->partition_count = 2;
	strcpy(board->rows[0].topic, topics[0]);
	strcpy(board->rows[1].topic, topics[1]);
	board->rows[1].id = 7;
	return board;
}

void process_send(struct process *process, const struct message *message, const int *fds, size_t fd_count)
{
	HOLDS(process == &driver.source || process == &driver.sink);
	HOLDS(message->type == MESSAGE_TAP || message->type == MESSAGE_PAUSES);
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
}

void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
{
	(void)relay;
	(void)level;
	(void)format;
}

/* ---- the client */

static void serve(void)
{
	struct pollfd polls[CONSOLE_POLLS];

	for (int turn = 0; turn < 4; turn++) {
		console_poll(&driver.console, polls);
		polls[0].fd = -1;
		polls[0].revents = 0;
		if (poll(polls, CONSOLE_POLLS, 0) > 0)
			driver_serve_console(&driver, polls, 1000);
	}
}

/* Whole lines, each an object. */
static void check_answer(int fd)
{
	char text[65536];
	ssize_t got = recv(fd, text, sizeof text, MSG_DONTWAIT); /* descriptors are dropped by the kernel */
	char *line = text;

	if (got <= 0)
		return;
	HOLDS(text[got - 1] == '\n');
	for (char *end; line < text + got; line = end + 1) {
		json_t *object;

		end = memchr(line, '\n', (size_t)(text + got - line));
		object = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
		HOLDS(json_is_object(object));
		json_decref(object);
	}
}

static void begin(uint8_t choices, int fd)
{
	driver = (struct driver){.config = &config,
		.slots = slots,
		.slot_count = 1 + (choices & 1),
		.state = choices & 2 ? STATE_RUNNING : STATE_STARTING,
		.source = {.name = "bruco-source", .pid = choices & 4 ? 1 : 0, .control = choices & 8 ? fd : -1},
		.sink = {.name = "bruco-sink", .pid = 2, .control = fd},
		.console = {.listener = 1000}};
	driver.reload.source = choices & 16 ? &source : NULL;
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		driver.console.clients[i].fd = -1;
}

/* One request, on a connection of its own. */
static void ask(const uint8_t *text, size_t length, uint64_t id)
{
	int ends[2];

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	driver.console.clients[0] = (struct console_client){.fd = ends[0], .id = id, .deadline = 5000};
	send(ends[1], text, length, MSG_NOSIGNAL);
	send(ends[1], "\n", 1, MSG_NOSIGNAL);
	serve();
	check_answer(ends[1]);
	driver_pauses_obeyed(&driver, driver.pauses.number);
	serve();
	check_answer(ends[1]);
	close(ends[1]);
	serve();
	HOLDS(driver.console.clients[0].fd < 0);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	int free_fd;

	begin(fuzz_byte(&input), STDERR_FILENO);
	free_fd = fuzz_free_fd();
	for (uint64_t id = 1; input.length > 0 && id < 20; id++) {
		const uint8_t *end = memchr(input.data, '\n', input.length);
		size_t line = end == NULL ? input.length : (size_t)(end - input.data);

		ask(input.data, line, id);
		line += end != NULL;
		input.data += line;
		input.length -= line;
	}
	HOLDS(driver.pauses.pauses.count <= PAUSES_MAX);
	pauses_release(&driver.pauses.pauses);
	HOLDS(fuzz_free_fd() == free_fd);
	return 0;
}
