// The verb `use CAPABILITY`: does what the capability is for, and says whether it could.
//
// Each needs the capability even as user 0. FOWNER and FSETID also need CHOWN, to have a file of
// another owner; KILL and SYS_PTRACE also SETUID, to have a process of another user. Nothing here
// harms the machine when it succeeds there.
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OTHER_ID = 33 };

// Returns -1 with errno set when it was refused.
typedef long right_function(void);

// Runs `use` on a new file that nobody may read or write, and removes the file. It is in a
// directory of its own, or another owner's could not be removed from a sticky one.
static long with_file(long (*use)(const char *path))
{
    char directory[] = "/tmp/probe-XXXXXX";
    if (!mkdtemp(directory))
        return -1;
    char path[64];
    snprintf(path, sizeof path, "%s/file", directory);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0);
    long outcome = file == -1 ? -1 : use(path);
    int error = errno;
    close(file);
    unlink(path);
    rmdir(directory);
    errno = error;
    return outcome;
}

// Runs `use` on a process of another user, and ends the process.
static long with_process(long (*use)(pid_t process))
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) == -1)
        return -1;
    pid_t process = fork();
    if (process == 0) {
        if (setresuid(OTHER_ID, OTHER_ID, OTHER_ID) == -1)
            _exit(EXIT_FAILURE);
        // As if it had been executed by that user: no longer anybody's but that user's.
        prctl(PR_SET_DUMPABLE, 1);
        close(ready[0]);
        close(ready[1]);
        pause();
        _exit(EXIT_SUCCESS);
    }
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) == -1)
        return -1;
    long outcome = use(process);
    int error = errno;
    // As the same user, which always may.
    if (setresuid((uid_t)-1, OTHER_ID, (uid_t)-1) == 0)
        kill(process, SIGKILL);
    errno = error;
    return outcome;
}

static long change_owner(const char *path) { return chown(path, OTHER_ID, OTHER_ID); }

static long change_mode_of_others(const char *path)
{
    return chown(path, OTHER_ID, (gid_t)-1) == -1 ? -1 : chmod(path, 0600);
}

static long open_for_writing(const char *path) { return open(path, O_WRONLY | O_CLOEXEC); }
static long open_for_reading(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }
static long send_signal(pid_t process) { return kill(process, 0); }

static long look_into(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", process);
    char target[16];
    return readlink(path, target, sizeof target);
}

static long give_capability(const char *path)
{
    struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                                .data = {{.permitted = 1 << CAP_CHOWN}}};
    return setxattr(path, "security.capability", &data, sizeof data, 0);
}

static long make_immutable(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int flags = FS_NODUMP_FL | FS_APPEND_FL;
    if (file == -1 || ioctl(file, FS_IOC_SETFLAGS, &flags) == -1)
        return -1;
    flags = 0;
    ioctl(file, FS_IOC_SETFLAGS, &flags);
    close(file);
    return 0;
}

static long keep_group_bit(const char *path)
{
    struct stat status;
    if (chown(path, (uid_t)-1, OTHER_ID) == -1 || chmod(path, 02755) == -1 ||
        stat(path, &status) == -1)
        return -1;
    errno = EPERM;
    return status.st_mode & S_ISGID ? 0 : -1;
}

static long use_chown(void) { return with_file(change_owner); }
static long use_dac_override(void) { return with_file(open_for_writing); }
static long use_dac_read_search(void) { return with_file(open_for_reading); }
static long use_fsetid(void) { return with_file(keep_group_bit); }
static long use_setfcap(void) { return with_file(give_capability); }
static long use_linux_immutable(void) { return with_file(make_immutable); }
static long use_fowner(void) { return with_file(change_mode_of_others); }
static long use_kill(void) { return with_process(send_signal); }
static long use_sys_ptrace(void) { return with_process(look_into); }
static long use_setuid(void) { return setresuid(OTHER_ID, OTHER_ID, OTHER_ID); }
static long use_sys_chroot(void) { return chroot("/"); }

static long use_setgid(void)
{
    gid_t group = OTHER_ID;
    return setgroups(1, &group);
}

static long use_setpcap(void) { return prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT); }

static long use_net_bind_service(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return listener == -1 ? -1 : bind(listener, (struct sockaddr *)&address, sizeof address);
}

static long use_net_admin(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_mtu = 65536};
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return control == -1 ? -1 : ioctl(control, SIOCSIFMTU, &request);
}

static long use_net_raw(void) { return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP); }

static long use_sys_admin(void)
{
    char name[64];
    return gethostname(name, sizeof name) == -1 ? -1 : sethostname(name, strlen(name));
}

static long use_mknod(void)
{
    static const char path[] = "/tmp/probe-node";
    long outcome = mknod(path, S_IFCHR | 0600, makedev(1, 3));
    if (outcome == 0)
        unlink(path);
    return outcome;
}

static long use_sys_resource(void)
{
    struct rlimit none = {0};
    struct rlimit some = {.rlim_cur = 1, .rlim_max = 1};
    return setrlimit(RLIMIT_CORE, &none) == -1 ? -1 : setrlimit(RLIMIT_CORE, &some);
}

static long use_ipc_lock(void)
{
    static char page[4096];
    struct rlimit none = {0};
    return setrlimit(RLIMIT_MEMLOCK, &none) == -1 ? -1 : mlock(page, sizeof page);
}

static long use_sys_nice(void) { return setpriority(PRIO_PROCESS, 0, -5); }

// Sets the clock's tick to what it is.
static long use_sys_time(void)
{
    struct timex clock = {0};
    if (adjtimex(&clock) == -1)
        return -1;
    clock.modes = ADJ_TICK;
    return adjtimex(&clock);
}

static const struct {
    const char *name;
    right_function *use;
} rights[] = {
    {"CHOWN", use_chown},
    {"DAC_OVERRIDE", use_dac_override},
    {"DAC_READ_SEARCH", use_dac_read_search},
    {"FOWNER", use_fowner},
    {"FSETID", use_fsetid},
    {"KILL", use_kill},
    {"SETGID", use_setgid},
    {"SETUID", use_setuid},
    {"SETPCAP", use_setpcap},
    {"SYS_CHROOT", use_sys_chroot},
    {"SYS_PTRACE", use_sys_ptrace},
    {"SETFCAP", use_setfcap},
    {"LINUX_IMMUTABLE", use_linux_immutable},
    {"NET_BIND_SERVICE", use_net_bind_service},
    {"NET_ADMIN", use_net_admin},
    {"NET_RAW", use_net_raw},
    {"SYS_ADMIN", use_sys_admin},
    {"MKNOD", use_mknod},
    {"SYS_RESOURCE", use_sys_resource},
    {"IPC_LOCK", use_ipc_lock},
    {"SYS_NICE", use_sys_nice},
    {"SYS_TIME", use_sys_time},
};

static int use_right(int count, char **args)
{
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        if (strcmp(rights[i].name, args[0]) == 0)
            return report(rights[i].use() == -1 ? -1 : 0);
    }
    fprintf(stderr, "probe: use: %s is not among the capabilities\n", args[0]);
    return EXIT_USAGE;
}

const struct verb right_verbs[] = {
    {"use", "CAPABILITY", 1, 1, use_right},
    {0},
};
