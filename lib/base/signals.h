/*
 * Signals as a descriptor: init blocks them, the descriptor becomes readable, next() names them.
 * No code runs in a handler. SIGPIPE, SIGUSR1 and SIGUSR2 are ignored.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <stdbool.h>

/* A signal that comes so soon after the first one that asks for an end is the same request:
 * timeout(1) signals its child and then the group that the child is in, and a wrapper passes on
 * what the terminal has sent to all. */
enum { SIGNALS_REPEAT_MS = 500 };

/*
 * The state that each program begins with, whoever has started it: every signal has its default
 * action and none is blocked. SIGHUP stays ignored if it is, for that is what nohup(1) asks for.
 * spawn() calls it in the child, so that children begin with the same. In the first process of a
 * container TERM and INT are blocked, so that one that comes before signals_init is not lost.
 */
void signals_reset(void);

/* Takes TERM, INT and, unless it is ignored, HUP; with `children` also CHLD. Call after
 * signals_reset and before any thread starts. Ends the program if it can't. */
int signals_init(int children);

/* Takes one more, which was ignored so far; fd is signals_init's. */
void signals_take(int fd, int number);

/* Whether SIGHUP asks for an end, as it does at first. */
void signals_hangup_ends(bool ends);

/* The next signal that came, without repeats of one that asks for an end; 0 when there is none. */
int signals_next(int fd);

/* For a program with handlers of its own, to be called for each TERM, INT and HUP: whether it is
 * such a repeat. Safe in a handler. */
bool signals_repeated(void);

/* "TERM"; NULL: the system has no name for it. The C library has had a function for it since 2.32. */
const char *signals_name(int number);

/* Ends this process by that signal, as if it had never been caught. */
_Noreturn void signals_die(int signal_number);

#endif
