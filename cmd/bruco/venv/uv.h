/*
 * uv in the place of pip: whether it is to be used, and where it is. It installs what pip would, but reads none of
 * pip's settings, so that it is taken by itself only where pip has none.
 */
#ifndef BRUCO_VENV_UV_H
#define BRUCO_VENV_UV_H

#include <stdbool.h>

struct uv {
	char *path;     /* owned; NULL: pip installs, */
	char *setting;  /* owned; because of this setting of pip's, though there is a uv; NULL: there is none */
};

/* As BRUCO_UV says: true, false, or not set. As the user who installs, whose home it is (NULL: none). False with a
 * line in the log when it is neither, or true and there is no uv. */
bool uv_find(struct uv *uv, const char *home);
void uv_release(struct uv *uv);

#endif
