// The verb `setuid HOW PATH`: leaves a setuid or setgid file (or a setgid directory) in one of the
// ways that the kernel has. In a writable volume any user of the host could then run it as its
// owner.
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

// Calls that arm64 does not have, where the C library's function makes the newer one.
#ifdef SYS_open
#define OLD_CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#else
#define OLD_CALL(name, ...) name(__VA_ARGS__)
#endif

enum { SETUID_MODE = S_ISUID | 0755, SETGID_MODE = S_ISGID | 0755 };

// Returns -1 with errno set when it was denied.
typedef long setuid_function(const char *path);

static long make_plain(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0755);
}

static long by_chmod(const char *path)
{
    return make_plain(path) == -1 ? -1 : OLD_CALL(chmod, path, SETUID_MODE);
}

static long by_chmod_setgid(const char *path)
{
    return make_plain(path) == -1 ? -1 : OLD_CALL(chmod, path, SETGID_MODE);
}

static long by_fchmod(const char *path)
{
    long file = make_plain(path);
    return file == -1 ? -1 : syscall(SYS_fchmod, file, SETUID_MODE);
}

static long by_fchmodat(const char *path)
{
    return make_plain(path) == -1 ? -1 : syscall(SYS_fchmodat, AT_FDCWD, path, SETUID_MODE);
}

static long by_fchmodat2(const char *path)
{
    return make_plain(path) == -1 ? -1 : syscall(SYS_fchmodat2, AT_FDCWD, path, SETUID_MODE, 0);
}

static long by_open(const char *path)
{
    return OLD_CALL(open, path, O_WRONLY | O_CREAT | O_EXCL, SETUID_MODE);
}

static long by_openat(const char *path)
{
    return syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, SETUID_MODE);
}

static long by_openat2(const char *path)
{
    struct open_how how = {.flags = O_WRONLY | O_CREAT | O_EXCL, .mode = SETUID_MODE};
    return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static long by_creat(const char *path)
{
    return OLD_CALL(creat, path, SETUID_MODE);
}

// A file without a name, which gets one afterwards: O_CREAT is not among the flags.
static long by_unnamed_file(const char *path)
{
    char directory[256], link[32];
    const char *slash = strrchr(path, '/');
    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path + 1) : 1,
             slash ? path : ".");
    long file = syscall(SYS_openat, AT_FDCWD, directory, O_WRONLY | O_TMPFILE, SETUID_MODE);
    if (file == -1)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%ld", file);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static long by_mknod(const char *path)
{
    return OLD_CALL(mknod, path, S_IFREG | SETUID_MODE, 0);
}

static long by_mknodat(const char *path)
{
    return syscall(SYS_mknodat, AT_FDCWD, path, S_IFREG | SETUID_MODE, 0);
}

static const struct {
    const char *name;
    setuid_function *run;
} ways[] = {
    {"chmod", by_chmod},       {"chmod-setgid", by_chmod_setgid},
    {"fchmod", by_fchmod},     {"fchmodat", by_fchmodat},
    {"fchmodat2", by_fchmodat2}, {"open", by_open},
    {"openat", by_openat},     {"openat2", by_openat2},
    {"creat", by_creat},       {"tmpfile", by_unnamed_file},
    {"mknod", by_mknod},       {"mknodat", by_mknodat},
};
enum { WAY_COUNT = sizeof ways / sizeof ways[0] };

static int leave_setuid_file(int count, char **args)
{
    for (size_t i = 0; i < WAY_COUNT; i++) {
        if (strcmp(ways[i].name, args[0]) != 0)
            continue;
        umask(0);
        long outcome = ways[i].run(args[1]);
        int error = outcome == -1 ? errno : 0;
        fact("result", "%s", outcome == -1 ? "denied" : "succeeded");
        fact_error(error);
        return EXIT_SUCCESS;
    }
    fputs("usage: probe setuid HOW PATH, where HOW is one of", stderr);
    for (size_t i = 0; i < WAY_COUNT; i++)
        fprintf(stderr, " %s", ways[i].name);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

const struct verb setuid_verbs[] = {
    {"setuid", "HOW PATH", 2, 2, leave_setuid_file},
    {0},
};
