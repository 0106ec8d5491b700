/*
 * Which values are passwords and the like, judged by the setting's name and by the value.
 */
#ifndef CONFIG_SECRETS_H
#define CONFIG_SECRETS_H

#include <stdbool.h>

#include "config/config.h"

/* The setting's value or, with `masked`, "***" for a secret. */
const char *secret_shown(const struct setting *setting, bool masked);

#endif
