#include "stats/page.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"

int page_create(bool with_board)
{
	return fd_shared_memory(
		"bruco-page", PAGE_SIZE + (with_board ? sizeof(struct board) : 0));
}

struct page *page_try_map(int fd)
{
	int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, kind, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

struct page *page_map(int fd)
{
	struct page *page = page_try_map(fd);

	if (page == NULL)
		die(STATUS_TEMPFAIL, "cannot map the shared page: %s", strerror(errno));
	return page;
}

void page_unmap(struct page *page)
{
	if (page != NULL)
		munmap(page, PAGE_SIZE);
}

struct board *board_try_map(int fd)
{
	struct stat status;
	void *board;

	if (fd < 0 || fstat(fd, &status) < 0 ||
		status.st_size < PAGE_SIZE + (off_t)sizeof(struct board))
		return NULL;
	board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE_SIZE);
	return board == MAP_FAILED ? NULL : board;
}

void board_unmap(struct board *board)
{
	if (board != NULL)
		munmap(board, sizeof *board);
}

struct page_snapshot page_snapshot(struct page *page)
{
	struct page_snapshot snapshot;

	snapshot.state = atomic_load_explicit(&page->state, memory_order_acquire);
	snapshot.attempt = atomic_load_explicit(&page->attempt, memory_order_relaxed);
	snapshot.seq = atomic_load_explicit(&page->seq, memory_order_relaxed);
	snapshot.first = atomic_load_explicit(&page->first, memory_order_relaxed);
	snapshot.last = atomic_load_explicit(&page->last, memory_order_relaxed);
	return snapshot;
}
