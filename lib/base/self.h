/*
 * Where the running program's own file is, and what was installed beside it.
 */
#ifndef BASE_SELF_H
#define BASE_SELF_H

/* A path that is relative to the running program's folder, "../share/man". The caller frees it;
 * NULL when /proc does not tell. Whether there is such a file is not looked at. */
char *self_beside(const char *relative);

/* For code that a program of somebody else's has loaded: the path of the program that it would be part of,
 * whether or not that is there. It is kept. */
void self_is(const char *program);

#endif
