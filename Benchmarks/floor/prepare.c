/* What the parent does before the clone: namespaces, detached mounts, pipes, cgroups. */
#include "floor.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif

static void write_text(const char *path, const char *text) {
    int file = CALL(open(path, O_WRONLY | O_CLOEXEC));
    CALL(write(file, text, strlen(text)));
    close(file);
}

static void make_cgroup(struct launch *launch, const char *parent) {
    struct cgroup *cgroup = &launch->cgroups[launch->cgroup_count++];
    char path[sizeof cgroup->path + 16];
    snprintf(cgroup->path, sizeof cgroup->path, "%s/%d", parent, getpid());
    CALL(mkdir(cgroup->path, 0755));
    struct statfs kind;
    CALL(statfs(parent, &kind));
    if (kind.f_type == CGROUP2_SUPER_MAGIC) {
        launch->cgroup2 = CALL(open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        cgroup->procs = -1;
        return;
    }
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup->path);
    cgroup->procs = CALL(open(path, O_WRONLY | O_CLOEXEC));
}

void floor_read_arguments(struct launch *launch, int count, char **arguments) {
    int index = 1;
    launch->arguments = arguments[0];
    launch->arguments_size =
        (size_t)(arguments[count - 1] - arguments[0]) + strlen(arguments[count - 1]);
    for (; index < count && arguments[index][0] == '-'; index++) {
        if (strcmp(arguments[index], "--slot") == 0) {
            launch->slot_path = arguments[++index];
        } else if (strcmp(arguments[index], "--share-net") == 0) {
            launch->shares_network = true;
        } else if (strcmp(arguments[index], "--cgroup") == 0) {
            make_cgroup(launch, arguments[++index]);
        } else if (strcmp(arguments[index], "--set") == 0) {
            char path[512];
            const char *directory = launch->cgroups[launch->cgroup_count - 1].path;
            snprintf(path, sizeof path, "%s/%s", directory, arguments[index + 1]);
            write_text(path, arguments[index + 2]);
            index += 2;
        }
    }
    /* Copies: the child erases the arguments. */
    launch->rootfs = arguments[index];
    for (int word = 0; index + 1 + word < count && word < FLOOR_WORDS; word++) {
        launch->command[word] = strdup(arguments[index + 1 + word]);
    }
}

void floor_remove_cgroups(const struct launch *launch) {
    for (int index = 0; index < launch->cgroup_count; index++) {
        CALL(rmdir(launch->cgroups[index].path));
    }
}

static void wait_for_end(const struct holder *holder) {
    char end;
    CALL(write(holder->ready[1], "", 1));
    close(holder->end[1]);
    while (read(holder->end[0], &end, 1) < 0) {
    }
}

static int hold_network(void *argument) {
    struct holder *holder = argument;
    CALL(unshare(CLONE_NEWNET));
    int control = CALL(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    CALL(ioctl(control, SIOCSIFFLAGS, &request));
    close(control);
    write_text("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    wait_for_end(holder);
    return 0;
}

static int hold_user(void *argument) {
    struct holder *holder = argument;
    write_text("/proc/sys/user/max_inotify_instances", "32");
    write_text("/proc/sys/user/max_inotify_watches", "16384");
    wait_for_end(holder);
    return 0;
}

static void start_holder(struct holder *holder, int (*hold)(void *), int flags) {
    CALL(pipe2(holder->end, O_CLOEXEC));
    CALL(pipe2(holder->ready, O_CLOEXEC));
    holder->pid = CALL(clone(hold, holder->stack + FLOOR_STACK, CLONE_VM | SIGCHLD | flags, holder));
}

static int open_namespace(const struct holder *holder, const char *type) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", holder->pid, type);
    return CALL(open(path, O_RDONLY | O_CLOEXEC));
}

static void release(const struct holder *holder) {
    close(holder->end[0]);
    close(holder->end[1]);
}

static void await_ready(const struct holder *holder) {
    char ready;
    close(holder->ready[1]);
    CALL(read(holder->ready[0], &ready, 1));
}

void floor_begin_network(struct launch *launch) {
    start_holder(&launch->network_holder, hold_network, 0);
    cpu_set_t processors;
    int current = sched_getcpu();
    sched_getaffinity(0, sizeof processors, &processors);
    CPU_CLR(current, &processors);
    if (CPU_COUNT(&processors) > 0) {
        sched_setaffinity(launch->network_holder.pid, sizeof processors, &processors);
    }
}

static void make_user_namespace(struct launch *launch) {
    struct holder *holder = &launch->user_holder;
    start_holder(holder, hold_user, CLONE_NEWUSER);
    char path[64];
    char map[64];
    snprintf(map, sizeof map, "0 %d %d\n", FLOOR_BASE, FLOOR_IDS);
    snprintf(path, sizeof path, "/proc/%d/uid_map", holder->pid);
    write_text(path, map);
    snprintf(path, sizeof path, "/proc/%d/gid_map", holder->pid);
    write_text(path, map);
    launch->user_namespace = open_namespace(holder, "user");
    await_ready(holder);
    release(holder);
}

void floor_reap_holders(struct launch *launch) {
    CALL(wait4(launch->user_holder.pid, NULL, __WALL, NULL));
    close(launch->user_holder.ready[0]);
    if (!launch->shares_network) {
        CALL(wait4(launch->network_holder.pid, NULL, __WALL, NULL));
        close(launch->network_holder.ready[0]);
    }
}

int floor_mount(const char *type, unsigned attributes, const char *const *options) {
    int context = CALL(fsopen(type, FSOPEN_CLOEXEC));
    for (; *options != NULL; options += 2) {
        CALL(fsconfig(context, FSCONFIG_SET_STRING, options[0], options[1], 0));
    }
    CALL(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int mount = CALL(fsmount(context, FSMOUNT_CLOEXEC, attributes));
    close(context);
    return mount;
}

static int own_tmpfs(const char *size, const char *inodes, const char *mode, unsigned attributes) {
    char owner[16];
    snprintf(owner, sizeof owner, "%d", FLOOR_BASE);
    const char *options[] = {"size", size,  "nr_inodes", inodes, "mode", mode,
                             "uid",  owner, "gid",       owner,  NULL};
    return floor_mount("tmpfs", MOUNT_ATTR_NOSUID | attributes, options);
}

static void make_layer(struct launch *launch) {
    launch->layer = CALL(open_tree(AT_FDCWD, launch->rootfs,
                                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    struct mount_attr private = {.propagation = MS_PRIVATE};
    CALL(mount_setattr(launch->layer, "", AT_EMPTY_PATH | AT_RECURSIVE, &private, sizeof private));
    struct mount_attr change = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP,
        .userns_fd = (uint64_t)launch->user_namespace};
    CALL(mount_setattr(launch->layer, "", AT_EMPTY_PATH, &change, sizeof change));
}

static void make_file(int scratch, const char *path, const char *text) {
    int file = CALL(openat(scratch, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (*text != '\0') {
        CALL(write(file, text, strlen(text)));
    }
    CALL(fchown(file, FLOOR_BASE, FLOOR_BASE));
    close(file);
}

static void make_owned_directory(int parent, const char *name) {
    CALL(mkdirat(parent, name, 0755));
    CALL(fchownat(parent, name, FLOOR_BASE, FLOOR_BASE, AT_SYMLINK_NOFOLLOW));
}

static void make_scratch(struct launch *launch) {
    const char *options[] = {"size", "268435456", "nr_inodes", "65536", "mode", "700", NULL};
    int scratch = floor_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, options);
    static const char *const names[] = {"l0", "root", "work", "masks"};
    for (unsigned index = 0; index < sizeof names / sizeof *names; index++) {
        CALL(mkdirat(scratch, names[index], 0700));
    }
    make_owned_directory(scratch, "upper");
    make_owned_directory(scratch, "upper/etc");
    make_file(scratch, "upper/etc/hostname", "floor\n");
    make_file(scratch, "upper/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
    make_file(scratch, "upper/etc/resolv.conf", "");
    launch->scratch = scratch;
}

static void make_devices(struct launch *launch) {
    static const struct {
        const char *name;
        unsigned major;
        unsigned minor;
    } nodes[] = {{"null", 1, 3}, {"zero", 1, 5},    {"full", 1, 7},
                 {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
    static const char *const links[][2] = {{"/proc/self/fd", "fd"},
                                           {"/proc/self/fd/0", "stdin"},
                                           {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"},
                                           {"pts/ptmx", "ptmx"}};
    int devices = own_tmpfs("65536", "256", "755", MOUNT_ATTR_NOEXEC);
    for (unsigned index = 0; index < sizeof nodes / sizeof *nodes; index++) {
        CALL(mknodat(devices, nodes[index].name, S_IFCHR | 0666,
                     makedev(nodes[index].major, nodes[index].minor)));
        CALL(fchownat(devices, nodes[index].name, FLOOR_BASE, FLOOR_BASE, AT_SYMLINK_NOFOLLOW));
    }
    for (unsigned index = 0; index < sizeof links / sizeof *links; index++) {
        CALL(symlinkat(links[index][0], devices, links[index][1]));
        CALL(fchownat(devices, links[index][1], FLOOR_BASE, FLOOR_BASE, AT_SYMLINK_NOFOLLOW));
    }
    make_owned_directory(devices, "pts");
    make_owned_directory(devices, "shm");
    launch->devices = devices;
    char group[16];
    snprintf(group, sizeof group, "%d", FLOOR_BASE + 5);
    const char *options[] = {"mode", "620", "ptmxmode", "666", "max", "64", "gid", group, NULL};
    launch->terminals = floor_mount("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, options);
    launch->shared_memory = own_tmpfs("67108864", "16384", "1777", MOUNT_ATTR_NODEV);
}

static void make_masks(struct launch *launch) {
    const char *options[] = {"size", "65536", "nr_inodes", "256", "mode", "755", NULL};
    launch->masks = floor_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, options);
    CALL(mknodat(launch->masks, "null", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mkdirat(launch->masks, "directory", 0555));
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    CALL(mount_setattr(launch->masks, "", AT_EMPTY_PATH, &read_only, sizeof read_only));
}

static void make_streams(struct launch *launch) {
    launch->null = CALL(openat(launch->devices, "null", O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    launch->input = CALL(openat(launch->devices, "null", O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    for (int stream = 0; stream < 2; stream++) {
        int *ends = launch->output[stream];
        CALL(pipe2(ends, O_CLOEXEC));
        CALL(fchown(ends[1], FLOOR_BASE, FLOOR_BASE));
        CALL(fcntl(ends[0], F_SETPIPE_SZ, 1 << 20));
        CALL(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    }
}

void floor_prepare(struct launch *launch) {
    make_user_namespace(launch);
    make_layer(launch);
    make_scratch(launch);
    make_devices(launch);
    make_masks(launch);
    make_streams(launch);
    if (!launch->shares_network) {
        await_ready(&launch->network_holder);
        launch->network = open_namespace(&launch->network_holder, "net");
        release(&launch->network_holder);
    }
}
