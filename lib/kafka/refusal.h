/*
 * What the end of a connection means: whether a broker has said no, of what to whom, and what librdkafka
 * does not say about it.
 */
#ifndef KAFKA_REFUSAL_H
#define KAFKA_REFUSAL_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* Whether a broker has said no, by the error's code and the reason's text. */
bool kafka_is_refusal(int error, const char *reason);

/* Writes the reason for people: without what librdkafka adds behind it, with hints and, if it is about this
 * client, with whom it is about. `certificate`: what was found wrong with a broker's, or "". `version`:
 * rd_kafka_version(). */
void kafka_refusal_write(char *text, size_t size, const char *reason, const char *certificate,
	const char *whom, int version);

/* As whom a client comes to its brokers: "user 'alice'", "certificate '/etc/me.pem'"; as far as that may
 * be shown. */
enum { KAFKA_WHOM_MAX = 256 };
void kafka_whom(char whom[static KAFKA_WHOM_MAX], const struct security_config *security,
	const struct settings *properties);

/* For rd_kafka_conf_set_ssl_cert_verify_cb: changes nothing, but has librdkafka log, as SSLCERTVRFY, what
 * is wrong with which certificate. */
int kafka_verify(rd_kafka_t *client, const char *broker, int32_t broker_id, int *error, int depth,
	const char *certificate, size_t size, char *why, size_t why_size, void *opaque);

/* Takes such a line: whether `text` is one; then what was wrong is in `found`, as kafka_refusal_write takes
 * it, behind the broker's name. */
bool kafka_certificate_read(const char *text, char *found, size_t size);

#endif
