/*
 * System calls for the Swift parent; see ol_calls.h.
 */
#include "ol_calls.h"
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

long ol_fsopen(const char *type) {
    return ol_result(fsopen(type, FSOPEN_CLOEXEC));
}

long ol_fsconfig_set(int context, const char *key, const char *value) {
    return ol_result(*value == '\0' ? fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0)
                                    : fsconfig(context, FSCONFIG_SET_STRING, key, value, 0));
}

long ol_fsconfig_create(int context) {
    return ol_result(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

long ol_fsmount(int context, unsigned int attributes) {
    return ol_result(fsmount(context, FSMOUNT_CLOEXEC, attributes));
}

long ol_clone_mount(int directory, const char *path, int with_submounts) {
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    int mount = open_tree(directory, path, with_submounts ? flags | AT_RECURSIVE : flags);
    if (mount < 0) {
        return -errno;
    }
    /* At once: the clone of a shared mount is its peer, and what is mounted in either is in both,
     * on the host and in every other container that has one (mount_namespaces(7)). */
    struct mount_attr private = {.propagation = MS_PRIVATE};
    if (mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &private, sizeof private) < 0) {
        int error = errno;
        close(mount);
        return -error;
    }
    return mount;
}

long ol_mount_setattr(int mount, uint64_t attributes, int user_namespace, int with_submounts) {
    struct mount_attr change = {.attr_set = attributes};
    if (user_namespace >= 0) {
        change.attr_set |= MOUNT_ATTR_IDMAP;
        change.userns_fd = (uint64_t)user_namespace;
    }
    unsigned int flags = with_submounts ? AT_EMPTY_PATH | AT_RECURSIVE : AT_EMPTY_PATH;
    return ol_result(mount_setattr(mount, "", flags, &change, sizeof change));
}

long ol_join_user_namespace(int user_namespace) {
    return ol_result(setns(user_namespace, CLONE_NEWUSER));
}

long ol_new_mount_namespace(void) { return ol_result(unshare(CLONE_NEWNS)); }

long ol_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags, .resolve = resolve};
    return ol_result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

long ol_open(int directory, const char *path, int flags, unsigned int mode) {
    return ol_result(openat(directory, path, flags, mode));
}

long ol_make_device(int directory, const char *name, unsigned int mode,
                    unsigned int major_number, unsigned int minor_number) {
    return ol_result(
        mknodat(directory, name, S_IFCHR | mode, makedev(major_number, minor_number)));
}

long ol_memory_file(void) { return ol_result(memfd_create("oneoff", MFD_CLOEXEC)); }

long ol_random(void *bytes, size_t count) { return ol_result(getrandom(bytes, count, 0)); }

long ol_set_nonblocking(int descriptor) {
    return ol_result(fcntl(descriptor, F_SETFL, O_NONBLOCK));
}

long ol_get_limit(uint32_t resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit = {0};
    long result = ol_result(getrlimit((__rlimit_resource_t)resource, &limit));
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return result;
}

long ol_set_limit(uint32_t resource, uint64_t soft, uint64_t hard) {
    const struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return ol_result(setrlimit((__rlimit_resource_t)resource, &limit));
}

/* For one's own process it cannot fail, and -1 is a niceness. */
int ol_niceness(void) { return getpriority(PRIO_PROCESS, 0); }

long ol_set_pipe_size(int descriptor, int bytes) {
    return ol_result(fcntl(descriptor, F_SETPIPE_SZ, bytes));
}

long ol_terminal_columns(int terminal) {
    struct winsize size = {0};
    long result = ol_result(ioctl(terminal, TIOCGWINSZ, &size));
    return result < 0 ? result : size.ws_col;
}

long ol_read_at(int file, void *buffer, size_t size, long offset) {
    return ol_result(pread(file, buffer, size, offset));
}

long ol_pidfd_open(pid_t pid) {
    return ol_result(syscall(SYS_pidfd_open, pid, 0));
}

long ol_pidfd_send_signal(int pidfd, int signal_number) {
    return ol_result(syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0));
}

long ol_landlock_version(void) {
    return ol_result(syscall(SYS_landlock_create_ruleset, NULL, 0, 1));
}

long ol_landlock_scope(void) {
    struct {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
        uint64_t scoped;
    } attributes = {.scoped = 1 << 0 | 1 << 1};
    return ol_result(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
}

long ol_seccomp_action_available(uint32_t action) {
    return ol_result(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

int ol_has_interpreter(void) { return getauxval(AT_BASE) != 0; }

long ol_descriptor_flags(int descriptor) { return ol_result(fcntl(descriptor, F_GETFL)); }

const char *ol_signal_name(int number) { return sigabbrev_np(number); }

const char *ol_error_name(int error) { return strerrorname_np(error); }

long ol_pipe(int *reader, int *writer) {
    int ends[2];
    long result = ol_result(pipe2(ends, O_CLOEXEC));
    if (result == 0) {
        *reader = ends[0];
        *writer = ends[1];
    }
    return result;
}

long ol_file_status(int directory, const char *path, struct ol_status *status) {
    struct stat found;
    long result = ol_result(fstatat(directory, path, &found, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
    if (result == 0) {
        *status = (struct ol_status){
            .mode = found.st_mode,
            .uid = found.st_uid,
            .gid = found.st_gid,
            .links = (uint32_t)found.st_nlink,
            .device = found.st_dev,
            .device_number = found.st_rdev,
            .inode = found.st_ino,
            .size = (uint64_t)found.st_size,
            .allocated = (uint64_t)found.st_blocks * 512u,
            .modified_ns = (uint64_t)found.st_mtim.tv_sec * 1000000000u +
                           (uint64_t)found.st_mtim.tv_nsec,
        };
    }
    return result;
}

long ol_read_entries(int directory, void *buffer, size_t size) {
    return ol_result(syscall(SYS_getdents64, directory, buffer, size));
}

long ol_attribute(int file, const char *name, void *value, size_t size) {
    return ol_result(fgetxattr(file, name, value, size));
}

long ol_file_system_type(int descriptor) {
    struct statfs found;
    long result = ol_result(fstatfs(descriptor, &found));
    return result < 0 ? result : (long)found.f_type;
}

long ol_attribute_is_one(const char *path, const char *name) {
    char value[2];
    long length = ol_result(getxattr(path, name, value, sizeof(value)));
    return length < 0 ? length : length == 1 && value[0] == '1';
}

long ol_epoll_create(void) { return ol_result(epoll_create1(EPOLL_CLOEXEC)); }

long ol_epoll_add(int epoll, int descriptor, uint64_t tag, int for_reading, int for_writing) {
    struct epoll_event event = {.data.u64 = tag};
    event.events |= for_reading ? EPOLLIN : 0u;
    event.events |= for_writing ? EPOLLOUT : 0u;
    return ol_result(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

long ol_epoll_remove(int epoll, int descriptor) {
    return ol_result(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL));
}

long ol_epoll_wait(int epoll, uint64_t *tags, int capacity, int timeout_ms) {
    struct epoll_event events[16];
    int room = capacity < 16 ? capacity : 16;
    int count = epoll_wait(epoll, events, room, timeout_ms);
    for (int index = 0; index < count; index++) {
        tags[index] = events[index].data.u64;
    }
    return ol_result(count);
}

static sigset_t ol_signal_set(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int index = 0; index < count; index++) {
        sigaddset(&set, signals[index]);
    }
    return set;
}

void ol_unblock_signals(const int *signals, int count) {
    sigset_t set = ol_signal_set(signals, count);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

long ol_signal_descriptor(const int *signals, int count) {
    sigset_t set = ol_signal_set(signals, count);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
        return -errno;
    }
    return ol_result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

long ol_read_signal(int descriptor) {
    struct signalfd_siginfo information;
    long result = ol_result(read(descriptor, &information, sizeof information));
    return result < 0 ? result : (long)information.ssi_signo;
}

long ol_timer_create(void) {
    return ol_result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

long ol_timer_set(int timer, uint64_t nanoseconds) {
    struct itimerspec time = {
        .it_value.tv_sec = (time_t)(nanoseconds / 1000000000u),
        .it_value.tv_nsec = (long)(nanoseconds % 1000000000u),
    };
    return ol_result(timerfd_settime(timer, 0, &time, NULL));
}

long ol_wait_for(pid_t pid) {
    int status = 0;
    pid_t reaped;
    do {
        reaped = wait4(pid, &status, __WALL, NULL);
    } while (reaped < 0 && errno == EINTR);
    return reaped < 0 ? -errno : status;
}

/* posix_spawn(3) and not fork(2): the caller may have threads and a large memory. The actions move
 * every source above the targets first, so that no dup2 can overwrite one that is still needed. */
long ol_spawn(const char *path, const char *const *arguments, const char *const *environment,
              const int *descriptors, int count, int in_new_session) {
    /* Above all of them: a fixed number would overwrite one in a process that has many open. */
    int first_free = count;
    for (int index = 0; index < count; index++) {
        if (descriptors[index] >= first_free) {
            first_free = descriptors[index] + 1;
        }
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    pid_t pid = -1;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (in_new_session) {
        flags |= POSIX_SPAWN_SETSID;
    }
    posix_spawnattr_setflags(&attributes, (short)flags);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int error = 0;
    for (int index = 0; index < count && error == 0; index++) {
        error = posix_spawn_file_actions_adddup2(&actions, descriptors[index], first_free + index);
    }
    for (int index = 0; index < count && error == 0; index++) {
        error = posix_spawn_file_actions_adddup2(&actions, first_free + index, index);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(&actions, count);
    }
    if (error == 0) {
        error = posix_spawn(&pid, path, &actions, &attributes,
                            (char *const *)(uintptr_t)arguments,
                            environment ? (char *const *)(uintptr_t)environment : environ);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error != 0 ? -error : pid;
}

/* Where the linker has put the program's header and the end of its code. */
extern const char __executable_start[];
extern const char etext[];

/* A failure only costs memory. */
static void ol_release_pages(uintptr_t start, uintptr_t end) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    start = (start + page - 1) / page * page;
    end = end / page * page;
    if (start < end) {
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
}

/* Read-only pages of a file: nothing that was written is lost. */
void ol_release_code(void) { ol_release_pages((uintptr_t)__executable_start, (uintptr_t)etext); }

void ol_release_memory(void *start, size_t length) {
    ol_release_pages((uintptr_t)start, (uintptr_t)start + length);
}

long ol_kernel_version(void) {
    struct utsname name;
    if (uname(&name) < 0) {
        return -errno;
    }
    char *rest = name.release;
    long major_number = strtol(rest, &rest, 10);
    long minor_number = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return major_number * 1000 + minor_number;
}
