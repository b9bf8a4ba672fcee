/* What PID 1 of the container and the command's process do. */
#include "floor.h"
#include "ol_seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { IN_ROOT = RESOLVE_IN_ROOT, NO_LINKS = RESOLVE_NO_SYMLINKS,
       BENEATH = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };

static int open_below(int root, const char *path, uint64_t resolve) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_NO_MAGICLINKS | resolve};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static void attach(int mount, int place) {
    CALL(move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
    close(place);
}

/* Attaches a mount on a directory of the root file system, which is made where it is missing. */
static void attach_on_root(int root, int mount, const char *path) {
    int place = open_below(root, path, IN_ROOT | NO_LINKS);
    if (place < 0) {
        CALL(mkdirat(root, path + 1, 0755));
        CALL(fchownat(root, path + 1, FLOOR_BASE, FLOOR_BASE, AT_SYMLINK_NOFOLLOW));
        place = CALL(open_below(root, path, IN_ROOT | NO_LINKS));
    }
    attach(mount, place);
}

static void mask(const struct launch *launch, int base, const char *path) {
    int place = open_below(base, path, BENEATH);
    if (place < 0) {
        return;
    }
    struct stat status;
    CALL(fstat(place, &status));
    int cover = CALL(open_tree(launch->masks, S_ISDIR(status.st_mode) ? "directory" : "null",
                               OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    attach(cover, place);
    close(cover);
}

static void make_read_only(int base, const char *path) {
    int place = open_below(base, path, BENEATH);
    if (place < 0) {
        return;
    }
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    int cover = CALL(open_tree(
        place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    CALL(mount_setattr(cover, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only));
    attach(cover, place);
    close(cover);
}

static void mount_file_systems(const struct launch *launch) {
    CALL(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CALL(move_mount(launch->scratch, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH));
    CALL(fchdir(launch->scratch));
    attach(launch->layer, CALL(open_below(launch->scratch, "l0", IN_ROOT)));
    const char *layers[] = {"lowerdir", "l0",           "upperdir", "upper", "workdir",
                            "work",     "redirect_dir", "on",       NULL};
    int root = floor_mount("overlay", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, layers);
    attach(root, CALL(open_below(launch->scratch, "root", IN_ROOT)));
    attach_on_root(root, launch->devices, "/dev");
    attach(launch->terminals, CALL(open_below(launch->devices, "pts", IN_ROOT)));
    attach(launch->shared_memory, CALL(open_below(launch->devices, "shm", IN_ROOT)));
    const char *none[] = {NULL};
    unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    int proc = floor_mount("proc", attributes, none);
    attach_on_root(root, proc, "/proc");
    int sys = floor_mount("sysfs", attributes | MOUNT_ATTR_RDONLY, none);
    attach_on_root(root, sys, "/sys");
    attach(launch->masks, CALL(open_below(launch->scratch, "masks", IN_ROOT)));
    static const char *const masked[] = {
        "acpi", "asound",      "interrupts", "kcore",      "keys",        "latency_stats",
        "scsi", "sched_debug", "timer_list", "timer_stats", "sysrq-trigger"};
    for (unsigned index = 0; index < sizeof masked / sizeof *masked; index++) {
        mask(launch, proc, masked[index]);
    }
    mask(launch, sys, "firmware");
    mask(launch, sys, "devices/virtual/powercap");
    static const char *const kept[] = {"bus", "fs", "irq", "sys"};
    for (unsigned index = 0; index < sizeof kept / sizeof *kept; index++) {
        make_read_only(proc, kept[index]);
    }
    CALL(fchdir(root));
    CALL(syscall(SYS_pivot_root, ".", "."));
    CALL(umount2(".", MNT_DETACH));
    CALL(chdir("/"));
}

static void bound_capabilities(uint64_t kept) {
    for (unsigned long capability = 0; capability < 64; capability++) {
        if ((kept >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability, 0L, 0L, 0L) < 0) {
            return;
        }
    }
}

static void keep_capabilities(uint32_t kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = kept, .permitted = kept}};
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L));
    CALL(syscall(SYS_capset, &header, data));
}

static void close_all_but(const int *kept, int count) {
    int next = 3;
    for (int index = 0; index < count; index++) {
        if (kept[index] > next) {
            CALL(close_range((unsigned)next, (unsigned)kept[index] - 1u, 0));
        }
        next = kept[index] + 1;
    }
    CALL(close_range((unsigned)next, ~0u, 0));
}

static void set_limit(unsigned resource, rlim_t soft, rlim_t hard) {
    struct rlimit limit;
    CALL(getrlimit(resource, &limit));
    limit.rlim_cur = soft;
    limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
    CALL(setrlimit(resource, &limit));
}

static int run_command(void *argument) {
    const struct launch *launch = argument;
    sigset_t none;
    sigemptyset(&none);
    CALL(sigprocmask(SIG_SETMASK, &none, NULL));
    CALL(setsid());
    CALL(dup3(launch->input, 0, 0));
    CALL(dup3(launch->output[0][1], 1, 0));
    CALL(dup3(launch->output[1][1], 2, 0));
    umask(022);
    CALL(setns(launch->user_namespace, CLONE_NEWUSER));
    bound_capabilities(0);
    const gid_t group = 0;
    CALL(syscall(SYS_setgroups, 1, &group));
    CALL(syscall(SYS_setresgid, 0, 0, 0));
    CALL(syscall(SYS_setresuid, 0, 0, 0));
    keep_capabilities(0);
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
    CALL(syscall(SYS_keyctl, 1L, NULL)); /* KEYCTL_JOIN_SESSION_KEYRING */
    CALL(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L));
    set_limit(RLIMIT_CORE, 1, 1);
    set_limit(RLIMIT_NOFILE, 1024, 65536);
    set_limit(RLIMIT_SIGPENDING, 4096, 4096);
    set_limit(RLIMIT_MSGQUEUE, 131072, 131072);
    set_limit(RLIMIT_NPROC, 4096, 4096);
    close_all_but(&launch->status[1], 1);
    CALL(chdir("/"));
    char directory[256];
    CALL(syscall(SYS_getcwd, directory, sizeof directory));
    CALL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, ol_seccomp_default()));
    char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", NULL};
    CALL(execve(launch->command[0], launch->command, environment));
    _exit(127);
}

static void tell(const struct launch *launch, uint32_t kind, int wait_status) {
    struct report report = {.kind = kind, .wait_status = wait_status};
    CALL(write(launch->status[1], &report, sizeof report));
}

int floor_exit_status(const char *reports, size_t size, int status) {
    for (size_t offset = 0; offset + sizeof(struct report) <= size;
         offset += sizeof(struct report)) {
        struct report report;
        memcpy(&report, reports + offset, sizeof report);
        if (report.kind == 2) {
            int wait_status = report.wait_status;
            status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
                                            : 128 + WTERMSIG(wait_status);
        }
    }
    return status;
}

/* Reaps until the command has ended, and then everybody. */
static _Noreturn void reap(const struct launch *launch, pid_t command, int child_ended) {
    struct pollfd watched[] = {{.fd = launch->lifeline[0], .events = POLLIN},
                               {.fd = child_ended, .events = POLLIN}};
    siginfo_t information;
    if (waitid(P_PID, (id_t)command, &information, WEXITED | WNOHANG | WNOWAIT) < 0) {
        _exit(127); /* it was not executed, and nobody would be told of its end */
    }
    tell(launch, 1, 0);
    wait4(-1, NULL, (int)__WCLONE | WNOHANG, NULL);
    for (;;) {
        poll(watched, 2, -1);
        if (watched[0].revents != 0) {
            kill(-1, SIGKILL);
            _exit(0);
        }
        struct signalfd_siginfo drained[8];
        while (read(child_ended, drained, sizeof drained) > 0) {
        }
        int wait_status;
        pid_t pid;
        while ((pid = wait4(-1, &wait_status, WNOHANG | __WALL, NULL)) > 0) {
            if (pid != command) {
                continue;
            }
            struct rusage usage;
            getrusage(RUSAGE_CHILDREN, &usage);
            tell(launch, 2, wait_status);
            kill(-1, SIGKILL);
            while (wait4(-1, NULL, __WALL, NULL) > 0) {
            }
            tell(launch, 3, 0);
            _exit(0);
        }
    }
}

static void reset_signals(void) {
    static const uint64_t default_action[4];
    for (int number = 1; number < NSIG; number++) {
        if (number != SIGKILL && number != SIGSTOP) {
            CALL(syscall(SYS_rt_sigaction, number, default_action, NULL, sizeof(uint64_t)));
        }
    }
    sigset_t all;
    sigfillset(&all);
    CALL(sigprocmask(SIG_SETMASK, &all, NULL));
}

static int compare(const void *left, const void *right) {
    return *(const int *)left - *(const int *)right;
}

static _Noreturn void run_first_process(struct launch *launch) {
    static _Alignas(16) char stack[64 * 1024];
    close(launch->lifeline[1]);
    memset(launch->arguments, 0, launch->arguments_size);
    CALL(prctl(PR_SET_NAME, "floor-init", 0L, 0L, 0L));
    reset_signals();
    for (int index = 0; index < launch->cgroup_count; index++) {
        if (launch->cgroups[index].procs >= 0) {
            CALL(write(launch->cgroups[index].procs, "0", 1));
        }
    }
    CALL(unshare(CLONE_NEWCGROUP));
    if (launch->network >= 0) {
        CALL(setns(launch->network, CLONE_NEWNET));
    }
    mount_file_systems(launch);
    CALL(sethostname("floor", 5));
    bound_capabilities(1u << CAP_KILL);
    keep_capabilities(1u << CAP_KILL);
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
    CALL(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L));
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    CALL(sigprocmask(SIG_BLOCK, &child, NULL));
    int child_ended = CALL(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    CALL(prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L));
    pid_t command = CALL(clone(run_command, stack + sizeof stack, CLONE_VM | CLONE_VFORK, launch));
    CALL(prctl(PR_SET_PDEATHSIG, 0L, 0L, 0L, 0L));
    for (int stream = 0; stream < 3; stream++) {
        CALL(dup3(launch->null, stream, 0));
    }
    int kept[] = {launch->status[1], launch->lifeline[0], launch->slot, child_ended};
    qsort(kept, 4, sizeof *kept, compare);
    close_all_but(kept, 4);
    CALL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, ol_seccomp_init()));
    reap(launch, command, child_ended);
}

pid_t floor_clone(struct launch *launch, int *pidfd) {
    struct clone_args arguments = {
        .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
                 CLONE_NEWPID,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    if (launch->cgroup2 >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)launch->cgroup2;
    }
    long pid = CALL(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid == 0) {
        run_first_process(launch);
    }
    return (pid_t)pid;
}
