// Verbs that do something as a process: end, print a lot, wait for signals, leave children behind,
// take memory.
#include "probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int exit_with(int count, char **args)
{
    return (int)(parse_number(args[0]) & 0xff);
}

static int kill_self(int count, char **args)
{
    int number = 0;
    if (isdigit((unsigned char)args[0][0]))
        number = (int)parse_number(args[0]);
    for (int candidate = 1; number == 0 && candidate < NSIG; candidate++) {
        const char *name = sigabbrev_np(candidate);
        if (name && (strcmp(args[0], name) == 0))
            number = candidate;
    }
    if (number <= 0 || number >= NSIG) {
        fprintf(stderr, "probe: %s: not a signal (TERM, 15)\n", args[0]);
        return EXIT_USAGE;
    }
    kill(getpid(), number);
    // Reached when the signal is ignored, blocked or harmless.
    fact("survived", "1");
    return EXIT_SUCCESS;
}

static int sleep_for(int count, char **args)
{
    sleep_seconds(parse_seconds(args[0]));
    return EXIT_SUCCESS;
}

static int print_bytes(int count, char **args)
{
    for (int i = 0; i < count; i++) {
        size_t length = strlen(args[i]);
        if (length % 2 != 0 || strspn(args[i], "0123456789abcdefABCDEF") != length) {
            fprintf(stderr, "probe: %s: not pairs of hexadecimal digits\n", args[i]);
            return EXIT_USAGE;
        }
        for (size_t at = 0; at < length; at += 2) {
            char pair[] = {args[i][at], args[i][at + 1], '\0'};
            putchar((int)strtoul(pair, NULL, 16));
        }
    }
    return EXIT_SUCCESS;
}

static void increment_decimal(char *digits, size_t count)
{
    while (count-- > 0) {
        if (digits[count] != '9') {
            digits[count]++;
            return;
        }
        digits[count] = '0';
    }
}

// Counts in ASCII and copies, because the reader of these lines is measured, not printf(3).
static int print_lines(int count, char **args)
{
    enum { DEFAULT_WIDTH = 80, DIGITS = 10, BUFFER_SIZE = 1 << 20 };
    static char buffer[BUFFER_SIZE];
    unsigned long long lines = parse_number(args[0]);
    unsigned long long width = count > 1 ? parse_number(args[1]) : DEFAULT_WIDTH;
    if (width < 2 || width > BUFFER_SIZE) {
        fprintf(stderr, "probe: the width is 2 to %d bytes, the newline included\n", BUFFER_SIZE);
        return EXIT_USAGE;
    }
    size_t line_length = (size_t)width;
    size_t digits = line_length - 1 < DIGITS ? line_length - 1 : DIGITS;
    char *line = malloc(line_length);
    if (!line)
        return EXIT_FAILURE;
    memset(line, 'x', line_length);
    memset(line, '0', digits);
    line[line_length - 1] = '\n';
    size_t used = 0;
    for (unsigned long long i = 0; i < lines; i++) {
        increment_decimal(line, digits);
        memcpy(buffer + used, line, line_length);
        used += line_length;
        if (used + line_length > sizeof buffer || i + 1 == lines) {
            if (!write_all(STDOUT_FILENO, buffer, used))
                return EXIT_FAILURE;
            used = 0;
        }
    }
    return EXIT_SUCCESS;
}

static int print_lines_on_both(int count, char **args)
{
    unsigned long long lines = parse_number(args[0]);
    for (unsigned long long i = 1; i <= lines; i++) {
        if (dprintf(STDOUT_FILENO, "stdout=%llu\n", i) < 0 ||
            dprintf(STDERR_FILENO, "stderr=%llu\n", i) < 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

// Lines that say when they were written, in nanoseconds of the monotonic clock.
static int print_clock(int count, char **args)
{
    unsigned long long lines = parse_number(args[0]);
    double pause = parse_seconds(args[1]);
    for (unsigned long long i = 0; i < lines; i++) {
        struct timespec now;
        sleep_seconds(pause);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (dprintf(STDOUT_FILENO, "time=%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec) < 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static void say_ready(void)
{
    fact("ready", "1");
    fflush(stdout);
}

static int ignore_signals(int count, char **args)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    double seconds = parse_seconds(args[0]);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    say_ready();
    sleep_seconds(seconds);
    return EXIT_SUCCESS;
}

static int await_signals(int count, char **args)
{
    enum { PATIENCE_SECONDS = 30 };
    static const int awaited[] = {SIGHUP,  SIGINT,  SIGQUIT,  SIGUSR1, SIGUSR2, SIGALRM, SIGTERM,
                                  SIGCONT, SIGTSTP, SIGWINCH, SIGPWR,  SIGTTIN, SIGTTOU};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof awaited / sizeof awaited[0]; i++)
        sigaddset(&set, awaited[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    say_ready();
    time_t end = time(NULL) + PATIENCE_SECONDS;
    for (time_t now = time(NULL); now < end; now = time(NULL)) {
        struct timespec left = {.tv_sec = end - now};
        int number = sigtimedwait(&set, NULL, &left);
        if (number == -1)
            continue;
        fact("signal", "%s", sigabbrev_np(number));
        fflush(stdout);
        if (number == SIGINT || number == SIGTERM)
            return EXIT_SUCCESS;
    }
    fact("timeout", "1");
    return EXIT_FAILURE;
}

static int leave_daemon(int count, char **args)
{
    double seconds = parse_seconds(args[0]);
    pid_t child = fork();
    if (child == -1)
        return report(-1);
    if (child == 0) {
        setsid();
        if (fork() == 0)
            sleep_seconds(seconds);
        _exit(EXIT_SUCCESS);
    }
    waitpid(child, NULL, 0);
    return report(0);
}

// The number of zombies that /proc shows, or -1.
static int count_zombies(void)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return -1;
    int zombies = 0;
    struct dirent *entry;
    while ((entry = readdir(processes))) {
        char path[300], line[1024];
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *stat_file = isdigit((unsigned char)entry->d_name[0]) ? fopen(path, "re") : NULL;
        if (!stat_file)
            continue;
        const char *after_name = fgets(line, sizeof line, stat_file) ? strrchr(line, ')') : NULL;
        if (after_name && strncmp(after_name, ") Z", 3) == 0)
            zombies++;
        fclose(stat_file);
    }
    closedir(processes);
    return zombies;
}

// The orphans wait on `start` until their parent is gone, so that their end is certainly PID 1's to
// notice.
static void fork_orphans(unsigned long long wanted, const int start[2], int report_to)
{
    unsigned int made = 0;
    close(start[1]);
    for (; made < wanted; made++) {
        pid_t orphan = fork();
        if (orphan == -1)
            break;
        if (orphan == 0) {
            char byte;
            _exit(read(start[0], &byte, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
    _exit(write_all(report_to, &made, sizeof made) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int make_orphans(int count, char **args)
{
    enum { ATTEMPTS = 100 };
    unsigned long long wanted = parse_number(args[0]);
    int start[2], made_pipe[2];
    unsigned int made = 0;
    if (pipe2(start, O_CLOEXEC) == -1 || pipe2(made_pipe, O_CLOEXEC) == -1)
        return report(-1);
    pid_t parent_of_orphans = fork();
    if (parent_of_orphans == -1)
        return report(-1);
    if (parent_of_orphans == 0)
        fork_orphans(wanted, start, made_pipe[1]);
    close(made_pipe[1]);
    if (read(made_pipe[0], &made, sizeof made) != sizeof made)
        return EXIT_FAILURE;
    waitpid(parent_of_orphans, NULL, 0);
    close(start[1]);
    // EOF: every orphan has closed its copy, that is, it is ending.
    char byte;
    while (read(made_pipe[0], &byte, 1) > 0)
        continue;
    sleep_seconds(0.05);
    int zombies = count_zombies();
    for (int attempt = 0; zombies > 0 && attempt < ATTEMPTS; attempt++) {
        sleep_seconds(0.02);
        zombies = count_zombies();
    }
    fact("orphans", "%u", made);
    fact("zombies", "%d", zombies);
    return EXIT_SUCCESS;
}

// Each child waits for the end of the pipe whose other end only this process holds: none outlives
// it.
static int count_forks(int count, char **args)
{
    unsigned long long wanted = parse_number(args[0]), forked = 0;
    int alive[2], error = 0;
    if (pipe2(alive, O_CLOEXEC) == -1)
        return report(-1);
    while (forked < wanted && error == 0) {
        pid_t child = fork();
        if (child == -1) {
            error = errno;
        } else if (child == 0) {
            char byte;
            close(alive[1]);
            _exit(read(alive[0], &byte, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        } else {
            forked++;
        }
    }
    fact("forked", "%llu", forked);
    fact_error(error);
    fflush(stdout);
    close(alive[1]);
    while (wait(NULL) > 0)
        continue;
    return EXIT_SUCCESS;
}

static int take_memory(int count, char **args)
{
    enum { CHUNK = 1 << 20 };
    unsigned long long wanted = parse_number(args[0]), taken = 0;
    double seconds = parse_seconds(args[1]);
    int error = 0;
    while (taken < wanted && error == 0) {
        size_t length = wanted - taken < CHUNK ? (size_t)(wanted - taken) : CHUNK;
        void *memory =
            mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            error = errno;
        } else {
            memset(memory, 1, length); // a page counts only when it is touched
            taken += length;
        }
    }
    fact("allocated", "%llu", taken);
    fact_error(error);
    sleep_seconds(seconds);
    return EXIT_SUCCESS;
}

static int execute(int count, char **args)
{
    return report(execv(args[0], args));
}

static int call_system(int count, char **args)
{
    enum { MOST_ARGUMENTS = 6 };
    long values[1 + MOST_ARGUMENTS] = {0};
    for (int i = 0; i < count; i++) {
        char *end = NULL;
        // Base 0 for flags in hexadecimal; unsigned, and negative numbers wrap, because an argument
        // is a register.
        values[i] = (long)strtoul(args[i], &end, 0);
        if (end == args[i] || *end != '\0') {
            fprintf(stderr, "probe: %s: not a number\n", args[i]);
            return EXIT_USAGE;
        }
    }
    long result =
        syscall(values[0], values[1], values[2], values[3], values[4], values[5], values[6]);
    int error = result == -1 ? errno : 0;
    fact("result", "%ld", result);
    fact_error(error);
    return EXIT_SUCCESS;
}

static void note_alarm(int number) {}

// Makes a system call without arguments again and again, in several processes at once, each of
// which a timer interrupts every half millisecond: a call that had to be made twice would be seen.
static int repeat_system_call(int count, char **args)
{
    unsigned long long processes = parse_number(args[0]), calls = parse_number(args[1]);
    long number = (long)parse_number(args[2]);
    struct sigaction noticing = {.sa_handler = note_alarm, .sa_flags = SA_RESTART};
    struct itimerval often = {{.tv_usec = 500}, {.tv_usec = 500}};
    sigaction(SIGALRM, &noticing, NULL);
    for (unsigned long long process = 0; process < processes; process++) {
        pid_t child = fork();
        if (child == -1)
            return report(-1);
        if (child == 0) {
            unsigned long long failed = 0;
            setitimer(ITIMER_REAL, &often, NULL);
            for (unsigned long long call = 0; call < calls; call++)
                failed += syscall(number) == -1;
            _exit(failed == calls ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
    bool all_failed = true;
    int status;
    while (wait(&status) > 0)
        all_failed = all_failed && status == 0;
    fact("all_failed", "%d", all_failed);
    return EXIT_SUCCESS;
}

const struct verb process_verbs[] = {
    {"exit", "STATUS", 1, 1, exit_with},
    {"kill-self", "SIGNAL", 1, 1, kill_self},
    {"sleep", "SECONDS", 1, 1, sleep_for},
    {"bytes", "HEX...", 1, -1, print_bytes},
    {"lines", "COUNT [WIDTH]", 1, 2, print_lines},
    {"lines-both", "COUNT", 1, 1, print_lines_on_both},
    {"clock", "COUNT SECONDS", 2, 2, print_clock},
    {"ignore-signals", "SECONDS", 1, 1, ignore_signals},
    {"await-signal", "", 0, 0, await_signals},
    {"daemon", "SECONDS", 1, 1, leave_daemon},
    {"orphans", "COUNT", 1, 1, make_orphans},
    {"forkbomb-count", "COUNT", 1, 1, count_forks},
    {"memory", "BYTES SECONDS", 2, 2, take_memory},
    {"exec", "PATH [ARGUMENT...]", 1, -1, execute},
    {"syscall", "NUMBER [ARGUMENT...]", 1, 7, call_system},
    {"repeat-syscall", "PROCESSES CALLS NUMBER", 3, 3, repeat_system_call},
    {0},
};
