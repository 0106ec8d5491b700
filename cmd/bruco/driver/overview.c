/* What the driver knows of its pipeline, for whoever asks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "bruco/driver/driver.h"
#include "bruco/monitor/summary.h"

static const enum overview_role roles[ROLE_COUNT] = {[ROLE_SOURCE] = OVERVIEW_SOURCE,
	[ROLE_SINK] = OVERVIEW_SINK,
	[ROLE_WORKER] = OVERVIEW_WORKER};

struct board *driver_copy_board(const struct driver *driver)
{
	struct board *copy;

	if (driver->source.board == NULL)
		return NULL;
	copy = mem_grow(NULL, 1, sizeof *copy); /* not zeroed: most of it is never touched */
	if (board_copy(copy, driver->source.board))
		return copy;
	free(copy);
	return NULL;
}

void driver_count_ended(struct driver *driver, struct process *process)
{
	struct board *board = process->role == ROLE_SOURCE ? driver_copy_board(driver) : NULL;

	if (process->page != NULL)
		tally_add(&driver->tally, roles[process->role], process->page, false);
	if (board != NULL) {
		free(driver->last_board);
		driver->last_board = board;
	}
}

void driver_count_restart(struct driver *driver, const struct occurrence *occurrence)
{
	if (occurrence->process != NULL)
		driver->tally.restarts[roles[occurrence->process->role]][occurrence->cause]++;
}

/* The file /proc/PID/NAME as text, cut to fit; false: the process is gone. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t got;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	got = fread(text, 1, size - 1, file);
	text[got] = '\0';
	fclose(file);
	return got > 0;
}

static uint64_t cpu_ms(pid_t pid)
{
	char text[1024];
	unsigned long user = 0, system = 0;
	const char *behind_name;

	if (!read_proc(pid, "stat", text, sizeof text) ||
		(behind_name = strrchr(text, ')')) == NULL ||
		sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&user, &system) != 2)
		return 0;
	return (uint64_t)(user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t resident_bytes(pid_t pid)
{
	char text[256];
	unsigned long pages = 0;

	if (!read_proc(pid, "statm", text, sizeof text) || sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void look_at_stage(
	struct overview_stage *stage, const struct process *process, int64_t now_ms)
{
	*stage = (struct overview_stage){.name = process->name,
		.role = roles[process->role],
		.pid = process->pid,
		.ready = process->pid != 0 && process->ready,
		.starts = process->starts};
	if (process->pid == 0)
		return;
	stage->up_ms = now_ms - process->started_at;
	stage->cpu_ms = cpu_ms(process->pid);
	stage->memory = resident_bytes(process->pid);
}

void driver_look_at_run(struct overview_run *run, struct page *page)
{
	struct watch_claim claim;
	int64_t ms;

	*run = (struct overview_run){.state = RUN_IDLE};
	if (page == NULL)
		return;
	claim = watch_read(page);
	run->state = claim.state;
	run->seq = claim.seq;
	run->attempt = claim.attempt;
	ms = (clock_ns() - claim.since_ns) / 1000000;
	if (page_runs(claim.state) && ms > 0)
		run->for_ms = ms;
}

static void explain_unready(struct driver *driver, struct overview *overview)
{
	for (uint32_t i = 0; i < driver->slot_count && overview->unready[0] == '\0'; i++) {
		const struct worker_slot *slot = &driver->slots[i];

		if (slot->failures > 1 && (slot->process.pid == 0 || !slot->process.ready))
			snprintf(overview->unready, sizeof overview->unready,
				"%s does not start: it has failed %u times in a row",
				slot->process.name, slot->failures);
	}
	if (driver->state != STATE_RUNNING && overview->unready[0] == '\0')
		snprintf(overview->unready, sizeof overview->unready, "%s%s%.200s",
			supervise_state_name(driver->state),
			driver->state == STATE_WAITING && driver->last_death[0] != '\0' ? ": " : "",
			driver->state == STATE_WAITING ? driver->last_death : "");
}

void driver_look(struct driver *driver, struct overview *overview)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	*overview = (struct overview){.name = driver->config->name,
		.state = supervise_state_name(driver->state),
		.now_ms = clock_ms(),
		.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
		.workers = driver->slot_count,
		.rate_limit = driver->config->rate_limit,
		.tally = driver->tally};
	overview->up_ms = overview->now_ms - driver->begun_at;
	overview->ready_ms = driver->ready_at == 0 ? 0 : overview->now_ms - driver->ready_at;
	overview->stages = mem_array(driver_process_count(driver), sizeof *overview->stages);
	overview->runs = mem_array(driver->slot_count, sizeof *overview->runs);
	for (uint32_t i = 0; i < driver_process_count(driver); i++) {
		struct process *process = driver_process(driver, i);

		look_at_stage(&overview->stages[i], process, overview->now_ms);
		if (process->page != NULL)
			tally_add(&overview->tally, roles[process->role], process->page, true);
		if (i >= 2)
			driver_look_at_run(&overview->runs[i - 2], process->page);
	}
	overview->board = driver_copy_board(driver);
	explain_unready(driver, overview);
}

void driver_summarize(struct driver *driver, enum log_level level)
{
	struct buf text = {0}, fields = {0};
	struct overview overview;
	struct log_about about = {0};
	bool lent;

	if (level > log_level())
		return;
	driver_look(driver, &overview);
	lent = overview.board == NULL; /* the source has ended */
	if (lent)
		overview.board = driver->last_board;
	summary_write(&overview, &text, &fields);
	about.fields = (const char *)fields.data;
	relay_about(&driver->relay, level, &about, "summary: %s", (const char *)text.data);
	if (lent)
		overview.board = NULL;
	overview_release(&overview);
	buf_release(&text);
	buf_release(&fields);
}
