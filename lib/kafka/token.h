/*
 * Tokens for OAUTHBEARER. A thread of its own runs the tokenCommand, hands what it prints to a client,
 * and runs it again when 80 % of the token's lifetime are over; sooner, at growing distances, while it
 * fails. A client without a token connects to no broker, and waits.
 */
#ifndef KAFKA_TOKEN_H
#define KAFKA_TOKEN_H

#include <librdkafka/rdkafka.h>

#include "config/config.h"
#include "kafka/health.h"

struct tokens;

/* Before the client is made: says that it is the program that gets tokens. */
void tokens_configure(rd_kafka_conf_t *conf, const struct security_config *security);

/* Begins to get tokens, for as long as the program runs; NULL without a tokenCommand. Keeps both
 * pointers. */
struct tokens *tokens_start(const struct security_config *security, struct kafka_health *health);

/* The client that gets them from now on, and at once the one that there is; NULL: none. When it returns
 * nobody uses the former one. `tokens` may be NULL. */
void tokens_client(struct tokens *tokens, rd_kafka_t *client);

#endif
