/*
 * Programs by their names, as a shell finds them.
 */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H

/* The first file of this name in the folders of PATH that may be executed; the caller frees it. NULL:
 * there is none. */
char *search_path(const char *name);

#endif
