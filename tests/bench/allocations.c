/*
 * allocations.so, for LD_PRELOAD: counts a program's allocations in the file
 * BENCH_ALLOCATIONS/NAME.PID, which holds two numbers of 64 bits: the calls that came from the
 * program's own code, and all of them, those of its libraries included.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct counts {
	_Atomic uint64_t own, all;
};

static struct counts unused;
static struct counts *counts = &unused;
static uintptr_t text_begin, text_end;

/* The first object is the program itself. */
static int find_text(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)size;
	(void)argument;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
			continue;
		text_begin = info->dlpi_addr + header->p_vaddr;
		text_end = text_begin + header->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *folder = getenv("BENCH_ALLOCATIONS");
	char path[4096];
	void *map;
	int fd;

	dl_iterate_phdr(find_text, NULL);
	if (folder == NULL)
		return;
	snprintf(path, sizeof path, "%s/%s.%d", folder, program_invocation_short_name, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *counts) < 0)
		return;
	map = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		counts = map;
}

static void count(const void *caller)
{
	uintptr_t address = (uintptr_t)caller;

	atomic_fetch_add_explicit(&counts->all, 1, memory_order_relaxed);
	if (address >= text_begin && address < text_end)
		atomic_fetch_add_explicit(&counts->own, 1, memory_order_relaxed);
}

/* The program's own allocator, which need not be the C library's. */
static void *next(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL)
		abort();
	return function;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	static void *(*allocate)(size_t);

	count(__builtin_return_address(0));
	if (allocate == NULL)
		allocate = (void *(*)(size_t))next("malloc");
	return allocate(size);
}

__attribute__((visibility("default"))) void *calloc(size_t number, size_t size)
{
	static void *(*allocate)(size_t, size_t);

	count(__builtin_return_address(0));
	if (allocate == NULL)
		allocate = (void *(*)(size_t, size_t))next("calloc");
	return allocate(number, size);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
	static void *(*allocate)(void *, size_t);

	count(__builtin_return_address(0));
	if (allocate == NULL)
		allocate = (void *(*)(void *, size_t))next("realloc");
	return allocate(old, size);
}
