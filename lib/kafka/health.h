/*
 * Judges a client's connections: which trouble is worth a line, and when a refusal ends the program.
 * The client's callbacks report to it, from any thread; the stage's loop asks for the verdict.
 *
 * A refusal is a broker's own word: the password is wrong, the mechanism is not offered; or a
 * certificate that is not trusted, on either side. A connection or a handshake that is cut is no
 * refusal: a broker that is restarted, or a load balancer before it, does that too. A refusal ends
 * the program when every broker has refused, or when for REFUSED_MS no broker has accepted.
 */
#ifndef KAFKA_HEALTH_H
#define KAFKA_HEALTH_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/reminder.h"
#include "kafka/refusal.h"

enum { REFUSED_MS = 10000, REFUSERS_MAX = 16, HEALTH_TEXT_MAX = 512, HEALTH_WAIT_MAX = 600 };

struct kafka_health {
	pthread_mutex_t lock;     /* of all below */
	_Atomic bool news;        /* kafka_health_work has something to do */
	_Atomic bool bad;         /* down or refused: kafka_health_good has something to do */
	_Atomic bool answered;    /* a broker has, once at least */
	bool down;                /* no connection at all, as far as is known */
	int brokers;              /* how many there are then */
	bool failed;              /* a connection could not be made since a broker answered */
	bool pending;             /* the failure was not told yet */
	int64_t failed_at;        /* clock_ms, of the newest */
	int64_t told_at;          /* of the last line about a single broker; 0: none */
	struct reminder reminder;         /* of the lines about all of them */
	int64_t refused_at;       /* of the first refusal since a broker answered; 0: none */
	uint64_t refusers[REFUSERS_MAX]; /* hashes of the brokers' names */
	int refuser_count;
	bool has_tokens;         /* a tokenCommand gets them */
	int64_t token_ends;      /* clock_boot_ms */
	int64_t token_counts;    /* a refusal of it does, from then on; the one before it had ended */
	char token_trouble[HEALTH_TEXT_MAX]; /* why there is no new one; "": there is */
	char whom[KAFKA_WHOM_MAX];           /* constant */
	char certificate[HEALTH_TEXT_MAX];   /* what was wrong with a broker's, last */
	char failure[HEALTH_TEXT_MAX];
	char refusal[HEALTH_TEXT_MAX];
};

void kafka_health_init(struct kafka_health *health, const struct security_config *security,
	const struct settings *properties);

/* ---- for the callbacks, from any thread */

/* A connection has failed, for this reason ("NAME: cause (after 3ms in state CONNECT)"); the
 * error's code is 0 when it comes from a log line. */
void kafka_health_failed(struct kafka_health *health, int error, const char *reason);
/* A line of librdkafka about a broker's certificate (SSLCERTVRFY): the failure itself comes next. */
void kafka_health_certificate(struct kafka_health *health, const char *text);
/* No broker is connected: "1/1 brokers are down". */
void kafka_health_down(struct kafka_health *health, const char *reason);

/* The newest token ends then (clock_boot_ms; 0: there was none yet). `trouble`: why there is no newer
 * one, or NULL. A broker that refuses a token that has ended, or is to be renewed and can't be, has not
 * refused whoever it stands for. */
void kafka_health_token(struct kafka_health *health, int64_t ends, const char *trouble);

/* ---- for the stage */

/* A broker has answered. */
void kafka_health_good(struct kafka_health *health);

/* To be called at least every second or so: writes the lines. STATUS_REFUSED when the program is to
 * end, with the reason in health->refusal. May ask the brokers when that is near, which takes up to
 * two seconds. */
int kafka_health_work(struct kafka_health *health, rd_kafka_t *client);

/* Whether the program is to end, as kafka_health_work says it, but without any lines. */
bool kafka_health_refused(struct kafka_health *health, rd_kafka_t *client);

/* Whether no broker can be reached, as far as is known, or none has ever answered; `text` then says
 * so. */
bool kafka_health_waits(
	struct kafka_health *health, rd_kafka_t *client, char text[HEALTH_WAIT_MAX]);

#endif
