/* lib/config: which of librdkafka's settings may be set, and to what. */
#include "unit.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* librdkafka's own list, a table in Markdown. */
static char *own_list(void)
{
	size_t length;
	char *text;
	FILE *stream = open_memstream(&text, &length);

	rd_kafka_conf_properties_show(stream);
	fclose(stream);
	return text;
}

TEST(each_setting_of_librdkafka_is_known_or_refused)
{
	char *list = own_list(), *rest = list, *line;
	size_t count = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *name = line;

		if (strstr(line, " | ") == NULL || strncmp(line, "Property ", 9) == 0)
			continue;
		name[strcspn(name, " ")] = '\0';
		count++;
		if (config_property_known(name) == (config_property_refused(name) != NULL))
			unit_fail(__FILE__, __LINE__, "'%s' is both or neither", name);
	}
	CHECK(count > 150);
	free(list);
}

TEST(hidden_settings_are_not_known)
{
	static const char *const hidden[] = {"test.mock.num.brokers", "test.mock.broker.rtt",
		"ut_handle_ProduceResponse", "enable_sasl_queue", "internal.termination.signal",
		"client.software.name", "ssl_key"};

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		CHECK(!config_property_known(hidden[i]));
		CHECK(config_property_refused(hidden[i]) != NULL);
	}
	CHECK(!config_property_known("some.later.setting"));
	CHECK(!config_property_known(""));
}

static bool refused(const char *name, const char *value)
{
	char why[128];

	return config_property_value_refused(name, value, why);
}

TEST(what_a_shell_would_run_is_refused)
{
	static const char bytes[] = "\"'`$\\;&|<>(){}[]*?!#~^ \t\n\r\x01\x7f\x80\xff";
	char value[] = "kafka/host.example@EXAMPLE.ORG+X", why[128];

	CHECK(!refused("sasl.kerberos.principal", value));
	CHECK(!refused("sasl.kerberos.principal", ""));
	for (const char *byte = bytes; *byte != '\0'; byte++) {
		value[5] = *byte;
		CHECK(refused("sasl.kerberos.principal", value));
		CHECK(!refused("sasl.username", value));
	}
	CHECK(refused("sasl.kerberos.principal", "-c/tmp/cache"));
	CHECK(!refused("sasl.kerberos.keytab", "/etc/the key's; tab (1).keytab"));
	CHECK(refused("sasl.kerberos.keytab", "/etc/\"; reboot; \""));
	CHECK(refused("sasl.kerberos.keytab", "/etc/$(reboot)"));
	CHECK(refused("sasl.kerberos.keytab", "/etc/`reboot`"));
	CHECK(refused("sasl.kerberos.keytab", "/etc/krb5\\"));
	CHECK(config_property_value_refused("sasl.kerberos.principal", "a;b", why));
	CHECK_TEXT(why, "librdkafka pastes it into a shell's command: no ';' may be in it");
	CHECK(config_property_value_refused("sasl.kerberos.principal", "-c", why));
	CHECK_TEXT(why, "librdkafka pastes it into a shell's command: no '-' may be its first character");
	CHECK(config_property_value_refused("sasl.kerberos.principal", "a b", why));
	CHECK_TEXT(why, "librdkafka pastes it into a shell's command: nothing but printable ASCII "
			"characters and no blank may be in it");
}

UNIT_MAIN
