/* bruco: starts source, workers and sink, connects and supervises them; bruco(1). */

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/options.h"
#include "base/protect.h"
#include "base/signals.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/commands/check.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/packed.h"

static const char usage[] =
	"usage: bruco [run] [-eqv] [-w workers] [--set key=value ...]\n"
	"             [-c file | file | directory | -]\n"
	"       bruco check [--handler] [--print] [--set key=value ...]\n"
	"             [-c file | file | directory | -]\n"
	"       bruco init [-q] directory\n"
	"       bruco test [-qv] [--update] [--set key=value ...] [-c file] [path ...]\n"
	"       bruco dev [-Kqv] [--set key=value ...] [-c file | file | directory]\n"
	"       bruco status [--json] [-c file | file | directory | --socket path]\n"
	"       bruco top [--interval time] [-c file | file | directory | --socket path]\n"
	"       bruco stack [-c file | directory | --socket path] [worker]\n"
	"       bruco restart [--no-wait] [-c file | directory | --socket path] worker\n"
	"       bruco reload [--wait] [-c file | file | directory | --socket path]\n"
	"       bruco tap [--in | --out | --failed] [--key key] [--partition number]\n"
	"             [-n count] [--frames] [-c file | file | directory | --socket path]\n"
	"       bruco pause | resume [-c file | directory | --socket path] [topic[:partition]]\n"
	"       bruco venv [-qv] [--set key=value ...] [-c file | file | directory | -]\n"
	"       bruco schema\n"
	"       bruco help [page]\n"
	"\n"
	"Runs a Python function over a stream of records, as a configuration says.\n"
	"Without a path it is config.yaml in this folder.\n"
	"\n"
	"  -c, --config PATH      the configuration, or a folder with a config.yaml, or a zip\n"
	"                         file of one or the address of that; - is standard input\n"
	"  -e, --end              stop at the offsets that were last at the start\n"
	"  -K, --keys             (dev) a line that is typed is key, tab, value\n"
	"  -n, --count COUNT      (tap) end after so many records\n"
	"  -q, --quiet            warnings and errors only\n"
	"  -v, --verbose          say more\n"
	"  -w, --workers COUNT    how many workers, 1 to 256 or auto, whatever the file says\n"
	"      --log-format FORM  text or json\n"
	"      --failed           (tap) what has failed for good, as a dead letter has it\n"
	"      --frames           (tap) frames, as bruco-frame(5) says, instead of JSON\n"
	"      --handler          (check) import the handler and look at its functions\n"
	"      --in               (tap) what goes to the handler, which is the default\n"
	"      --key KEY          (tap) only records with this key\n"
	"      --out              (tap) what goes out, with the topic that it goes to\n"
	"      --partition NUMBER (tap) only what comes from this partition\n"
	"      --print            (check) show the configuration with all defaults\n"
	"      --json             (status) for programs, as bruco-status(5) says\n"
	"      --interval TIME    (top) between two looks, as 500ms; 1s if not said\n"
	"      --set KEY=VALUE    (run, check, test, dev, venv) whatever the file says,\n"
	"                         as source.topics=a,b; more than once\n"
	"      --socket PATH      (commands to a running pipeline) its console\n"
	"      --no-wait          (restart) return at once\n"
	"      --wait             (reload) return when all workers are new\n"
	"      --update           (test) make what comes what is expected\n"
	"      --help             show this text\n"
	"      --version          show the versions\n";

static void print_versions(void)
{
	printf("libyaml %s\njansson %s\n", yaml_get_version_string(), jansson_version_str());
}

static const struct program program = {"bruco", usage, print_versions};

struct command {
	const char *name;
	int (*run)(const struct program *program, int argc, char **argv);
};

static const struct command commands[] = {{"run", command_run}, {"check", command_check},
	{"help", command_help}, {"init", command_init}, {"test", command_test},
	{"venv", command_venv}, {"schema", command_schema}, {"dev", command_dev}, {"status", command_status},
	{"stack", command_stack}, {"restart", command_restart}, {"reload", command_reload},
	{"tap", command_tap}, {"pause", command_pause}, {"resume", command_resume},
	{"top", command_top}};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* The command of this name, or NULL. */
static const struct command *find_command(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, word) == 0)
			return &commands[i];
	return NULL;
}

/* For tools/completions. */
static int list_commands(void)
{
	for (size_t i = 0; i < COMMANDS; i++)
		puts(commands[i].name);
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* The word is neither a command nor a path, most likely a slip. */
static _Noreturn void unknown_word(const char *word)
{
	const char *names[COMMANDS];
	const char *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	near = text_nearest(word, names, COMMANDS);
	if (near != NULL)
		options_misuse(
			&program, "no command and no path '%s' (did you mean '%s'?)", word, near);
	options_misuse(&program, "no command and no path '%s'", word);
}

int main(int argc, char **argv)
{
	const struct command *command = NULL;

	protect_begin();
	protect_environment(); /* passwords may be in it */
	signals_reset();
	fd_ensure_standard();
	log_init(program.name);
	if (argc == 2 && strcmp(argv[1], "--list-commands") == 0)
		return list_commands();
	if (argc > 1 && argv[1][0] != '-') {
		command = find_command(argv[1]);
		if (command == NULL && access(argv[1], F_OK) < 0 && !is_packed(argv[1]))
			unknown_word(argv[1]);
	}
	if (command != NULL)
		return command->run(&program, argc - 1, argv + 1);
	return command_run(&program, argc, argv);
}
