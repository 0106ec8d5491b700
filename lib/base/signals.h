/*
 * Signals as a descriptor: init blocks them, the descriptor becomes readable, next() names them.
 * No code runs in a handler. Children get an empty mask from spawn. SIGPIPE, SIGUSR1 and SIGUSR2 are
 * ignored.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

/* Takes TERM, INT and HUP; with `children` also CHLD. Call before any thread starts. */
int signals_init(int children);

/* The next signal that came, or 0 when there is none. */
int signals_next(int fd);

/* Ends this process by that signal, as if it had never been caught. */
_Noreturn void signals_die(int signal_number);

#endif
