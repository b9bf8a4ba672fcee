// Verbs on the file system: what is there, what can be read and written, what is mounted.
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_status_of(const char *path)
{
    struct stat status;
    fact_text("path", path, strlen(path));
    if (lstat(path, &status) == -1) {
        fact_error(errno);
        return;
    }
    print_file_kind(status.st_mode, status.st_rdev);
    fact("mode", "%04o", status.st_mode & 07777);
    fact("uid", "%u", status.st_uid);
    fact("gid", "%u", status.st_gid);
    fact("size", "%lld", (long long)status.st_size);
    if (S_ISLNK(status.st_mode)) {
        char target[PATH_MAX];
        ssize_t length = readlink(path, target, sizeof target);
        fact_text("target", target, length == -1 ? 0 : (size_t)length);
    }
    fact_error(0);
}

static int stat_paths(int count, char **args)
{
    for (int i = 0; i < count; i++)
        print_status_of(args[i]);
    return EXIT_SUCCESS;
}

static int write_text(const char *path, const char *text, int flags)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (file == -1)
        return report(-1);
    long outcome = write_all(file, text, strlen(text)) ? 0 : -1;
    return report(outcome == 0 ? close(file) : outcome);
}

static int write_file(int count, char **args)
{
    return write_text(args[0], args[1], O_TRUNC);
}

static int append_to_file(int count, char **args)
{
    return write_text(args[0], args[1], O_APPEND);
}

static int read_file(int count, char **args)
{
    int file = open(args[0], O_RDONLY | O_CLOEXEC);
    if (file == -1)
        return report(-1);
    fputs("text=", stdout);
    char buffer[65536];
    ssize_t length;
    while ((length = read(file, buffer, sizeof buffer)) > 0)
        print_text(buffer, (size_t)length);
    int error = errno;
    putchar('\n');
    errno = error;
    return report(length);
}

static int open_file(int count, char **args)
{
    bool writing = strcmp(args[1], "w") == 0;
    if (!writing && strcmp(args[1], "r") != 0) {
        fputs("usage: probe open PATH r|w\n", stderr);
        return EXIT_USAGE;
    }
    return report(
        open(args[0], (writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

static int make_directory(int count, char **args)
{
    return report(mkdir(args[0], 0777));
}

static int make_socket(int count, char **args)
{
    return report(mknod(args[0], S_IFSOCK | 0666, 0));
}

static int rename_file(int count, char **args)
{
    return report(rename(args[0], args[1]));
}

// Until it is killed.
static int exchange_files(int count, char **args)
{
    long outcome = 0;
    while (outcome == 0)
        outcome = renameat2(AT_FDCWD, args[0], AT_FDCWD, args[1], RENAME_EXCHANGE);
    return report(outcome);
}

static int unlink_file(int count, char **args)
{
    return report(unlink(args[0]));
}

static int change_mode(int count, char **args)
{
    return report(chmod(args[1], (mode_t)parse_octal(args[0])));
}

static int change_owner(int count, char **args)
{
    return report(chown(args[1], (uid_t)parse_number(args[0]), (gid_t)-1));
}

static int open_many(int count, char **args)
{
    unsigned long long wanted = parse_number(args[0]), opened = 0;
    int error = 0;
    while (opened < wanted && error == 0) {
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) == -1)
            error = errno;
        else
            opened++;
    }
    fact("opened", "%llu", opened);
    fact_error(error);
    return EXIT_SUCCESS;
}

static int watch_many(int count, char **args)
{
    unsigned long long wanted = parse_number(args[0]), opened = 0;
    int error = 0;
    while (opened < wanted && error == 0) {
        if (inotify_init1(IN_CLOEXEC) == -1)
            error = errno;
        else
            opened++;
    }
    fact("opened", "%llu", opened);
    fact_error(error);
    return EXIT_SUCCESS;
}

// Changes the first byte through the memory of the file.
static int overwrite_mapped(int count, char **args)
{
    int file = open(args[0], O_RDWR | O_CLOEXEC);
    if (file == -1)
        return report(-1);
    char *byte = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (byte == MAP_FAILED)
        return report(-1);
    *byte = args[1][0];
    return report(munmap(byte, 1));
}

static int is_not_dot(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

// By bytes: alphasort(3) follows the locale.
static int compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int list_directory(int count, char **args)
{
    struct dirent **entries;
    int entry_count = scandir(args[0], &entries, is_not_dot, compare_names);
    if (entry_count == -1)
        return report(-1);
    for (int i = 0; i < entry_count; i++)
        fact_text("entry", entries[i]->d_name, strlen(entries[i]->d_name));
    return report(0);
}

// A line of mountinfo: "ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAG...] - FSTYPE SOURCE
// SUPEROPTIONS". Spaces within a field are escaped by the kernel.
static void print_mount(char *line)
{
    char *fields[6] = {0};
    char *rest = line;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        fields[i] = strsep(&rest, " ");
    char *separator = rest ? strstr(rest, "- ") : NULL;
    if (!separator)
        return;
    rest = separator + strlen("- ");
    char *type = strsep(&rest, " ");
    strsep(&rest, " ");
    fact("mount", "%s %s %s %s", fields[4], type, fields[5], rest ? rest : "");
}

static int print_mounts(int count, char **args)
{
    FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
    if (!mountinfo)
        return report(-1);
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, mountinfo) != -1) {
        line[strcspn(line, "\n")] = '\0';
        print_mount(line);
    }
    free(line);
    fclose(mountinfo);
    return report(0);
}

static int fill_file(int count, char **args)
{
    static const char zeros[1 << 20];
    unsigned long long wanted = parse_number(args[1]), written = 0;
    int error = 0;
    int file = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file == -1)
        error = errno;
    while (error == 0 && written < wanted) {
        unsigned long long left = wanted - written;
        ssize_t length = write(file, zeros, left < sizeof zeros ? (size_t)left : sizeof zeros);
        if (length == -1)
            error = errno;
        else
            written += (unsigned long long)length;
    }
    fact("written", "%llu", written);
    fact_error(error);
    return EXIT_SUCCESS;
}

const struct verb file_verbs[] = {
    {"stat", "PATH...", 1, -1, stat_paths},
    {"write", "PATH TEXT", 2, 2, write_file},
    {"append", "PATH TEXT", 2, 2, append_to_file},
    {"read", "PATH", 1, 1, read_file},
    {"open", "PATH r|w", 2, 2, open_file},
    {"mkdir", "PATH", 1, 1, make_directory},
    {"mksock", "PATH", 1, 1, make_socket},
    {"rename", "OLD NEW", 2, 2, rename_file},
    {"unlink", "PATH", 1, 1, unlink_file},
    {"chmod", "MODE PATH", 2, 2, change_mode},
    {"exchange", "PATH PATH", 2, 2, exchange_files},
    {"chown", "UID PATH", 2, 2, change_owner},
    {"open-many", "COUNT", 1, 1, open_many},
    {"inotify-many", "COUNT", 1, 1, watch_many},
    {"overwrite-mapped", "PATH TEXT", 2, 2, overwrite_mapped},
    {"list", "PATH", 1, 1, list_directory},
    {"mounts", "", 0, 0, print_mounts},
    {"fill", "PATH BYTES", 2, 2, fill_file},
    {0},
};
