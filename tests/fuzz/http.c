/* Requests to the metrics endpoint: only a GET is answered from the path, every answer is one of HTTP, and
 * nothing of a client is left when it is gone. */
/* longest input: 2048 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bruco/monitor/http.h"

static struct http *http;
static struct sockaddr_storage address;
static socklen_t address_length = sizeof(struct sockaddr_in);
static unsigned asked;

static void respond(void *owner, const char *path, struct http_answer *answer)
{
	(void)owner;
	asked++;
	HOLDS(strchr(path, '?') == NULL);
	if (strcmp(path, "/metrics") == 0) {
		answer->status = 200;
		buf_text(&answer->body, "a 1\n");
	}
}

/* The port is the kernel's choice. */
static void listen_somewhere(void)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&address;

	four->sin_family = AF_INET;
	four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (uint16_t port = (uint16_t)(20000 + getpid() % 20000); http == NULL; port++) {
		four->sin_port = htons(port);
		http = http_open(&address, address_length, respond, NULL);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	listen_somewhere();
	return 0;
}

static bool is_answered(int fd)
{
	char text[4096];
	ssize_t got = recv(fd, text, sizeof text, MSG_DONTWAIT);

	HOLDS(got <= 0 || (got > 12 && memcmp(text, "HTTP/1.", 7) == 0));
	return asked == 0 || got > 0;
}

/* False: a request that is none was answered, or one was not. On a machine with much to do the kernel may
 * deliver what another connection had sent so late that it is taken for this one's. */
static bool serves(const uint8_t *data, size_t length)
{
	static const struct linger at_once = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	HOLDS(connect(fd, (const struct sockaddr *)&address, address_length) == 0);
	HOLDS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
	asked = 0;
	if (length > 0)
		HOLDS(send(fd, data, length, MSG_NOSIGNAL) == (ssize_t)length);
	for (int turn = 0; turn < 4; turn++)
		http_serve(http, clock_ms());
	/* The library ends a method at its first NUL. */
	good = is_answered(fd) && asked <= 1 && (asked == 0 || memmem(data, length, "GET", 3) != NULL);
	close(fd);
	for (int turn = 0; turn < 2; turn++)
		http_serve(http, clock_ms());
	return good;
}

FUZZ(data, length)
{
	bool good = serves(data, length);

	for (int again = 0; again < 3 && !good; again++) {
		usleep(10000);
		http_serve(http, clock_ms());
		good = serves(data, length);
	}
	HOLDS(good);
	return 0;
}
