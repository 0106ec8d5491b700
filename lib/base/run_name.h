/* A name for the life of this process, which no other process has had: 16 random hexadecimal digits. */
#ifndef BASE_RUN_NAME_H
#define BASE_RUN_NAME_H

enum { RUN_NAME_LENGTH = 16 };

const char *run_name(void);

#endif
