/*
 * What a command line lays over a file: `--set source.topics=a,b`. It is merged into the tree before
 * anything is substituted or checked, so that an override is checked as if it stood in the file.
 */
#ifndef CONFIG_OVERRIDES_H
#define CONFIG_OVERRIDES_H

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/yaml_tree.h"

/*
 * Lays all of them, in their order, over the root of a file's tree. A key is named by the names of its
 * sections and its own, with dots between; what follows the name of a key that has no keys of its own is
 * one name, dots and all ("source.properties.queued.min.messages"). A value between [ and ], or { and },
 * is YAML; any other is a text as it is. Each takes the place of what the file has there.
 */
void overrides_lay(
	struct node *root, const struct texts *overrides, struct diagnostics *diagnostics);

#endif
