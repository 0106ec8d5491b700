#include "kafka/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"

enum {
	SINGLE_MS = 1000, /* until then it may turn out that all are down */
	SINGLE_EVERY_MS = 60000,
	PROBE_MS = 1000,
	LAST_PROBE_MS = 2000
};

/* The end of a connection that was of use says nothing about the next one. But one that ends early
 * may be to a listener with another protocol, as librdkafka says then, if none was ever of use. */
static bool is_mere_end(const struct kafka_health *health, const char *reason)
{
	return strstr(reason, "in state UP") != NULL &&
	       (health->answered || strstr(reason, "security.protocol") == NULL);
}

/* ---- hearing */

static int64_t now_not_zero(void)
{
	int64_t now = clock_ms();

	return now > 0 ? now : 1;
}

void kafka_health_init(struct kafka_health *health, const struct security_config *security,
	const struct settings *properties)
{
	*health = (struct kafka_health){.lock = PTHREAD_MUTEX_INITIALIZER};
	kafka_whom(health->whom, security, properties);
}

void kafka_health_certificate(struct kafka_health *health, const char *text)
{
	pthread_mutex_lock(&health->lock);
	kafka_certificate_read(text, health->certificate, sizeof health->certificate);
	pthread_mutex_unlock(&health->lock);
}

/* With the lock. */
static void keep(struct kafka_health *health, char text[HEALTH_TEXT_MAX], const char *reason)
{
	kafka_refusal_write(text, HEALTH_TEXT_MAX, reason, health->certificate, health->whom,
		rd_kafka_version());
}

static void remember_refuser(struct kafka_health *health, const char *reason)
{
	size_t length = strcspn(reason, " ");
	uint64_t name = hash_more(HASH_START, reason, length);

	for (int i = 0; i < health->refuser_count; i++)
		if (health->refusers[i] == name)
			return;
	if (health->refuser_count < REFUSERS_MAX)
		health->refusers[health->refuser_count++] = name;
}

/* With the lock. */
static bool has_old_token(const struct kafka_health *health)
{
	int64_t now = clock_boot_ms();

	return health->has_tokens && (health->token_trouble[0] != '\0' ||
					     now >= health->token_ends || now < health->token_counts);
}

void kafka_health_token(struct kafka_health *health, int64_t ends, const char *trouble)
{
	pthread_mutex_lock(&health->lock);
	/* What is refused now may have begun with the one before. */
	if (trouble == NULL && has_old_token(health) && health->token_ends != 0)
		health->token_counts = clock_boot_ms() + REFUSED_MS;
	health->has_tokens = true;
	health->token_ends = ends;
	snprintf(health->token_trouble, sizeof health->token_trouble, "%s",
		trouble == NULL ? "" : trouble);
	pthread_mutex_unlock(&health->lock);
}

void kafka_health_failed(struct kafka_health *health, int error, const char *reason)
{
	bool refusal = kafka_is_refusal(error, reason);

	if (!refusal && is_mere_end(health, reason))
		return;
	pthread_mutex_lock(&health->lock);
	if (has_old_token(health))
		refusal = false;
	keep(health, health->failure, reason);
	health->failed = health->pending = true;
	health->failed_at = now_not_zero();
	if (refusal) {
		if (health->refused_at == 0)
			health->refused_at = health->failed_at;
		keep(health, health->refusal, reason);
		remember_refuser(health, reason);
		health->bad = true;
	}
	health->news = true;
	pthread_mutex_unlock(&health->lock);
}

void kafka_health_down(struct kafka_health *health, const char *reason)
{
	int down, brokers;

	pthread_mutex_lock(&health->lock);
	health->down = true;
	health->bad = true;
	health->news = true;
	health->brokers = sscanf(reason, "%d/%d", &down, &brokers) == 2 ? brokers : REFUSERS_MAX;
	pthread_mutex_unlock(&health->lock);
}

/* ---- judging */

static void recover(struct kafka_health *health)
{
	health->answered = true;
	health->down = health->failed = false;
	health->bad = false;
	health->refused_at = 0;
	health->refuser_count = 0;
	if (reminder_over(&health->reminder))
		log_info("a broker can be reached again");
}

void kafka_health_good(struct kafka_health *health)
{
	if (!atomic_load_explicit(&health->answered, memory_order_relaxed))
		health->answered = true;
	if (!atomic_load_explicit(&health->bad, memory_order_relaxed))
		return;
	pthread_mutex_lock(&health->lock);
	recover(health);
	pthread_mutex_unlock(&health->lock);
}

/* Asks any broker that answers; without the lock, callbacks may want it. */
static bool answers(struct kafka_health *health, rd_kafka_t *client, int wait_ms)
{
	const struct rd_kafka_metadata *metadata;
	bool good;

	pthread_mutex_unlock(&health->lock);
	good = rd_kafka_metadata(client, 0, NULL, &metadata, wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (good)
		rd_kafka_metadata_destroy(metadata);
	pthread_mutex_lock(&health->lock);
	if (good)
		recover(health);
	return good;
}

static bool is_refused(struct kafka_health *health, rd_kafka_t *client, int64_t now)
{
	if (health->refused_at == 0)
		return false;
	if (health->down && health->refuser_count >= health->brokers)
		return true;
	/* A newer client does not say that all are down while it looks for its coordinator. */
	return now - health->refused_at >= REFUSED_MS && !answers(health, client, LAST_PROBE_MS);
}

static void tell_all_down(struct kafka_health *health, rd_kafka_t *client, int64_t now)
{
	bool again = reminder_begun(&health->reminder);

	if (!reminder_due(&health->reminder, now) || (again && answers(health, client, PROBE_MS)))
		return;
	log_warning("no broker can be reached, waiting: %s", health->failure);
	health->pending = false;
}

static void tell_one(struct kafka_health *health, int64_t now)
{
	if (now - health->failed_at < SINGLE_MS)
		return;
	health->pending = false;
	if (health->told_at > 0 && now - health->told_at < SINGLE_EVERY_MS)
		return;
	health->told_at = now;
	log_warning("a broker can't be used, going on with the others: %s", health->failure);
}

bool kafka_health_waits(struct kafka_health *health, rd_kafka_t *client, char text[HEALTH_WAIT_MAX])
{
	char *cluster = rd_kafka_clusterid(client, 0);
	bool down;

	pthread_mutex_lock(&health->lock);
	down = health->down && health->failed;
	if (down)
		snprintf(text, HEALTH_WAIT_MAX, "no broker can be reached: %s", health->failure);
	else if (health->token_trouble[0] != '\0')
		snprintf(text, HEALTH_WAIT_MAX, "there is no token: %s", health->token_trouble);
	else
		snprintf(text, HEALTH_WAIT_MAX, "no broker has answered");
	pthread_mutex_unlock(&health->lock);
	if (cluster != NULL)
		rd_kafka_mem_free(client, cluster);
	return down || cluster == NULL;
}

bool kafka_health_refused(struct kafka_health *health, rd_kafka_t *client)
{
	bool refused;

	pthread_mutex_lock(&health->lock);
	refused = is_refused(health, client, now_not_zero());
	pthread_mutex_unlock(&health->lock);
	return refused;
}

int kafka_health_work(struct kafka_health *health, rd_kafka_t *client)
{
	int64_t now;
	int status = STATUS_OK;

	if (!atomic_load_explicit(&health->news, memory_order_relaxed))
		return STATUS_OK;
	now = now_not_zero();
	pthread_mutex_lock(&health->lock);
	if (is_refused(health, client, now))
		status = STATUS_REFUSED;
	else if (health->down && health->failed)
		tell_all_down(health, client, now);
	else if (health->pending)
		tell_one(health, now);
	health->news = health->down || health->pending || health->refused_at > 0;
	pthread_mutex_unlock(&health->lock);
	return status;
}
