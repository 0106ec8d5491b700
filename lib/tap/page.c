#include "tap/page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

int tap_page_create(const struct tap_filter *filter)
{
	struct tap_page page = {.filter = *filter};
	int fd = memfd_create("bruco-tap", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Sealed: whoever has it can't make it shorter under the stage's eyes, which would die. */
	if (fd >= 0 && (pwrite(fd, &page, sizeof page, 0) != (ssize_t)sizeof page ||
			       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0))
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
