/*
 * A client of NATS: what both nats kinds share. libnats has threads of its own, and so have the kinds for
 * calls that wait; they tell a client here what they see, and the stage's loop, woken by a descriptor, says it
 * in lines and decides what follows.
 */
#ifndef NATS_CLIENT_H
#define NATS_CLIENT_H

#include <nats/nats.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/reminder.h"
#include "config/config.h"

enum { NATS_WHY_MAX = 512 };

/* Of records without a counterpart in NATS. */
#define NATS_KEY_HEADER "message-key"

/* By which a stream knows a message that it has already. */
#define NATS_ID_HEADER "Nats-Msg-Id"

struct nats_client {
	natsOptions *options;
	char *servers;  /* for messages: without users */
	int event_fd;   /* wakes the loop */
	int64_t opened_at; /* clock_ms */
	pthread_mutex_t lock; /* of what follows */
	bool connected;
	bool refused;   /* a server has said no: `why` */
	bool lacks;     /* connected, but for what `why` says */
	char why[NATS_WHY_MAX];
	/* the loop's alone */
	bool ever_connected;
	struct reminder reminder; /* of the lines about servers that can't be reached */
};

/* `comes_back`: a connection that is lost makes itself anew, and its subscriptions with it. Ends the program
 * with 78 when a file of the configuration can't be used. */
void nats_client_init(struct nats_client *client, const struct nats_config *config, bool comes_back);

void nats_print_version(void);

/* ---- for threads */

/* Tries until there is a connection; NULL: refused. */
natsConnection *nats_client_connect(struct nats_client *client);

/* The connection is lost, for this reason; or there is one again. */
void nats_client_lost(struct nats_client *client, const char *why);
void nats_client_back(struct nats_client *client);

/* There is a connection, but not what it is for: "stream 'x': not found". */
void nats_client_lacks(struct nats_client *client, const char *why);

/* A server has said no. */
void nats_client_refuse(struct nats_client *client, const char *why);

void nats_client_wake(struct nats_client *client);

/* The newest error of this thread in words. */
const char *nats_error_text(natsStatus status);

/* ---- for the loop */

/* To be called when the descriptor is readable, and once a second: writes the lines. STATUS_REFUSED when the
 * program is to end, with the reason in client->why; ends it itself when it has waited for longer than
 * `max_wait_ms` (0: it never has) for its first connection. */
int nats_client_work(struct nats_client *client, int64_t max_wait_ms);

#endif
