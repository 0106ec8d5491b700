#include "bruco/driver/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/spawn.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/driver/driver.h"
#include "bruco/driver/origin_pass.h"
#include "bruco/driver/service_notify.h"
#include "config/packages.h"
#include "config/python.h"
#include "config/types/values.h"

/* ---- asking for one */

/* A terminal that goes away sends SIGHUP to what runs in it. */
static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void driver_prepare_reload(struct driver *driver, const struct reload_source *source)
{
	driver->reload.source = source;
	driver->reload.by_signal = source != NULL && !has_terminal();
	if (driver->reload.by_signal)
		signals_hangup_ends(false);
}

bool driver_reloads(const struct driver *driver)
{
	return driver->reload.step != RELOAD_NONE || driver->reload.wanted;
}

bool driver_reload_spreads(const struct driver *driver)
{
	return driver->reload.step == RELOAD_SPREADS;
}

uint32_t driver_want_reload(struct driver *driver)
{
	struct reload *reload = &driver->reload;

	if (!reload->wanted && driver->config->input != NULL)
		relay_log(&driver->relay, LEVEL_INFO,
			"reloading the handler; the configuration came from standard input and is "
			"taken as it came");
	else if (!reload->wanted)
		relay_log(&driver->relay, LEVEL_INFO, "reloading '%s'", driver->config->path);
	reload->wanted = true;
	return reload->round + 1;
}

const struct launch *driver_launch_of_new_workers(const struct driver *driver)
{
	return driver->reload.step == RELOAD_TRIES ? &driver->reload.launch : &driver->launch;
}

/* ---- how it ends */

static void forget_new(struct reload *reload)
{
	if (reload->config == NULL)
		return;
	launch_forget(&reload->launch);
	config_release(reload->config);
	free(reload->config);
	reload->config = NULL;
}

static void end(struct driver *driver)
{
	texts_release(&driver->reload.left);
	driver->reload.step = RELOAD_NONE;
	notify("READY=1");
}

static void fail(struct driver *driver, int status, const char *why, const struct buf *log)
{
	struct reload *reload = &driver->reload;

	if (reload->step == RELOAD_ROLLS)
		relay_log(&driver->relay, LEVEL_ERROR, "not all workers are new: %s", why);
	else if (reload->step == RELOAD_SPREADS)
		relay_log(&driver->relay, LEVEL_ERROR,
			"all workers are new, but workers and ordering are as they were: %s", why);
	else
		relay_log(&driver->relay, LEVEL_ERROR, "not reloaded, all goes on as before: %s", why);
	for (uint32_t i = 0; i < driver->slot_count && reload->step == RELOAD_ROLLS; i++)
		driver->slots[i].renew = false;
	driver_refuse_reload(driver, status, why, log);
	if (reload->installer != 0) /* it removes what is half made */
		kill(reload->installer, SIGTERM);
	forget_new(reload);
	end(driver);
}

void driver_reload_failed(struct driver *driver, int status, const char *why, const struct buf *log)
{
	struct reload *reload = &driver->reload;

	if (driver->state != STATE_RUNNING && reload->wanted) { /* nor will there be another one */
		reload->wanted = false;
		reload->round++;
		if (reload->step == RELOAD_NONE)
			driver_refuse_reload(driver, status, why, log);
	}
	if (reload->step != RELOAD_NONE && (reload->step >= RELOAD_TRIES || driver->state != STATE_RUNNING))
		fail(driver, status, why, log);
}

/* ---- what can't be reloaded */

static bool stays(const char *path, const struct config *old, const struct config *new)
{
	static const char *const taken[] = {"shutdownTimeout", "maxRestarts", "rateLimit", "rateBurst",
		"metrics.stallAfter"};

	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (strcmp(path, taken[i]) == 0)
			return false;
	/* The sink opens the dead letter when it starts. */
	if (strcmp(path, "processor.onFailure") == 0)
		return new->processor.on_failure == FAILURE_DEAD_LETTER &&
		       old->processor.on_failure != FAILURE_DEAD_LETTER;
	if (strcmp(path, "processor.ordering") == 0) /* which exactly once can't have otherwise */
		return old->guarantee == GUARANTEE_EXACTLY_ONCE;
	return strncmp(path, "processor.", strlen("processor.")) != 0 ||
	       strcmp(path, "processor.isolation") == 0 || /* it is the driver's, too */
	       strcmp(path, "processor.user") == 0; /* whose the temporary folder is */
}

static void find_what_stays(struct driver *driver, const struct config *new)
{
	struct texts changes = {0}, *left = &driver->reload.left;

	config_changes(driver->config, new, &changes);
	for (size_t i = 0; i < changes.count; i++)
		if (stays(changes.items[i], driver->config, new))
			texts_add(left, changes.items[i]);
	texts_release(&changes);
}

static void log_what_stays(struct driver *driver)
{
	const struct texts *left = &driver->reload.left;
	struct buf text = {0};

	for (size_t i = 0; i < left->count; i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", left->items[i]);
	if (left->count > 0)
		relay_log(&driver->relay, LEVEL_WARNING,
			"not reloaded, since it takes a new start: %.*s", (int)text.length,
			(const char *)text.data);
	buf_release(&text);
}

/* Gives the new configuration the old values of what its workers must not differ in. */
static void keep_old_values(const struct config *old, struct config *new)
{
	if (stays("processor.onFailure", old, new))
		new->processor.on_failure = old->processor.on_failure;
	new->processor.isolation = old->processor.isolation;
	config_replace(&new->processor.user, old->processor.user);
	new->max_record_size = old->max_record_size;
	new->max_wait_ms = old->max_wait_ms;
	if (stays("processor.ordering", old, new))
		new->processor.ordering = old->processor.ordering;
	new->guarantee = old->guarantee;
	config_replace(&new->name, old->name);
	/* Workers get none of the variables of either. */
	for (size_t i = 0; i < old->secret_variables.count; i++)
		texts_add(&new->secret_variables, old->secret_variables.items[i]);
}

#define SWAP(type, one, other)                                                                     \
	do {                                                                                       \
		type kept = one;                                                                   \
		one = other;                                                                       \
		other = kept;                                                                      \
	} while (0)

/* The ends that run have been started with the old values. */
static void keep_old_ends(struct config *old, struct config *new)
{
	SWAP(struct source_config, old->source, new->source);
	SWAP(struct sink_config, old->sink, new->sink);
	SWAP(struct sink_config, old->dead_letter, new->dead_letter);
	SWAP(char *, old->metrics.listen, new->metrics.listen);
}

/* ---- the steps */

/* A line each; mistakes and warnings are worth a line of the log. */
static void log_notes(struct driver *driver, const struct buf *notes)
{
	const char *text = (const char *)notes->data;
	size_t left = notes->length;

	while (left > 0) {
		const char *newline = memchr(text, '\n', left);
		size_t length = newline == NULL ? left : (size_t)(newline - text);
		bool is_info = memmem(text, length, ": info: ", 8) != NULL;

		relay_log(&driver->relay, is_info ? LEVEL_DEBUG : LEVEL_WARNING, "%.*s", (int)length,
			text);
		length += newline != NULL;
		text += length;
		left -= length;
	}
}

static void install(struct driver *driver)
{
	struct origin_pass pass = origin_pass(driver->reload.config);
	char *program = launch_program("bruco");
	const char *arguments[] = {"bruco", "venv", "-q", "--log-format",
		log_format() == FORMAT_JSON ? "json" : "text", pass.option, "-c",
		driver->reload.source->path, NULL};

	/* It writes to the driver's stderr by itself, and installs for as long as it takes. */
	driver->reload.installer = pass.move.from < 0 ? -1 : spawn(&(struct spawn){.path = program,
		.arguments = arguments,
		.moves = (struct spawn_move[]){{driver->launch.null_fd, STDIN_FILENO},
			{STDERR_FILENO, STDOUT_FILENO}, pass.move},
		.move_count = 3,
		.die_with_parent = true,
		.own_group = true,
		.inherits = true}); /* the configuration may be /dev/fd/N */
	free(program);
	fd_close(&pass.move.from);
	driver->reload.step = RELOAD_INSTALLS;
	if (driver->reload.installer < 0) {
		driver->reload.installer = 0;
		fail(driver, STATUS_UNAVAILABLE, "cannot start 'bruco venv'", NULL);
	}
}

/* The environment of the handler's packages, or NULL; *there: it need not be installed first. */
static char *find_environment(
	const struct processor_config *processor, const struct user *user, bool *there)
{
	const char *home = user->name != NULL ? user->home : getenv("HOME");
	struct packages packages = {0};
	enum packages_need need;
	char *folder = NULL;

	*there = true;
	if (!processor->present || processor->python != NULL)
		return NULL;
	user_begin(user);
	need = packages_find(
		&packages, processor->handler_path, processor->module_name, home, python_own());
	if (need != PACKAGES_NONE) {
		*there = need == PACKAGES_NEEDED && packages_are_there(&packages);
		folder = packages.folder == NULL ? NULL : mem_text(packages.folder);
	}
	user_end();
	packages_release(&packages);
	return folder;
}

/* For Type=notify-reload of systemd.service(5). */
static void tell_manager(void)
{
	char text[64];

	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_ns() / 1000);
	notify(text);
}

static void begin(struct driver *driver)
{
	struct reload *reload = &driver->reload;
	struct buf notes = {0};
	char text[TEXT_MAX], *environment;
	size_t mistakes;
	bool there;

	tell_manager();
	reload->wanted = false;
	reload->round++;
	reload->step = RELOAD_WAITS;
	reload->config = mem_array(1, sizeof *reload->config);
	config_init(reload->config);
	config_origin_as(reload->config, driver->config);
	mistakes = reload->source->load(reload->config, reload->source->path, &notes);
	if (reload->source->workers > 0)
		reload->config->processor.workers = reload->source->workers;
	log_notes(driver, &notes);
	if (reload->config->sink.transactional_id == NULL && driver->config->sink.transactional_id != NULL)
		config_replace(&reload->config->sink.transactional_id, driver->config->sink.transactional_id);
	find_what_stays(driver, reload->config);
	keep_old_values(driver->config, reload->config);
	environment = find_environment(
		&reload->config->processor, &driver->launch.user, &there);
	launch_copy(&reload->launch, &driver->launch, reload->config, environment);
	free(environment);
	if (mistakes > 0) {
		snprintf(text, sizeof text, "the configuration has %zu mistake%s", mistakes,
			PLURAL(mistakes));
		fail(driver, STATUS_CONFIG, text, &notes);
	} else if (launch_lacks_files(reload->config, text, sizeof text)) {
		fail(driver, STATUS_CONFIG, text, NULL);
	} else if (!there) {
		install(driver);
	}
	buf_release(&notes);
}

bool driver_reload_reaped(struct driver *driver, pid_t pid, int how)
{
	struct reload *reload = &driver->reload;

	if (reload->installer == 0 || pid != reload->installer)
		return false;
	reload->installer = 0;
	if (reload->step != RELOAD_INSTALLS)
		return true;
	if (how == 0)
		reload->step = RELOAD_WAITS;
	else
		fail(driver, STATUS_UNAVAILABLE, "the handler's packages could not be installed", NULL);
	return true;
}

/* What source and sink have of the processor's settings. `depth`: of the workers. */
static void tell_ends(struct driver *driver, uint32_t depth)
{
	const struct processor_config *processor = &driver->config->processor;
	struct message policy = {.type = MESSAGE_POLICY,
		.depth = depth,
		.flags = processor->on_failure,
		.page = {.attempt = processor->retry_attempts,
			.first = (uint64_t)driver->config->rate_limit,
			.last = driver->config->rate_burst}};

	process_send(&driver->source, &policy, NULL, 0);
	process_send(&driver->sink, &policy, NULL, 0);
}

void driver_reload_proven(struct driver *driver)
{
	struct reload *reload = &driver->reload;
	uint32_t depth = driver->renewal.standby.depth;

	if (reload->step != RELOAD_TRIES)
		return;
	keep_old_ends(driver->config, reload->config);
	launch_adopt(&driver->launch, &reload->launch, reload->config);
	driver->config = reload->config;
	reload->config = NULL;
	if (reload->taken != NULL) {
		config_release(reload->taken);
		free(reload->taken);
	}
	reload->taken = driver->config;
	driver->restarts.most = driver->config->max_restarts;
	/* Meanwhile workers of both kinds run. */
	tell_ends(driver, depth > driver->depth ? depth : driver->depth);
	driver->depth = depth;
	log_what_stays(driver);
	for (uint32_t i = 0; i < driver->slot_count && i < driver->config->processor.workers; i++)
		driver->slots[i].renew = true; /* the others are to end */
	reload->step = RELOAD_ROLLS;
	driver_answer_reloaded(driver, false);
}

/* All workers are new, and as many as they are to be. */
static void finish(struct driver *driver)
{
	tell_ends(driver, driver->depth);
	if (driver->spread.undone) {
		driver->spread.undone = false;
		driver_refuse_reload(driver, STATUS_TEMPFAIL,
			"all workers are new, but what was under way did not end in time: workers and ordering "
			"stay as they were", NULL);
		end(driver);
		return;
	}
	relay_log(&driver->relay, LEVEL_INFO, "reloaded: %u worker%s", driver->slot_count,
		PLURAL(driver->slot_count));
	driver_answer_reloaded(driver, true);
	end(driver);
}

void driver_reload_step(struct driver *driver)
{
	struct reload *reload = &driver->reload;
	bool renews = driver->renewal.standby.process.pid != 0;

	if (reload->step == RELOAD_NONE && reload->wanted)
		begin(driver);
	if (reload->step == RELOAD_WAITS && !renews) {
		driver->slots[0].renew = true;
		reload->step = RELOAD_TRIES;
	}
	for (uint32_t i = 0; i < driver->slot_count; i++)
		renews = renews || driver->slots[i].renew;
	if (reload->step == RELOAD_ROLLS && !renews)
		reload->step = RELOAD_SPREADS;
}

void driver_reload_spread(struct driver *driver)
{
	bool begun = driver->spread.step != SPREAD_NONE;

	if (!begun && driver_spread_differs(driver))
		driver_spread_begin(driver);
	else if (!begun || driver_spread_step(driver))
		finish(driver);
}

void driver_release_reload(struct driver *driver)
{
	struct reload *reload = &driver->reload;

	forget_new(reload);
	texts_release(&reload->left);
	if (reload->taken != NULL)
		config_release(reload->taken);
	free(reload->taken);
	reload->taken = NULL;
}
