/*
 * A library to be preloaded: a wall clock that is set while programs run. CLOCK_JUMP names a file
 * of 8 bytes, how many nanoseconds the clock differs from the true one; whoever writes there sets
 * the clock of all. The monotonic clock is left alone, as the kernel does.
 *
 * Waits until a moment of the wall clock end when that clock gets there, also when it is set while
 * they wait: that is how the kernel does it too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* In glibc's flags: this condition's waits are by the monotonic clock. */
#define MONOTONIC 2

#define SECOND 1000000000LL
#define SLICE  (SECOND / 100) /* how late a wait may learn that the clock was set */

static _Atomic int64_t nothing;
static _Atomic int64_t *offset = &nothing;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CLOCK_JUMP");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		offset = page;
}

#define REAL(name)                                                                                 \
	static __typeof__(&name) real;                                                             \
	if (real == NULL)                                                                          \
	real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int64_t to_ns(const struct timespec *moment)
{
	return moment->tv_sec * SECOND + moment->tv_nsec;
}

static struct timespec from_ns(int64_t ns)
{
	return (struct timespec){ns / SECOND, ns % SECOND};
}

static int is_wall(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	REAL(clock_gettime);
	int result = real(clock, now);

	if (result == 0 && is_wall(clock))
		*now = from_ns(to_ns(now) + *offset);
	return result;
}

int timespec_get(struct timespec *now, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	*now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *also)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (also != NULL)
		*also = now.tv_sec;
	return now.tv_sec;
}

/* Where the true clock stands at the end of the next slice of a wait until `moment`; 0 when the
 * clock that was set is there already. */
static int next_slice(const struct timespec *moment, struct timespec *until)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_REALTIME, &now);
	left = to_ns(moment) - to_ns(&now);
	if (left <= 0)
		return 0;
	*until = from_ns(to_ns(&now) - *offset + (left < SLICE ? left : SLICE));
	return 1;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
	const struct timespec *restrict moment)
{
	REAL(pthread_cond_timedwait);
	struct timespec until;
	int result = ETIMEDOUT;

	if ((condition->__data.__wrefs & MONOTONIC) != 0)
		return real(condition, mutex, moment);

	while (result == ETIMEDOUT && next_slice(moment, &until))
		result = real(condition, mutex, &until);
	return result;
}

int cnd_timedwait(
	cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict moment)
{
	REAL(cnd_timedwait);
	struct timespec until;
	int result = thrd_timedout;

	while (result == thrd_timedout && next_slice(moment, &until))
		result = real(condition, mutex, &until);
	return result;
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict moment)
{
	REAL(sem_timedwait);
	struct timespec until;

	while (next_slice(moment, &until)) {
		int result = real(semaphore, &until);

		if (result == 0 || errno != ETIMEDOUT)
			return result;
	}
	errno = ETIMEDOUT;
	return -1;
}
