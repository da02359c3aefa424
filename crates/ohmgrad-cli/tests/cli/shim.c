/* Counts writes, syncs and renames of files, and lets the one of number FAULT_AT fail; FAULT_KILLS: ends the process there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static long seen = 0;

static int fails(void)
{
    const char *at = getenv("FAULT_AT");
    if (__sync_add_and_fetch(&seen, 1) != (at ? atol(at) : 0))
        return 0;
    if (getenv("FAULT_KILLS"))
        raise(SIGKILL);
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t count)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "write");
    return file > 2 && fails() ? -1 : real(file, bytes, count);
}

int fsync(int file)
{
    static int (*real)(int);
    if (!real)
        real = dlsym(RTLD_NEXT, "fsync");
    return fails() ? -1 : real(file);
}

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    if (!real)
        real = dlsym(RTLD_NEXT, "rename");
    return fails() ? -1 : real(from, to);
}
