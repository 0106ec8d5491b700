#include "nats/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "stage/stage.h"

enum {
	CONNECT_MS = 2000, /* for one server */
	RETRY_MS = 500,
	PING_MS = 10000,
	PINGS_MAX = 2 /* that are not answered: then the connection counts as lost */
};

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

const char *nats_error_text(natsStatus status)
{
	natsStatus newest = NATS_OK;
	const char *text = nats_GetLastError(&newest), *place_end;

	if (newest != status || text == NULL || text[0] == '\0')
		return natsStatus_GetText(status);
	place_end = text[0] == '(' ? strstr(text, "): ") : NULL; /* "(conn.c:1905): " */
	return place_end == NULL ? text : place_end + 3;
}

void nats_print_version(void)
{
	printf("libnats %s\n", nats_GetVersion());
}

/* ---- options */

static void check(natsStatus status, const char *what)
{
	if (status == NATS_NO_MEMORY)
		die(STATUS_TEMPFAIL, "%s: %s", what, natsStatus_GetText(status));
	if (status != NATS_OK)
		die(STATUS_CONFIG, "%s: %s", what, nats_error_text(status));
}

/* The address of a server without who connects to it. */
static const char *address(const char *server)
{
	const char *at = strrchr(server, '@'), *scheme = strstr(server, "://");

	return at != NULL ? at + 1 : scheme != NULL ? scheme + 3 : server;
}

/* Returns whether one of them is to be reached by TLS. */
static bool set_servers(struct nats_client *client, const char *servers)
{
	struct texts texts = {0};
	bool secure = false;
	char *shown = NULL;

	config_texts(&texts, servers);
	check(natsOptions_SetServers(client->options, (const char **)texts.items, (int)texts.count), "serverUrl");
	for (size_t i = 0; i < texts.count; i++) {
		char *more = mem_printf("%s%s%s", i == 0 ? "" : shown, i == 0 ? "" : ", ", address(texts.items[i]));

		secure = secure || strncmp(texts.items[i], "tls://", 6) == 0;
		free(shown);
		free(texts.items[i]);
		shown = more;
	}
	free(texts.items);
	client->servers = shown;
	return secure;
}

static void set_security(natsOptions *options, const struct nats_config *config, bool secure)
{
	const char *ca = config->ca != NULL ? config->ca : SYSTEM_CA;

	if (config->username != NULL)
		check(natsOptions_SetUserInfo(options, config->username, config->password), "security.username");
	if (config->token != NULL)
		check(natsOptions_SetToken(options, config->token), "security.token");
	if (config->credentials_file != NULL)
		check(natsOptions_SetUserCredentialsFromFiles(options, config->credentials_file, NULL),
			"security.credentialsFile");
	if (config->nkey != NULL)
		check(natsOptions_SetNKeyFromSeed(options, config->nkey, config->seed_file), "security.nkey");
	if (!secure && config->ca == NULL && config->certificate == NULL)
		return;
	check(natsOptions_SetSecure(options, true), "cannot use TLS");
	if (config->ca != NULL || access(ca, R_OK) == 0)
		check(natsOptions_LoadCATrustedCertificates(options, ca), "security.ca");
	if (config->certificate != NULL)
		check(natsOptions_LoadCertificatesChain(options, config->certificate, config->key),
			"security.certificate");
}

static void on_disconnected(natsConnection *connection, void *closure)
{
	const char *why = NULL;

	natsConnection_GetLastError(connection, &why);
	nats_client_lost(closure, why != NULL && why[0] != '\0' ? why : "the connection was lost");
}

static void on_reconnected(natsConnection *connection, void *closure)
{
	(void)connection;
	nats_client_back(closure);
}

/* For good: a server has said no, twice. */
static void on_closed(natsConnection *connection, void *closure)
{
	const char *why = NULL;

	if (natsConnection_GetLastError(connection, &why) == NATS_CONNECTION_AUTH_FAILED)
		nats_client_refuse(closure, why);
	else
		nats_client_lost(closure, why != NULL && why[0] != '\0' ? why : "the connection was closed");
}

void nats_client_init(struct nats_client *client, const struct nats_config *config, bool comes_back)
{
	natsOptions *options;

	*client = (struct nats_client){.opened_at = clock_ms()};
	pthread_mutex_init(&client->lock, NULL);
	snprintf(client->why, sizeof client->why, "no answer yet");
	client->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (client->event_fd < 0)
		die(status_of_error(errno), "cannot create an eventfd: %s", strerror(errno));
	check(natsOptions_Create(&client->options), "cannot use libnats");
	options = client->options;
	set_security(options, config, set_servers(client, config->servers));
	natsOptions_SetName(options, "bruco");
	natsOptions_SetTimeout(options, CONNECT_MS);
	natsOptions_SetPingInterval(options, PING_MS);
	natsOptions_SetMaxPingsOut(options, PINGS_MAX);
	natsOptions_SetAllowReconnect(options, comes_back);
	if (!comes_back)
		return; /* what becomes of it, who uses it says */
	natsOptions_SetMaxReconnect(options, -1);
	natsOptions_SetReconnectWait(options, RETRY_MS);
	natsOptions_SetDisconnectedCB(options, on_disconnected, client);
	natsOptions_SetReconnectedCB(options, on_reconnected, client);
	natsOptions_SetClosedCB(options, on_closed, client);
}

/* ---- what threads see */

void nats_client_wake(struct nats_client *client)
{
	eventfd_write(client->event_fd, 1);
}

static void note(struct nats_client *client, bool connected, bool refused, const char *why)
{
	pthread_mutex_lock(&client->lock);
	client->connected = connected;
	client->lacks = false;
	if (why != NULL && !client->refused)
		snprintf(client->why, sizeof client->why, "%s", why);
	client->refused = client->refused || refused;
	pthread_mutex_unlock(&client->lock);
	nats_client_wake(client);
}

void nats_client_lost(struct nats_client *client, const char *why)
{
	note(client, false, false, why);
}

void nats_client_lacks(struct nats_client *client, const char *why)
{
	note(client, false, false, why);
	pthread_mutex_lock(&client->lock);
	client->lacks = true;
	pthread_mutex_unlock(&client->lock);
}

void nats_client_back(struct nats_client *client)
{
	note(client, true, false, NULL);
}

void nats_client_refuse(struct nats_client *client, const char *why)
{
	note(client, false, true, why);
}

/* Whether a server, or what this side demands of it, says no. A handshake that is cut is a server that is
 * down. */
static bool is_refusal(natsStatus status, const char *why)
{
	static const char *const words[] = {"verif", "certificate", ":depth=", "unknown ca"};

	if (status == NATS_CONNECTION_AUTH_FAILED || status == NATS_SECURE_CONNECTION_WANTED)
		return true;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasestr(why, words[i]) != NULL)
			return true;
	return false;
}

natsConnection *nats_client_connect(struct nats_client *client)
{
	natsConnection *connection;
	natsStatus status;

	while ((status = natsConnection_Connect(&connection, client->options)) != NATS_OK) {
		const char *why = nats_error_text(status);

		/* All that is to be seen of a certificate that the server does not trust (TLS 1.3). */
		if (strncmp(why, "Expected 'PONG', got ''", 23) == 0)
			why = "the server hung up before its first answer";
		log_debug("libnats: %s: %s", natsStatus_GetText(status), why);
		if (is_refusal(status, why)) {
			nats_client_refuse(client, why);
			return NULL;
		}
		nats_client_lost(client, why);
		nats_Sleep(RETRY_MS);
	}
	nats_client_back(client);
	return connection;
}

/* ---- what the loop says of it */

int nats_client_work(struct nats_client *client, int64_t max_wait_ms)
{
	int64_t now = clock_ms();
	eventfd_t signals;
	bool connected, refused, lacks;
	char why[NATS_WHY_MAX], what[2 * NATS_WHY_MAX];

	eventfd_read(client->event_fd, &signals);
	pthread_mutex_lock(&client->lock);
	connected = client->connected;
	refused = client->refused;
	lacks = client->lacks;
	memcpy(why, client->why, sizeof why);
	pthread_mutex_unlock(&client->lock);
	if (refused)
		return STATUS_REFUSED;
	if (connected) {
		client->ever_connected = true;
		if (reminder_over(&client->reminder))
			log_info("a NATS server can be reached at %.200s", client->servers);
		return STATUS_OK;
	}
	if (lacks)
		snprintf(what, sizeof what, "the NATS server at %.200s: %s", client->servers, why);
	else
		snprintf(what, sizeof what, "no NATS server can be reached at %.200s: %s", client->servers, why);
	if (max_wait_ms > 0 && !client->ever_connected && now >= client->opened_at + max_wait_ms)
		stage_waited(max_wait_ms, what);
	/* The first attempt may take a moment. */
	if (now >= client->opened_at + RETRY_MS / 2 && reminder_due(&client->reminder, now))
		log_warning("%s", what);
	return STATUS_OK;
}
