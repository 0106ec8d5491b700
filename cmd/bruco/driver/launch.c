#include "bruco/driver/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/protect.h"
#include "base/search.h"
#include "base/self.h"
#include "base/status.h"
#include "config/environment.h"

enum {
	CLIENT_FILES = 64, /* for a Kafka client */
	WORKER_FILES = 128 /* always allowed for Python and a handler */
};

char *launch_program(const char *name)
{
	char *file = self_beside(name);

	if (file != NULL && access(file, X_OK) == 0)
		return file;
	free(file);
	file = search_path(name);
	if (file != NULL)
		return file;
	die(STATUS_UNAVAILABLE, "cannot find '%s' beside bruco or in PATH", name);
}

/* The driver's own score and half the scale more. */
static char *worker_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	char text[16] = "0";
	long score;

	if (fd >= 0) {
		ssize_t got = read(fd, text, sizeof text - 1);

		text[got > 0 ? got : 0] = '\0';
		close(fd);
	}
	score = strtol(text, NULL, 10) + 500;
	return mem_printf("%ld", score > 1000 ? 1000 : score);
}

static rlim_t count_open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	rlim_t count = 0;

	while (folder != NULL && readdir(folder) != NULL)
		count++; /* counts ".", ".." and the folder itself, too: room for what is still to
			    open */
	if (folder != NULL)
		closedir(folder);
	return count;
}

static bool has_kafka_client(const char *kind)
{
	return kind != NULL && strcmp(kind, "kafka") == 0;
}

/*
 * How many files the process that needs the most has open at once. The driver keeps five for each
 * worker, and two more while a slow sink has not taken them; a start needs a dozen for a moment. One
 * worker more may start beside the others.
 * The sink has a lane for each worker and, for a moment, both pipes of its successor. A Kafka
 * client has a socket for each broker.
 */
static rlim_t files_needed(const struct config *config)
{
	bool kafka = has_kafka_client(config->source.kind) || has_kafka_client(config->sink.kind);
	rlim_t workers = config->processor.workers;
	rlim_t driver = count_open_files() + 7 * (workers + 1) + 4 + 16;
	rlim_t sink = 16 + 3 * workers + (kafka ? CLIENT_FILES : 0);

	return driver > sink ? driver : sink;
}

bool launch_lacks_files(const struct config *config, char *text, size_t room)
{
	rlim_t needed = files_needed(config);
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= needed)
		return false;
	snprintf(text, room,
		"%u workers need %llu open files at once and %llu are allowed: raise the limit (ulimit -Hn, "
		"LimitNOFILE=) or run fewer",
		config->processor.workers, (unsigned long long)needed, (unsigned long long)limit.rlim_max);
	return true;
}

/* Raises the driver's limit as far as it goes. If that is too little the program ends now, and not
 * later when a worker is to be replaced. */
static void settle_file_limit(struct launch *launch, const struct config *config)
{
	char text[256];
	struct rlimit more;

	getrlimit(RLIMIT_NOFILE, &launch->files);
	more = launch->files;
	more.rlim_cur = more.rlim_max;
	setrlimit(RLIMIT_NOFILE, &more);
	if (launch_lacks_files(config, text, sizeof text))
		die(STATUS_CONFIG, "%s", text);
	if (launch->files.rlim_cur < WORKER_FILES)
		launch->files.rlim_cur =
			more.rlim_max < WORKER_FILES ? more.rlim_max : WORKER_FILES;
}

/* Before anything is started: children inherit the limit of core files. */
static void settle_isolation(const struct config *config, const struct user *user)
{
	char *text;

	if (!config->processor.present)
		return;
	if (config->processor.isolation == ISOLATION_NONE)
		protect_end();
	text = launch_isolation(config);
	if (config->processor.isolation == ISOLATION_STRICT)
		log_info("isolation %s", text);
	else
		log_debug("isolation %s", text);
	if (user->name != NULL)
		log_debug("workers run as '%s' (user %u, group %u)", user->name,
			(unsigned)user->uid, (unsigned)user->gid);
	free(text);
}

char *launch_isolation(const struct config *config)
{
	if (config->processor.isolation == ISOLATION_STRICT)
		return wall_text(config);
	if (config->processor.isolation == ISOLATION_NONE)
		return mem_text("none: workers inherit the environment, and can read other "
				"processes of their user");
	if (!protect_is_effective())
		return mem_text("basic: workers get a listed environment, no further rights and no "
				"core files; but they have CAP_SYS_PTRACE, so that they can read "
				"driver, source and sink");
	return mem_text("basic: workers get a listed environment, no further rights and no core "
			"files, and can't read driver, source and sink");
}

pid_t launch_worker(const struct launch *launch, const struct spawn *what)
{
	struct spawn worker = *what;
	struct walls walls;
	int failure;
	pid_t pid;

	worker.confined = launch->confined;
	worker.user = launch->user.name != NULL ? &launch->user : NULL;
	worker.files = &launch->files;
	if (!launch->wall.strict)
		return spawn(&worker);
	if (!wall_build(&launch->wall, &walls))
		return -1;
	worker.walls = &walls;
	pid = spawn(&worker);
	failure = errno;
	close(walls.ruleset);
	errno = failure;
	return pid;
}

static uint64_t random_identity(void)
{
	uint64_t identity = 0;

	while (identity == 0)
		if (getrandom(&identity, sizeof identity, 0) < 0 && errno != EINTR)
			die(STATUS_SOFTWARE, "cannot get random bytes: %s", strerror(errno));
	return identity;
}

static void write_documents(struct launch *launch, const struct config *config)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		buf_wipe(&launch->documents[role]);
	/* The source needs processor.ordering and retry, the sink onFailure. */
	config_dump(
		config, SECTION_SOURCE | SECTION_POLICY, false, &launch->documents[ROLE_SOURCE]);
	config_dump(config, SECTION_SINK | SECTION_POLICY, false, &launch->documents[ROLE_SINK]);
	config_dump(config, SECTION_PROCESSOR, false, &launch->documents[ROLE_WORKER]);
}

static void make_environments(struct launch *launch, const struct config *config, const char *venv)
{
	launch->confined = config->processor.isolation != ISOLATION_NONE;
	launch->python =
		config->processor.python == NULL ? NULL : mem_text(config->processor.python);
	for (int role = 0; role < ROLE_COUNT; role++)
		launch->environments[role] = environment_make(config,
			role == ROLE_WORKER ? ENVIRONMENT_WORKER : ENVIRONMENT_CLIENT,
			role == ROLE_WORKER ? venv : NULL);
	wall_describe(&launch->wall, config, venv, launch->programs[ROLE_WORKER]);
	if (launch->user.name != NULL)
		environment_set_user(&launch->environments[ROLE_WORKER], &config->processor.env,
			&launch->user);
	if (launch->wall.temporary != NULL)
		environment_set(
			&launch->environments[ROLE_WORKER], "TMPDIR", launch->wall.temporary);
}

void launch_copy(struct launch *copy, const struct launch *launch, const struct config *config,
	const char *venv)
{
	*copy = *launch;
	memset(copy->documents, 0, sizeof copy->documents);
	write_documents(copy, config);
	make_environments(copy, config, venv);
}

void launch_forget(struct launch *copy)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		buf_wipe(&copy->documents[role]);
	wall_forget(&copy->wall);
	free(copy->python);
	copy->python = NULL;
	for (int role = 0; role < ROLE_COUNT; role++) {
		environment_free(copy->environments[role]);
		copy->environments[role] = NULL;
	}
}

void launch_adopt(struct launch *launch, struct launch *copy, const struct config *config)
{
	launch_forget(launch);
	*launch = *copy;
	*copy = (struct launch){0};
	write_documents(launch, config);
}

void launch_init(
	struct launch *launch, const struct config *config, const char *venv, bool stop_at_end)
{
	*launch = (struct launch){.lanes = config->processor.workers,
		.source_flags = stop_at_end ? HELLO_STOP_AT_END : 0,
		.identity = random_identity()};
	user_find_other(&launch->user, config->processor.user);
	settle_file_limit(launch, config);
	settle_isolation(config, &launch->user);
	launch->programs[ROLE_SOURCE] = launch_program("bruco-source");
	launch->programs[ROLE_SINK] = launch_program("bruco-sink");
	launch->programs[ROLE_WORKER] = launch_program("bruco-worker");
	write_documents(launch, config);
	wall_open(&launch->wall, config, &launch->user);
	make_environments(launch, config, venv);
	launch->oom_score = worker_oom_score();
	launch->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (launch->null_fd < 0)
		die(status_of_error(errno), "cannot open /dev/null: %s", strerror(errno));
}

void launch_release(struct launch *launch)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		free(launch->programs[role]);
	launch_forget(launch);
	wall_close(&launch->wall);
	user_release(&launch->user);
	free(launch->oom_score);
	fd_close(&launch->null_fd);
}
