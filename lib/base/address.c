#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool address_parse(const char *text, struct sockaddr_storage *address, socklen_t *length)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	const char *colon = strrchr(text, ':');
	char host[64] = "127.0.0.1";
	size_t host_length = colon == NULL ? 0 : (size_t)(colon - text);
	int64_t port;

	memset(address, 0, sizeof *address);
	if (!text_integer(colon == NULL ? text : colon + 1, 1, 65535, &port))
		return false;
	if (colon != NULL && (host_length == 0 || host_length >= sizeof host))
		return false;
	if (colon != NULL)
		snprintf(host, sizeof host, "%.*s", (int)host_length, text);
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (host[0] == '[' && host[host_length - 1] == ']') {
		host[host_length - 1] = '\0';
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		*length = sizeof *six;
		return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	*length = sizeof *four;
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}
