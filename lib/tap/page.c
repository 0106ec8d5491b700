#include "tap/page.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

int tap_page_create(const struct tap_filter *filter)
{
	struct tap_page page = {.filter = *filter};
	int fd = fd_shared_memory("bruco-tap", sizeof page);

	if (fd >= 0 && pwrite(fd, &page, sizeof page, 0) != (ssize_t)sizeof page)
		fd_close(&fd);
	return fd;
}

struct tap_page *tap_page_map(int fd)
{
	struct stat status;
	void *page;

	if (fstat(fd, &status) < 0)
		return NULL;
	if (status.st_size != sizeof(struct tap_page)) {
		errno = EINVAL;
		return NULL;
	}
	page = mmap(NULL, sizeof(struct tap_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return page == MAP_FAILED ? NULL : page;
}

void tap_page_unmap(struct tap_page *page)
{
	if (page != NULL)
		munmap(page, sizeof *page);
}
