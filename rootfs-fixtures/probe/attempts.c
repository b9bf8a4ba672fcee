// The verb `try NAME`: one attack at a time, each of which the container has to refuse.
//
// `result=denied` with the errno, or `result=succeeded`. docs/security.md says which defence
// each of them tests. Attempts that would harm the system they run on refuse to run in the
// machine's own PID namespace, so that nobody takes down their workstation by trying one outside
// of a container.
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_alg.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INIT = 1 };

// Returns -1 with errno set when it was denied. `argument` may be NULL.
typedef long attempt_function(const char *argument);

static long unshare_user(const char *argument)
{
    return unshare(CLONE_NEWUSER);
}

static long unshare_mount(const char *argument)
{
    return unshare(CLONE_NEWNS);
}

static long mount_tmpfs(const char *argument)
{
    const char *target = argument ? argument : "/tmp";
    return mount("probe", target, "tmpfs", 0, NULL);
}

static long unmount_proc(const char *argument)
{
    return umount2("/proc", MNT_DETACH);
}

static long set_host_name(const char *argument)
{
    static const char name[] = "probe";
    return sethostname(name, strlen(name));
}

static long join_namespace_of_init(const char *argument)
{
    int namespace = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
    return namespace == -1 ? -1 : setns(namespace, CLONE_NEWNS);
}

static long trace_init(const char *argument)
{
    if (ptrace(PTRACE_ATTACH, INIT, NULL, NULL) == -1)
        return -1;
    // It can be let go only after it has stopped.
    waitpid(INIT, NULL, __WALL);
    ptrace(PTRACE_DETACH, INIT, NULL, NULL);
    return 0;
}

static long kill_init(const char *argument)
{
    long outcome = kill(INIT, SIGKILL);
    int error = errno;
    sleep_seconds(0.05);
    fact("init_exists", "%d", kill(INIT, 0) == 0 || errno != ESRCH);
    errno = error;
    return outcome;
}

static long terminate_init(const char *argument)
{
    return kill(INIT, SIGTERM);
}

static long limit_init(const char *argument)
{
    struct rlimit none = {0}; // of message queues, so that PID 1 survives a success
    return prlimit(INIT, RLIMIT_MSGQUEUE, &none, NULL);
}

// The host's piped dumps know the limit 1, and ignore 0.
static long lower_core_limit(const char *argument)
{
    struct rlimit limit = {0};
    if (setrlimit(RLIMIT_CORE, &limit) == -1 ||
        syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL) == -1)
        return -1;
    if (getrlimit(RLIMIT_CORE, &limit) == -1 || limit.rlim_cur == 0)
        return 0;
    errno = 0; // it said that it was done
    return -1;
}

static long lease_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    return file == -1 ? -1 : fcntl(file, F_SETLEASE, F_RDLCK);
}

static long reschedule_init(const char *argument)
{
    struct sched_param parameters = {0};
    long scheduled = sched_setscheduler(INIT, SCHED_BATCH, &parameters);
    return scheduled == 0 ? 0 : setpriority(PRIO_PROCESS, INIT, 19);
}

static long read_file_of_init(const char *path)
{
    char text[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file == -1)
        return -1;
    ssize_t length = read(file, text, sizeof text);
    if (length == -1)
        return -1;
    fact_text("text", text, (size_t)length);
    return 0;
}

static long read_environment_of_init(const char *argument)
{
    return read_file_of_init("/proc/1/environ");
}

static long read_command_line_of_init(const char *argument)
{
    return read_file_of_init("/proc/1/cmdline");
}

static long open_memory_of_init(const char *argument)
{
    return open("/proc/1/mem", O_RDONLY | O_CLOEXEC);
}

static long list_descriptors_of_init(const char *argument)
{
    return opendir("/proc/1/fd") ? 0 : -1;
}

static long open_root_of_init(const char *argument)
{
    return open("/proc/1/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static long make_setuid(const char *argument)
{
    if (argument)
        return chmod(argument, 04755);
    static const char path[] = "/tmp/probe-setuid";
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    if (file == -1)
        return -1;
    long outcome = fchmod(file, 04755);
    int error = errno;
    unlink(path);
    errno = error;
    return outcome;
}

static long find_session_keyring(const char *argument)
{
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

static long add_key(const char *argument)
{
    return syscall(SYS_add_key, "user", "probe", "x", 1UL, KEY_SPEC_PROCESS_KEYRING);
}

static long create_bpf_map(const char *argument)
{
    union bpf_attr map = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    return syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map);
}

static long open_performance_counter(const char *argument)
{
    struct perf_event_attr counter = {.type = PERF_TYPE_SOFTWARE,
                                      .size = sizeof counter,
                                      .config = PERF_COUNT_SW_TASK_CLOCK,
                                      .exclude_kernel = 1,
                                      .exclude_hv = 1};
    return syscall(SYS_perf_event_open, &counter, 0, -1, -1, 0UL);
}

static long open_userfaultfd(const char *argument)
{
    return syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
}

static long set_up_io_uring(const char *argument)
{
    struct io_uring_params parameters = {0};
    return syscall(SYS_io_uring_setup, 1U, &parameters);
}

static long wait_for_clone(long child)
{
    if (child == 0)
        _exit(EXIT_SUCCESS);
    if (child > 0)
        waitpid((pid_t)child, NULL, 0);
    return child;
}

static long clone_user_namespace(const char *argument)
{
    return wait_for_clone(
        syscall(SYS_clone, (unsigned long)(CLONE_NEWUSER | SIGCHLD), 0UL, 0UL, 0UL, 0UL));
}

static long clone_with_clone3(const char *argument)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    return wait_for_clone(syscall(SYS_clone3, &arguments, sizeof arguments));
}

static long push_input(const char *argument)
{
    return ioctl(STDIN_FILENO, TIOCSTI, "#");
}

// The kernel looks at the low 32 bits of the request only; a filter that compares all 64 lets this
// one through.
static long push_input_with_high_bits(const char *argument)
{
    return syscall(SYS_ioctl, STDIN_FILENO, TIOCSTI | 1UL << 32, "#");
}

static long paste_selection(const char *argument)
{
    char subcode = 3; // TIOCL_PASTESEL
    return ioctl(STDIN_FILENO, TIOCLINUX, &subcode);
}

// Into a terminal of its own making, which becomes the controlling terminal of a new session: the
// kernel lets that be pushed into unless dev.tty.legacy_tiocsti is 0.
static long push_input_into_own_terminal(const char *argument)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];
    if (master == -1 || unlockpt(master) == -1 || ptsname_r(master, name, sizeof name) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        int terminal = open(name, O_RDWR);
        _exit(terminal == -1 || ioctl(terminal, TIOCSTI, "#") == -1 ? errno : 0);
    }
    int status = 0;
    if (child == -1 || waitpid(child, &status, 0) == -1)
        return -1;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
    return errno == 0 ? 0 : -1;
}

// getpid(2) by the numbers of i386.
static long call_as_i386(const char *argument)
{
#if defined(__x86_64__)
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result == getpid() ? 0 : -1;
#else
    errno = ENOSYS;
    return -1;
#endif
}

static long open_crypto_socket(const char *argument)
{
    return socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static long open_vm_socket(const char *argument)
{
    return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long connect_to_abstract_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length > sizeof address.sun_path - 1) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path + 1, name, length); // the first byte stays 0: abstract
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client == -1)
        return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return connect(client, (struct sockaddr *)&address, size);
}

static long signal_process(const char *pid)
{
    return kill((pid_t)parse_number(pid), 0);
}

static long open_sysctl(const char *argument)
{
    return open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC);
}

// A mask is the null device, and even a read-only mount lets that be opened: it counts as denied,
// with `masked=1`.
static long open_sysrq(const char *argument)
{
    struct stat status;
    int file = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
    if (file == -1 || fstat(file, &status) == -1)
        return -1;
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
        return 0;
    fact("masked", "1");
    errno = 0;
    return -1;
}

static const struct attempt {
    const char *name;
    attempt_function *run;
    enum { NO_ARGUMENT, MAY_HAVE_ARGUMENT, NEEDS_ARGUMENT } argument;
    bool harmful;
} attempts[] = {
    {"unshare-user", unshare_user, NO_ARGUMENT, false},
    {"unshare-mount", unshare_mount, NO_ARGUMENT, false},
    {"mount-tmpfs", mount_tmpfs, MAY_HAVE_ARGUMENT, true},
    {"umount-proc", unmount_proc, NO_ARGUMENT, true},
    {"sethostname", set_host_name, NO_ARGUMENT, true},
    {"setns-init", join_namespace_of_init, NO_ARGUMENT, false},
    {"ptrace-init", trace_init, NO_ARGUMENT, true},
    {"kill-init", kill_init, NO_ARGUMENT, true},
    {"signal-init-term", terminate_init, NO_ARGUMENT, true},
    {"prlimit-init", limit_init, NO_ARGUMENT, true},
    {"lower-core-limit", lower_core_limit, NO_ARGUMENT, false},
    {"lease", lease_file, NEEDS_ARGUMENT, false},
    {"sched-init", reschedule_init, NO_ARGUMENT, true},
    {"read-init-environ", read_environment_of_init, NO_ARGUMENT, false},
    {"read-init-cmdline", read_command_line_of_init, NO_ARGUMENT, false},
    {"read-init-mem", open_memory_of_init, NO_ARGUMENT, false},
    {"read-init-fd", list_descriptors_of_init, NO_ARGUMENT, false},
    {"read-init-root", open_root_of_init, NO_ARGUMENT, false},
    {"chmod-setuid", make_setuid, MAY_HAVE_ARGUMENT, false},
    {"keyctl", find_session_keyring, NO_ARGUMENT, false},
    {"add-key", add_key, NO_ARGUMENT, false},
    {"bpf", create_bpf_map, NO_ARGUMENT, false},
    {"perf", open_performance_counter, NO_ARGUMENT, false},
    {"userfaultfd", open_userfaultfd, NO_ARGUMENT, false},
    {"io-uring", set_up_io_uring, NO_ARGUMENT, false},
    {"clone-newuser", clone_user_namespace, NO_ARGUMENT, false},
    {"clone3", clone_with_clone3, NO_ARGUMENT, false},
    {"tiocsti", push_input, NO_ARGUMENT, false},
    {"tiocsti-high-bits", push_input_with_high_bits, NO_ARGUMENT, false},
    {"tioclinux", paste_selection, NO_ARGUMENT, false},
    {"tiocsti-own-terminal", push_input_into_own_terminal, NO_ARGUMENT, false},
    {"i386", call_as_i386, NO_ARGUMENT, false},
    {"af-alg", open_crypto_socket, NO_ARGUMENT, false},
    {"af-vsock", open_vm_socket, NO_ARGUMENT, false},
    {"abstract-connect", connect_to_abstract_socket, NEEDS_ARGUMENT, false},
    {"kill-pid", signal_process, NEEDS_ARGUMENT, false},
    {"write-sysctl", open_sysctl, NO_ARGUMENT, false},
    {"write-sysrq", open_sysrq, NO_ARGUMENT, false},
};
enum { ATTEMPT_COUNT = sizeof attempts / sizeof attempts[0] };

static const struct attempt *find_attempt(const char *name)
{
    for (size_t i = 0; i < ATTEMPT_COUNT; i++) {
        if (strcmp(attempts[i].name, name) == 0)
            return &attempts[i];
    }
    return NULL;
}

static int try_attack(int count, char **args)
{
    const struct attempt *attempt = find_attempt(args[0]);
    bool fits = attempt && (count == 1 ? attempt->argument != NEEDS_ARGUMENT
                                       : attempt->argument != NO_ARGUMENT);
    if (!fits) {
        fputs("usage: probe try NAME [ARGUMENT], where NAME is one of", stderr);
        for (size_t i = 0; i < ATTEMPT_COUNT; i++)
            fprintf(stderr, " %s", attempts[i].name);
        fputc('\n', stderr);
        return EXIT_USAGE;
    }
    if (attempt->harmful && is_machines_own_pid_namespace()) {
        fprintf(stderr, "probe: %s would harm this machine: run it in a container\n",
                attempt->name);
        return EXIT_USAGE;
    }
    long outcome = attempt->run(count > 1 ? args[1] : NULL);
    int error = outcome == -1 ? errno : 0;
    fact("result", "%s", outcome == -1 ? "denied" : "succeeded");
    fact_error(error);
    return EXIT_SUCCESS;
}

const struct verb attempt_verbs[] = {
    {"try", "NAME [ARGUMENT]", 1, 2, try_attack},
    {0},
};
