#include "bruco-worker/run/recycle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/control.h"
#include "base/format.h"

enum { LOOK_NS = 10000000 };

/* Bytes of resident memory; 0 when the kernel does not tell. */
static int64_t resident(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	int64_t pages = 0;

	if (fd >= 0)
		close(fd);
	if (got > 0) {
		text[got] = '\0';
		if (sscanf(text, "%*d %" SCNd64, &pages) != 1)
			pages = 0;
	}
	return pages * sysconf(_SC_PAGESIZE);
}

/* "512MiB", to the last full one. */
static const char *size(int64_t bytes, char text[32])
{
	format_size(text, bytes >> 20 << 20);
	return text;
}

int recycle_prepare(const struct worker *worker)
{
	int64_t most = worker->config.processor.max_memory;
	char taken[32], allowed[32];
	int64_t bytes;

	if (!worker->driven || most == 0)
		return STATUS_OK;
	bytes = resident();
	if (bytes < most)
		return STATUS_OK;
	format_size(allowed, most);
	log_error("the worker takes %s before its first event, but processor.maxMemory is %s",
		size(bytes, taken), allowed);
	return STATUS_CONFIG;
}

/* The resident memory, if it is too much; 0 if it is not, or if it is too early to look again. */
static int64_t too_much(const struct worker *worker)
{
	static int64_t looked_ns;
	int64_t now_ns = clock_coarse_ns(), most = worker->config.processor.max_memory, bytes;

	if (most == 0 || now_ns - looked_ns < LOOK_NS)
		return 0;
	looked_ns = now_ns;
	bytes = resident();
	return bytes >= most ? bytes : 0;
}

bool recycle_due(struct worker *worker, unsigned held)
{
	uint32_t most = worker->config.processor.max_events;
	bool retires = atomic_load_explicit(&worker->page->retire, memory_order_relaxed) != 0;
	uint64_t done, events;
	int64_t bytes = 0;
	char taken[32];

	if (!worker->driven || (most == 0 && worker->config.processor.max_memory == 0 && !retires))
		return false;
	done = page_get(worker->page, COUNT_RECORDS_IN);
	events = done + held;
	if (!retires && (most == 0 || events < most)) {
		if (done == 0)
			return false;
		bytes = too_much(worker);
		if (bytes == 0)
			return false;
	}
	/* A driver that stops needs no successor, whose start would only take time. */
	if (control_read(worker) == CONTROL_GONE || worker->draining)
		return false;
	if (retires)
		log_info("ends after %" PRIu64 " events, for a new worker", events);
	else if (bytes == 0)
		log_info("recycled after %" PRIu64 " events", events);
	else
		log_info("recycled after %" PRIu64 " events: it takes %s", events,
			size(bytes, taken));
	worker->recycles = true;
	return true;
}
