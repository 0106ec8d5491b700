/*
 * A library to be preloaded: system calls that move fewer bytes than asked for or that would block,
 * and pipes as small as they can be, all within what POSIX allows. From a seed:
 *
 *   SHORT_IO="SEED SHORT AGAIN"   the last two: in how many of 100 calls
 *
 * Only calls through the C library are changed, those of other libraries too; packets, event and
 * signal descriptors and files stay whole (CPython writes its bytecode with one write, and believes
 * it). Pipes keep their promise on writes of up to PIPE_BUF.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SMALLEST_PIPE = 4096, VECTORS_MAX = 64 };
enum what { WHOLE, STREAM, PIPE };

static atomic_uint_fast64_t counter;
static unsigned seed, short_of_100, again_of_100;

/* The C library's own function of this name. */
#define REAL(name)                                                                                 \
	static __typeof__(&name) real;                                                             \
	if (real == NULL)                                                                          \
	real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("SHORT_IO");

	if (text == NULL || sscanf(text, "%u %u %u", &seed, &short_of_100, &again_of_100) != 3)
		seed = short_of_100 = again_of_100 = 0;
}

static uint64_t next_random(void)
{
	uint64_t mix = atomic_fetch_add(&counter, 1) + ((uint64_t)seed << 32);

	mix = (mix ^ (mix >> 30)) * 0xbf58476d1ce4e5b9U + 0x9e3779b97f4a7c15U;
	mix = (mix ^ (mix >> 27)) * 0x94d049bb133111ebU;
	return mix ^ (mix >> 31);
}

static int happens(unsigned of_100)
{
	return of_100 > 0 && next_random() % 100 < of_100;
}

static enum what what_is(int fd)
{
	struct stat status;
	int type = 0;
	socklen_t size = sizeof type;
	int before = errno;
	enum what what = WHOLE;

	if (fstat(fd, &status) == 0) {
		if (S_ISFIFO(status.st_mode))
			what = PIPE;
		else if (S_ISSOCK(status.st_mode) &&
			 getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			 type == SOCK_STREAM)
			what = STREAM;
	}
	errno = before;
	return what;
}

static int is_nonblocking(int fd)
{
	int before = errno, flags = fcntl(fd, F_GETFL);

	errno = before;
	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* Whether the call says that it would block, with errno. */
static int fails(int fd)
{
	if (!happens(again_of_100) || !is_nonblocking(fd))
		return 0;
	errno = EAGAIN;
	return 1;
}

/* A short write to a pipe that would block means that there is much to read in it: whoever wakes
 * another so relies on that. */
static int may_fail_to_write(enum what what, size_t length)
{
	return what == STREAM || (what == PIPE && length > PIPE_BUF);
}

static size_t shorter(size_t length, enum what what, int writing)
{
	if (what == WHOLE || length < 2 || !happens(short_of_100) ||
		(writing && what == PIPE && length <= PIPE_BUF))
		return length;
	if (length > 16 && next_random() % 2 == 0)
		return 1 + (size_t)(next_random() % 15);
	return 1 + (size_t)(next_random() % (length - 1));
}

ssize_t read(int fd, void *to, size_t length)
{
	REAL(read);
	enum what what = what_is(fd);

	if (what != WHOLE && fails(fd))
		return -1;
	return real(fd, to, shorter(length, what, 0));
}

ssize_t write(int fd, const void *from, size_t length)
{
	REAL(write);
	enum what what = what_is(fd);

	if (may_fail_to_write(what, length) && fails(fd))
		return -1;
	return real(fd, from, shorter(length, what, 1));
}

/* The vectors up to a shorter length, in `cut`; their number. */
static int cut_vectors(struct iovec *cut, const struct iovec *from, int count, size_t length)
{
	int taken = 0;

	for (; taken < count && taken < VECTORS_MAX && length > 0; taken++) {
		cut[taken] = from[taken];
		if (cut[taken].iov_len > length)
			cut[taken].iov_len = length;
		length -= cut[taken].iov_len;
	}
	return taken;
}

static size_t all_of(const struct iovec *from, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += from[i].iov_len;
	return sum;
}

static ssize_t cut_call(ssize_t (*real)(int, const struct iovec *, int), int fd,
	const struct iovec *vectors, int count, int writing)
{
	struct iovec cut[VECTORS_MAX];
	enum what what = what_is(fd);
	size_t length;

	length = all_of(vectors, count);
	if (writing ? may_fail_to_write(what, length) && fails(fd) : what != WHOLE && fails(fd))
		return -1;
	if (count > VECTORS_MAX || shorter(2, what, writing) == 2 || length < 2)
		return real(fd, vectors, count);
	return real(fd, cut, cut_vectors(cut, vectors, count, shorter(length, what, writing)));
}

ssize_t readv(int fd, const struct iovec *vectors, int count)
{
	REAL(readv);
	return cut_call(real, fd, vectors, count, 0);
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
	REAL(writev);
	return cut_call(real, fd, vectors, count, 1);
}

ssize_t send(int fd, const void *from, size_t length, int flags)
{
	REAL(send);
	if (what_is(fd) == STREAM && fails(fd))
		return -1;
	return real(fd, from, shorter(length, what_is(fd), 1), flags);
}

ssize_t recv(int fd, void *to, size_t length, int flags)
{
	REAL(recv);
	if (fails(fd))
		return -1;
	return real(fd, to, shorter(length, what_is(fd), 0), flags);
}

static ssize_t cut_message(ssize_t (*real)(int, struct msghdr *, int), int fd,
	struct msghdr *message, int flags, int writing)
{
	struct iovec cut[VECTORS_MAX], *whole = message->msg_iov;
	size_t count = message->msg_iovlen, length;
	ssize_t result;

	if ((!writing || what_is(fd) == STREAM) && fails(fd))
		return -1;
	if (what_is(fd) != STREAM || count > VECTORS_MAX || count == 0)
		return real(fd, message, flags);
	length = shorter(all_of(whole, (int)count), STREAM, writing);
	message->msg_iov = cut;
	message->msg_iovlen = (size_t)cut_vectors(cut, whole, (int)count, length);
	result = real(fd, message, flags);
	message->msg_iov = whole;
	message->msg_iovlen = count;
	return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	REAL(sendmsg);
	return cut_message((ssize_t(*)(int, struct msghdr *, int))(void *)real, fd,
		(struct msghdr *)(uintptr_t)message, flags, 1);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	REAL(recvmsg);
	return cut_message(real, fd, message, flags, 0);
}

/* What the C library's headers make of these when they know the buffer's size. */
ssize_t __read_chk(int fd, void *to, size_t length, size_t size);
ssize_t __read_chk(int fd, void *to, size_t length, size_t size)
{
	(void)size;
	return read(fd, to, length);
}

ssize_t __recv_chk(int fd, void *to, size_t length, size_t size, int flags);
ssize_t __recv_chk(int fd, void *to, size_t length, size_t size, int flags)
{
	(void)size;
	return recv(fd, to, length, flags);
}

static void make_small(int fd)
{
	int before = errno;
	int (*control)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");

	control(fd, F_SETPIPE_SZ, SMALLEST_PIPE);
	errno = before;
}

int pipe2(int ends[2], int flags)
{
	REAL(pipe2);
	int result = real(ends, flags);

	if (result == 0)
		make_small(ends[0]);
	return result;
}

int pipe(int ends[2])
{
	return pipe2(ends, 0);
}

static int control(int fd, int command, uintptr_t argument)
{
	static int (*real)(int, int, ...);

	if (real == NULL)
		real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
	if (command == F_SETPIPE_SZ)
		argument = SMALLEST_PIPE;
	return real(fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
	va_list list;
	uintptr_t argument;

	va_start(list, command);
	argument = va_arg(list, uintptr_t);
	va_end(list);
	return control(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
	va_list list;
	uintptr_t argument;

	va_start(list, command);
	argument = va_arg(list, uintptr_t);
	va_end(list);
	return control(fd, command, argument);
}
