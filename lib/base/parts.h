/*
 * What a build may leave out: WITHOUT=nats of the Makefile.
 */
#ifndef BASE_PARTS_H
#define BASE_PARTS_H

#ifdef WITHOUT_NATS
#define IF_NATS(...)
#else
#define IF_NATS(...) __VA_ARGS__
#endif

#endif
