/* The keys that only kind http has. */
#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const char *with_key(const void *owner)
{
	const struct source_config *source = owner;

	return source->certificate_key != NULL ? " (for the key)" : NULL;
}

static const char *with_certificate(const void *owner)
{
	const struct source_config *source = owner;

	return source->certificate != NULL ? " (for the certificate)" : NULL;
}

/* clang-format off */

static const struct key source_keys[] = {
	{.name = "listen",
		.help = "Where to take requests.",
		.type = &host_type, SOURCE(listen),
		.also = " address bind host interface "},
	{.name = "port",
		.help = "The port.",
		.type = &count_type, SOURCE(port),
		.low = 1, .high = 65535, .initial = "8080"},
	{.name = "ignoreProcessorResponse",
		.help = "With true a request is answered, with 202, when its record is on its way to a worker.",
		.type = &bool_type, SOURCE(ignore_response),
		.initial = "false", .also = " ignoreResponse async "},
	{.name = "requestTimeout",
		.help = "How long a request may take to arrive.",
		.type = &duration_type, SOURCE(request_timeout_ms),
		.low = 1, .high = HOUR, .initial = "30s", .also = " readTimeout timeout "},
	{.name = "queueTimeout",
		.help = "How long a request may wait while all workers have as much ahead as "
			"window and windowTime let them.",
		.type = &duration_type, SOURCE(queue_timeout_ms),
		.low = 0, .high = HOUR, .initial = "1s", .also = " waitTimeout maxQueueTime "},
	{.name = "connections",
		.help = "How many there may be at once.",
		.type = &count_type, SOURCE(connections),
		.low = 1, .high = 100000, .initial = "10000", .also = " maxConnections "},
	{.name = "healthPath",
		.help = "GET and HEAD of it are answered without the handler.",
		.type = &request_path_type, SOURCE(health_path), .initial = "/healthz",
		.also = " health healthCheck livenessPath "},
	{.name = "certificate",
		.help = "PEM files, relative to the configuration: the certificate with its "
			"chain, and its private key.",
		.type = &path_type, SOURCE(certificate), .required = with_key,
		.also = " cert certFile tlsCert sslCertificate "},
	{.name = "key",
		.help = "PEM files, relative to the configuration: the certificate with its "
			"chain, and its private key.",
		.type = &path_type, SOURCE(certificate_key), .required = with_certificate,
		.also = " keyFile privateKey tlsKey sslKey "},
};

/* clang-format on */

const struct kind http_source = {.name = "http", .keys = source_keys, .count = COUNT(source_keys)};
