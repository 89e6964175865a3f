/* Preloaded into the tests and all they start, it is another day for them: the wall clock is OTHERDAY seconds further,
 * and so is every stamp of a file, as they were written on that day; what sets a stamp is told back.  Durations, and
 * clocks that count from the machine's start, stay as they are.  See bin/otherday. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <utime.h>

static time_t ahead(void)
{
    static time_t seconds;
    static int known;
    if (!known) {
        const char *text = getenv("OTHERDAY");
        seconds = text ? atoll(text) : 0;
        known = 1;
    }
    return seconds;
}

/* What libc itself would do. */
#define REAL(result, name, ...)                                     \
    static result (*real)(__VA_ARGS__);                             \
    if (!real)                                                      \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

/* -- what time it is -- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL(int, clock_gettime, clockid_t, struct timespec *);
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    REAL(int, gettimeofday, struct timeval *restrict, void *restrict);
    int failed = real(now, zone);
    if (!failed)
        now->tv_sec += ahead();
    return failed;
}

time_t time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (into)
        *into = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

/* Until when to wait, by the wall clock, which the kernel knows as it really is. */
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    REAL(int, sem_timedwait, sem_t *restrict, const struct timespec *restrict);
    struct timespec meant = *until;
    meant.tv_sec -= ahead();
    return real(semaphore, &meant);
}

/* -- when a file was written -- */

static int shown(int failed, struct stat *found)
{
    if (!failed) {
        found->st_atim.tv_sec += ahead();
        found->st_mtim.tv_sec += ahead();
        found->st_ctim.tv_sec += ahead();
    }
    return failed;
}

static int shown64(int failed, struct stat64 *found)
{
    if (!failed) {
        found->st_atim.tv_sec += ahead();
        found->st_mtim.tv_sec += ahead();
        found->st_ctim.tv_sec += ahead();
    }
    return failed;
}

#define BY_PATH(name, kind, show)                                   \
    int name(const char *restrict path, struct kind *restrict into) \
    {                                                               \
        REAL(int, name, const char *, struct kind *);               \
        return show(real(path, into), into);                        \
    }
#define BY_NUMBER(name, kind, show)                                 \
    int name(int file, struct kind *into)                           \
    {                                                               \
        REAL(int, name, int, struct kind *);                        \
        return show(real(file, into), into);                        \
    }
#define IN_FOLDER(name, kind, show)                                                                \
    int name(int folder, const char *restrict path, struct kind *restrict into, int flags)         \
    {                                                                                              \
        REAL(int, name, int, const char *, struct kind *, int);                                    \
        return show(real(folder, path, into, flags), into);                                        \
    }
BY_PATH(stat, stat, shown)
BY_PATH(lstat, stat, shown)
BY_NUMBER(fstat, stat, shown)
IN_FOLDER(fstatat, stat, shown)
BY_PATH(stat64, stat64, shown64)
BY_PATH(lstat64, stat64, shown64)
BY_NUMBER(fstat64, stat64, shown64)
IN_FOLDER(fstatat64, stat64, shown64)

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict into)
{
    REAL(int, statx, int, const char *, int, unsigned, struct statx *);
    int failed = real(folder, path, flags, mask, into);
    if (!failed) {
        into->stx_atime.tv_sec += ahead();
        into->stx_btime.tv_sec += ahead();
        into->stx_ctime.tv_sec += ahead();
        into->stx_mtime.tv_sec += ahead();
    }
    return failed;
}

/* -- when a file shall have been written -- */

static const struct timespec *kept(const struct timespec given[2], struct timespec meant[2])
{
    if (!given)
        return NULL;
    for (int i = 0; i < 2; i++) {
        meant[i] = given[i];
        if (meant[i].tv_nsec != UTIME_NOW && meant[i].tv_nsec != UTIME_OMIT)
            meant[i].tv_sec -= ahead();
    }
    return meant;
}

int utimensat(int folder, const char *path, const struct timespec given[2], int flags)
{
    REAL(int, utimensat, int, const char *, const struct timespec[2], int);
    struct timespec meant[2];
    return real(folder, path, kept(given, meant), flags);
}

int futimens(int file, const struct timespec given[2])
{
    REAL(int, futimens, int, const struct timespec[2]);
    struct timespec meant[2];
    return real(file, kept(given, meant));
}

int utimes(const char *path, const struct timeval given[2])
{
    if (!given)
        return utimensat(AT_FDCWD, path, NULL, 0);
    struct timespec exact[2];
    for (int i = 0; i < 2; i++)
        exact[i] = (struct timespec){given[i].tv_sec, given[i].tv_usec * 1000};
    return utimensat(AT_FDCWD, path, exact, 0);
}

int utime(const char *path, const struct utimbuf *given)
{
    if (!given)
        return utimensat(AT_FDCWD, path, NULL, 0);
    struct timespec exact[2] = {{given->actime, 0}, {given->modtime, 0}};
    return utimensat(AT_FDCWD, path, exact, 0);
}
