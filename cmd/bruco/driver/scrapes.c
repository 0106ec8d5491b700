#include "bruco/driver/scrapes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco/driver/driver.h"
#include "bruco/monitor/metrics.h"

enum { HTTP_OK = 200, HTTP_UNAVAILABLE = 503 };

static void look(struct driver *driver)
{
	struct scrapes *scrapes = &driver->scrapes;
	struct overview overview;
	const char *unready;

	if (scrapes->metrics.length > 0 && clock_ms() < scrapes->metrics_until)
		return;
	driver_look(driver, &overview);
	unready = overview_unready(&overview, driver->config->metrics.stall_after_ms);
	snprintf(scrapes->unready, sizeof scrapes->unready, "%s",
		unready == NULL ? "" : unready);
	buf_reset(&scrapes->metrics);
	metrics_write(&scrapes->metrics, &overview, unready);
	scrapes->metrics_until = overview.now_ms + SCRAPE_KEEP_MS;
	overview_release(&overview);
}

static void answer_metrics(struct driver *driver, struct http_answer *answer)
{
	look(driver);
	answer->status = HTTP_OK;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
	buf_append(&answer->body, driver->scrapes.metrics.data, driver->scrapes.metrics.length);
}

static void answer_health(struct driver *driver, struct http_answer *answer)
{
	(void)driver;
	answer->status = HTTP_OK;
	buf_text(&answer->body, "ok\n");
}

static void answer_ready(struct driver *driver, struct http_answer *answer)
{
	const char *unready = driver->scrapes.unready;

	look(driver);
	answer->status = unready[0] == '\0' ? HTTP_OK : HTTP_UNAVAILABLE;
	buf_printf(&answer->body, "%s\n", unready[0] == '\0' ? "ready" : unready);
}

static const struct {
	const char *path;
	void (*answer)(struct driver *driver, struct http_answer *answer);
} paths[] = {
	{"/metrics", answer_metrics}, {"/healthz", answer_health}, {"/readyz", answer_ready}};

static void respond(void *owner, const char *path, struct http_answer *answer)
{
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (strcmp(paths[i].path, path) == 0) {
			paths[i].answer(owner, answer);
			return;
		}
	buf_text(&answer->body, "there is /metrics, /healthz and /readyz\n");
}

void driver_open_scrapes(struct driver *driver)
{
	const char *listen = driver->config->metrics.listen;
	struct sockaddr_storage address;
	socklen_t length;

	if (listen == NULL)
		return;
	if (!address_parse(listen, &address, &length))
		die(STATUS_CONFIG, "metrics.listen: '%s' is no address", listen);
	driver->scrapes.http = http_open(&address, length, respond, driver);
	if (driver->scrapes.http == NULL)
		die(STATUS_UNAVAILABLE, "cannot listen at '%s' (metrics.listen): %s", listen,
			strerror(errno));
	relay_log(&driver->relay, LEVEL_INFO, "metrics: http://%s/metrics", listen);
}

void scrapes_close(struct scrapes *scrapes)
{
	http_close(scrapes->http);
	buf_release(&scrapes->metrics);
	*scrapes = (struct scrapes){0};
}
