// The verb `posture`: what this process could do, counted, so that container runtimes can be
// compared by what they leave and not by what they say.
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: System calls

// The numbers of Linux 6.17: those of the architecture, and from 424 on those that all have.
enum {
#if defined(__x86_64__)
    OWN_NUMBERS = 335,
#else
    OWN_NUMBERS = 295,
#endif
    FIRST_COMMON = 424,
    NUMBERS = 470,
    PATIENCE_MS = 10000,
};

// Says that a system call got through all filters. No call and no filter answers this.
enum { PASSED = EL2NSYNC };

enum verdict { NOT_ASKED = 0, ALLOWED, REFUSED, MISSING, KILLED };

struct survey {
    volatile int asked; // the number that is being asked about
    volatile int listener;
    volatile unsigned char verdict[NUMBERS];
};

static enum verdict ask(long number, long argument)
{
    if (syscall(number, argument, argument, argument, argument, argument, argument) != -1)
        return ALLOWED;
    switch (errno) {
    case PASSED: return ALLOWED;
    case ENOSYS: return MISSING;
    default: return REFUSED;
    }
}

// From here on every system call of this process that its filters allow is a question to its
// parent, and is not carried out: this filter is one more, and the strictest answer wins. So
// nothing is called, whatever the number. See seccomp_unotify(2).
static void ask_about_all(struct survey *survey)
{
    struct sock_filter ask_parent[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
    struct sock_fprog program = {.len = 1, .filter = ask_parent};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    survey->listener = listener == -1 ? -errno : (int)listener;
    // With two values each: a rule may look at the arguments.
    for (int number = survey->asked; listener != -1 && number < NUMBERS; number++) {
        survey->asked = number;
        if (number >= OWN_NUMBERS && number < FIRST_COMMON)
            continue;
        enum verdict verdict = ask(number, 0);
        survey->verdict[number] = (unsigned char)(verdict == ALLOWED ? verdict : ask(number, 1));
    }
    survey->asked = NUMBERS;
    for (;;)
        continue; // to end would be a system call
}

static void answer(int listener)
{
    struct seccomp_notif question = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) == -1)
        return;
    struct seccomp_notif_resp reply = {.id = question.id, .error = -PASSED};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

// Answers one child until it has asked about everything, or was killed for asking.
static bool answer_all(struct survey *survey, pid_t child)
{
    for (int waited = 0; survey->asked < NUMBERS && waited < PATIENCE_MS;) {
        if (waitpid(child, NULL, WNOHANG | __WALL) == child) {
            survey->verdict[survey->asked] = KILLED;
            survey->asked = survey->asked + 1;
            return true;
        }
        struct pollfd asked = {.fd = survey->listener, .events = POLLIN};
        if (survey->listener > 0 && poll(&asked, 1, 1) == 1 && (asked.revents & POLLIN) != 0) {
            answer(survey->listener);
        } else {
            if (survey->listener <= 0)
                sleep_seconds(0.001);
            waited++;
        }
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, __WALL);
    return survey->asked == NUMBERS && survey->listener > 0;
}

static void count_system_calls(void)
{
    struct survey *survey = mmap(NULL, sizeof *survey, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (survey == MAP_FAILED) {
        fact("syscalls", "%s", strerrorname_np(errno));
        return;
    }
    int counts[KILLED + 1] = {0};
    bool is_answered = true;
    while (is_answered && survey->asked < NUMBERS) {
        fflush(stdout);
        survey->listener = 0;
        // Shares the table of descriptors, and with it the listener.
        pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L);
        if (child == 0)
            ask_about_all(survey);
        is_answered = child > 0 && answer_all(survey, child);
        if (survey->listener > 0)
            close(survey->listener);
    }
    if (!is_answered) {
        fact("syscalls", "unknown: %s", strerrorname_np(-survey->listener));
        return;
    }
    for (int number = 0; number < NUMBERS; number++)
        counts[survey->verdict[number]]++;
    fact("syscalls_asked", "%d", NUMBERS - counts[NOT_ASKED]);
    fact("syscalls_allowed", "%d", counts[ALLOWED]);
    fact("syscalls_refused", "%d", counts[REFUSED]);
    fact("syscalls_missing", "%d", counts[MISSING]);
    fact("syscalls_killed", "%d", counts[KILLED]);
}

// MARK: Files

static int counted;

// Opens and closes; nothing is written. Files of processes are their own.
static int count_writable(const char *path, const struct stat *status, int kind,
                          struct FTW *position)
{
    if (position->level == 1 && strncmp(path, "/proc/", 6) == 0) {
        const char *name = path + 6;
        if (strspn(name, "0123456789") == strlen(name))
            return FTW_SKIP_SUBTREE;
    }
    if (kind != FTW_F || !S_ISREG(status->st_mode))
        return FTW_CONTINUE;
    int file = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (file != -1) {
        counted++;
        close(file);
    }
    return FTW_CONTINUE;
}

static int count_device(const char *path, const struct stat *status, int kind,
                        struct FTW *position)
{
    if (kind == FTW_F && (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)))
        counted++;
    return FTW_CONTINUE;
}

static void count_files(const char *key, const char *directory,
                        int (*count)(const char *, const struct stat *, int, struct FTW *))
{
    enum { DESCRIPTORS = 32 };
    counted = 0;
    if (is_machines_own_pid_namespace()) {
        fact(key, "not counted");
        return;
    }
    if (nftw(directory, count, DESCRIPTORS, FTW_PHYS | FTW_ACTIONRETVAL) == -1)
        fact(key, "%s", strerrorname_np(errno));
    else
        fact(key, "%d", counted);
}

// MARK: Processes and the process itself

static void count_processes(void)
{
    DIR *processes = opendir("/proc");
    int count = 0;
    struct dirent *entry;
    while (processes && (entry = readdir(processes)))
        count += strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
    fact("processes", "%d", count);
    if (processes)
        closedir(processes);
}

static void print_capability_counts(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[4096];
    unsigned long long mask;
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "CapEff: %llx", &mask) == 1)
            fact("capabilities_effective", "%d", __builtin_popcountll(mask));
        if (sscanf(line, "CapBnd: %llx", &mask) == 1)
            fact("capabilities_bounding", "%d", __builtin_popcountll(mask));
    }
    if (status)
        fclose(status);
}

// In the machine's own user namespace every id is itself.
static void print_user_namespace(void)
{
    FILE *map = fopen("/proc/self/uid_map", "re");
    unsigned long inside = 0, outside = 0, count = 0;
    bool is_whole = map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
                    inside == 0 && outside == 0 && count == 4294967295;
    fact("user_namespace", is_whole ? "host" : "own");
    fact("host_uid_of_root", "%lu", outside);
    if (map)
        fclose(map);
}

static void print_session_keyring(void)
{
    long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    if (serial == -1)
        fact("keyring", "%s", strerrorname_np(errno));
    else
        fact("keyring", "%ld", serial);
}

// Executes a program as whoever has logged in would: with a session keyring, which it says.
static int execute_in_keyring(int count, char **args)
{
    long serial = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (serial == -1)
        return report(-1);
    fact("callers_keyring", "%ld", serial);
    fflush(stdout);
    return report(execvp(args[0], args));
}

static int print_posture(int count, char **args)
{
    print_capability_counts();
    fact("no_new_privs", "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    print_user_namespace();
    print_session_keyring();
    count_processes();
    count_files("devices", "/dev", count_device);
    count_files("proc_writable", "/proc", count_writable);
    count_files("sys_writable", "/sys", count_writable);
    count_system_calls();
    return EXIT_SUCCESS;
}

const struct verb posture_verbs[] = {
    {"posture", "", 0, 0, print_posture},
    {"in-keyring", "PROGRAM [ARGUMENT...]", 1, -1, execute_in_keyring},
    {0},
};
