#include "lane/given.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"

int given_create(void)
{
	return fd_shared_memory("bruco-given", sizeof(struct given));
}

struct given *given_map(int fd)
{
	void *memory = mmap(NULL, sizeof(struct given), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		die(status_of_error(errno), "cannot map memory: %s", strerror(errno));
	close(fd);
	return memory;
}
