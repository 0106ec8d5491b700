#include "base/self.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static const char *other;

void self_is(const char *program)
{
	other = program;
}

char *self_beside(const char *relative)
{
	char self[PATH_MAX];
	ssize_t length;

	if (other != NULL)
		return mem_printf("%.*s/%s", (int)(strrchr(other, '/') - other), other, relative);
	length = readlink("/proc/self/exe", self, sizeof self - 1);
	if (length <= 0)
		return NULL;
	self[length] = '\0';
	return mem_printf("%.*s/%s", (int)(strrchr(self, '/') - self), self, relative);
}
