#include "kafka/token.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reminder.h"
#include "base/status.h"
#include "json/token_answer.h"
#include "kafka/redact.h"
#include "kafka/token_command.h"

enum { AGAIN_FIRST_MS = 1000, AGAIN_LAST_MS = 15000, LEAST_MS = 500 };

struct tokens {
	const struct texts *command;
	struct kafka_health *health;
	pthread_mutex_t lock; /* of the two below */
	rd_kafka_t *client;
	struct token_answer answer; /* the newest; no token: none yet */
	int64_t expires_ms;         /* clock_boot_ms */
	/* The thread's own. */
	int64_t again_ms; /* the distance to the next try while it fails; 0: it does not */
	struct reminder reminder;
	char told[TOKEN_COMMAND_WHY_MAX]; /* why, when it was told last */
};

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A token grows old while the machine sleeps, too: all times are clock_boot_ms. */
static void sleep_until(int64_t ms)
{
	struct timespec when = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

/* Hands the token over, with the lock. False: the client does not take it, and *why says why. */
static bool hand_over(struct tokens *tokens, char why[TOKEN_COMMAND_WHY_MAX])
{
	struct token_answer *answer = &tokens->answer;
	int64_t left = tokens->expires_ms - clock_boot_ms();

	if (tokens->client == NULL || answer->token == NULL || left <= 0)
		return true;
	return rd_kafka_oauthbearer_set_token(tokens->client, answer->token,
		       wall_ms() + left, answer->principal,
		       (const char **)(size_t)answer->extensions, answer->extension_count, why,
		       TOKEN_COMMAND_WHY_MAX) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- the thread */

static bool get(struct tokens *tokens, char why[TOKEN_COMMAND_WHY_MAX])
{
	int64_t begun = clock_boot_ms();
	struct token_answer answer;
	struct buf out = {0};
	bool good = token_command_run(tokens->command, &out, why);

	if (good)
		good = token_answer_read((const char *)out.data, out.length, wall_ms(),
			&answer, why);
	if (out.data != NULL)
		explicit_bzero(out.data, out.length);
	buf_release(&out);
	if (!good)
		return false;
	pthread_mutex_lock(&tokens->lock);
	token_answer_release(&tokens->answer);
	tokens->answer = answer;
	/* Its lifetime may have begun when the program did. */
	tokens->expires_ms = begun + answer.lifetime_ms;
	good = hand_over(tokens, why);
	pthread_mutex_unlock(&tokens->lock);
	return good;
}

static void tell_failure(struct tokens *tokens, const char *why)
{
	char *redacted = redact_text(why, REDACT_REASON);
	const char *shown = redacted != NULL ? redacted : why;
	int64_t left = tokens->expires_ms - clock_boot_ms();
	char lasts[32] = "";

	if (strcmp(shown, tokens->told) != 0)
		tokens->reminder = (struct reminder){0}; /* that is news */
	if (reminder_due(&tokens->reminder, clock_boot_ms())) {
		format_duration(lasts, left / 1000 * 1000);
		log_warning("tokenCommand '%s' gives no token, trying again: %s%s%s%s",
			tokens->command->items[0], shown, left > 0 ? " (the last one is good for " : "",
			left > 0 ? lasts : "", left > 0 ? ")" : "");
		snprintf(tokens->told, sizeof tokens->told, "%s", shown);
	}
	kafka_health_token(tokens->health, tokens->expires_ms, shown);
	free(redacted);
}

static void tell_success(struct tokens *tokens)
{
	kafka_health_token(tokens->health, tokens->expires_ms, NULL);
	if (reminder_over(&tokens->reminder))
		log_info("tokenCommand '%s' gives tokens again", tokens->command->items[0]);
	else
		log_debug("a token, good for %lld ms", (long long)tokens->answer.lifetime_ms);
	tokens->told[0] = '\0';
	tokens->again_ms = 0;
}

/* When 80 % of the lifetime are over. */
static int64_t next_after(const struct tokens *tokens)
{
	int64_t due = tokens->expires_ms - tokens->answer.lifetime_ms / 5;
	int64_t soonest = clock_boot_ms() + LEAST_MS;

	return due > soonest ? due : soonest;
}

static void *keep_getting(void *state)
{
	struct tokens *tokens = state;
	char why[TOKEN_COMMAND_WHY_MAX];

	for (;;) {
		if (get(tokens, why)) {
			tell_success(tokens);
			sleep_until(next_after(tokens));
			continue;
		}
		tell_failure(tokens, why);
		tokens->again_ms = tokens->again_ms == 0 ? AGAIN_FIRST_MS : tokens->again_ms * 2;
		if (tokens->again_ms > AGAIN_LAST_MS)
			tokens->again_ms = AGAIN_LAST_MS;
		sleep_until(clock_boot_ms() + tokens->again_ms);
	}
	return NULL;
}

/* ---- for the stage */

/* The thread knows itself when it is time. */
static void on_refresh(rd_kafka_t *client, const char *config, void *opaque)
{
	(void)client;
	(void)config;
	(void)opaque;
}

void tokens_configure(rd_kafka_conf_t *conf, const struct security_config *security)
{
	if (security->token_command.count > 0)
		rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_refresh);
}

struct tokens *tokens_start(const struct security_config *security, struct kafka_health *health)
{
	struct tokens *tokens;
	pthread_t thread;
	sigset_t all, before;
	int error;

	if (security->token_command.count == 0)
		return NULL;
	tokens = mem_alloc(sizeof *tokens);
	*tokens = (struct tokens){.command = &security->token_command,
		.health = health,
		.lock = PTHREAD_MUTEX_INITIALIZER};
	sigfillset(&all); /* they are the stage's loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, keep_getting, tokens);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		die(STATUS_TEMPFAIL, "cannot start a thread: %s", strerror(error));
	pthread_detach(thread);
	return tokens;
}

void tokens_client(struct tokens *tokens, rd_kafka_t *client)
{
	char why[TOKEN_COMMAND_WHY_MAX];

	if (tokens == NULL)
		return;
	pthread_mutex_lock(&tokens->lock);
	tokens->client = client;
	if (!hand_over(tokens, why))
		log_warning("the client does not take its token: %s", why);
	pthread_mutex_unlock(&tokens->lock);
}
