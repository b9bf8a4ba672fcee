// The probe: one static program that says what a process inside a container sees and may do.
//
// The integration tests start it as the container's command and read its facts. It is one program
// with verbs, so that a test says what it checks and nothing has to be downloaded. See probe.h for
// the format of the output.
#include "probe.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static const struct verb *const verb_tables[] = {self_verbs,    file_verbs,  process_verbs,
                                                 attempt_verbs, right_verbs, setuid_verbs,
                                                 posture_verbs, pour_verbs};
enum { TABLE_COUNT = sizeof verb_tables / sizeof verb_tables[0] };

static const struct verb *find_verb(const char *name)
{
    for (size_t table = 0; table < TABLE_COUNT; table++) {
        for (const struct verb *verb = verb_tables[table]; verb->name; verb++) {
            if (strcmp(verb->name, name) == 0)
                return verb;
        }
    }
    return NULL;
}

static void print_verbs(void)
{
    fputs("usage: probe VERB [ARGUMENTS]\n", stderr);
    for (size_t table = 0; table < TABLE_COUNT; table++) {
        for (const struct verb *verb = verb_tables[table]; verb->name; verb++)
            fprintf(stderr, "  %s %s\n", verb->name, verb->usage);
    }
}

int main(int argc, char **argv)
{
    const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
    if (!verb) {
        print_verbs();
        return EXIT_USAGE;
    }
    int count = argc - 2;
    if (count < verb->least || (verb->most >= 0 && count > verb->most)) {
        fprintf(stderr, "usage: probe %s %s\n", verb->name, verb->usage);
        return EXIT_USAGE;
    }
    int status = verb->run(count, argv + 2);
    return fflush(stdout) == 0 ? status : EXIT_FAILURE;
}

void fact(const char *key, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    printf("%s=", key);
    vprintf(format, values);
    putchar('\n');
    va_end(values);
}

// Octal escapes have three digits always, so that a following digit cannot be taken for a part of
// them.
static void print_escaped(unsigned char byte)
{
    switch (byte) {
    case '\n': fputs("\\n", stdout); break;
    case '\t': fputs("\\t", stdout); break;
    case '\r': fputs("\\r", stdout); break;
    case '\\': fputs("\\\\", stdout); break;
    default:
        if (byte < 0x20 || byte == 0x7f)
            printf("\\%03o", byte);
        else
            putchar(byte);
    }
}

void print_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        print_escaped((unsigned char)text[i]);
}

void fact_text(const char *key, const char *text, size_t length)
{
    printf("%s=", key);
    print_text(text, length);
    putchar('\n');
}

void fact_error(int error)
{
    const char *name = strerrorname_np(error);
    if (name)
        fact("errno", "%s", name);
    else
        fact("errno", "%d", error);
}

int report(long outcome)
{
    int error = outcome == -1 ? errno : 0;
    fact("result", "%s", error ? "failed" : "ok");
    fact_error(error);
    return EXIT_SUCCESS;
}

static _Noreturn void refuse_argument(const char *text, const char *expected)
{
    fprintf(stderr, "probe: %s: not %s\n", text, expected);
    exit(EXIT_USAGE);
}

static unsigned long long parse_unsigned(const char *text, int base, const char *expected)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        refuse_argument(text, expected);
    return value;
}

unsigned long long parse_number(const char *text)
{
    return parse_unsigned(text, 10, "a number");
}

unsigned long parse_octal(const char *text)
{
    unsigned long long mode = parse_unsigned(text, 8, "an octal mode");
    if (mode > 07777)
        refuse_argument(text, "an octal mode");
    return (unsigned long)mode;
}

double parse_seconds(const char *text)
{
    char *end = NULL;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > INT_MAX)
        refuse_argument(text, "a number of seconds");
    return seconds;
}

void sleep_seconds(double seconds)
{
    fflush(stdout);
    time_t whole = (time_t)seconds;
    struct timespec left = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        continue;
}

static const char *file_type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symlink";
    case S_IFCHR: return "char";
    case S_IFBLK: return "block";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    default: return "unknown";
    }
}

void print_file_kind(mode_t mode, dev_t device)
{
    fact("type", "%s", file_type_name(mode));
    fact("major", "%u", major(device));
    fact("minor", "%u", minor(device));
}

bool write_all(int descriptor, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = write(descriptor, next, length);
        if (written == -1) {
            if (errno == EINTR)
                continue;
            return false;
        }
        next += written;
        length -= (size_t)written;
    }
    return true;
}

bool is_machines_own_pid_namespace(void)
{
    static const ino_t first_pid_namespace =
        0xEFFFFFFC; // PROC_PID_INIT_INO in the kernel, the same since 3.8
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == first_pid_namespace;
}
