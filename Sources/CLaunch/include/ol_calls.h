/*
 * System calls that the Swift parent needs and that Glibc's module does not show to Swift: those
 * without a wrapper, and variadic ones. Each returns a value, or -errno, so that nothing can
 * overwrite errno between a call and its check.
 */
#ifndef OL_CALLS_H
#define OL_CALLS_H

#include <linux/magic.h>   /* *_MAGIC, for Swift */
#include <linux/openat2.h> /* RESOLVE_*, for Swift */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

long ol_fsopen(const char *type);

/* A key without a value is a flag. */
long ol_fsconfig_set(int context, const char *key, const char *value);

long ol_fsconfig_create(int context);

long ol_fsmount(int context, unsigned int attributes);

/* A detached copy of the mount that `path` below `directory` is in, with `path` as its root, and of
 * the mounts below it if `with_submounts`. An empty path is `directory` itself. */
long ol_clone_mount(int directory, const char *path, int with_submounts);

/* `user_namespace` is one for MOUNT_ATTR_IDMAP, or -1. */
long ol_mount_setattr(int mount, uint64_t attributes, int user_namespace, int with_submounts);

/* Makes this process root of a user namespace of its child's, and then of a mount namespace. */
long ol_join_user_namespace(int user_namespace);
long ol_new_mount_namespace(void);

long ol_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve);

long ol_open(int directory, const char *path, int flags, unsigned int mode);

long ol_make_device(int directory, const char *name, unsigned int mode,
                    unsigned int major_number, unsigned int minor_number);

/* An unnamed file in memory, closed on execve(2). */
long ol_memory_file(void);

long ol_random(void *bytes, size_t count);

long ol_set_nonblocking(int descriptor);

/* `resource` is an RLIMIT_*; 2^64-1 is RLIM_INFINITY. */
long ol_get_limit(uint32_t resource, uint64_t *soft, uint64_t *hard);
long ol_set_limit(uint32_t resource, uint64_t soft, uint64_t hard);

/* Of this process, -20 to 19. */
int ol_niceness(void);

long ol_set_pipe_size(int descriptor, int bytes);

/* How wide a terminal is; 0 where nobody has said so (TIOCGWINSZ). */
long ol_terminal_columns(int terminal);

/* Reads at most `size` bytes, wherever the file's own position is. */
long ol_read_at(int file, void *buffer, size_t size, long offset);

long ol_pidfd_open(pid_t pid);

long ol_pidfd_send_signal(int pidfd, int signal_number);

/* The Landlock ABI of this kernel, or -errno where it has none (landlock_create_ruleset(2)). */
long ol_landlock_version(void);

/* A rule set that keeps abstract Unix sockets and signals within it; needs ABI 6. */
long ol_landlock_scope(void);

/* 0 when seccomp(2) knows the action, else -errno. */
long ol_seccomp_action_available(uint32_t action);

/* Whether the kernel has loaded an interpreter (a dynamic linker) for this program. */
int ol_has_interpreter(void);

/* The O_* flags of an open descriptor, or -EBADF. */
long ol_descriptor_flags(int descriptor);

/* The name of a signal without its SIG, or NULL. */
const char *ol_signal_name(int number);

/* The symbolic name of an errno, such as "EINVAL", or NULL. */
const char *ol_error_name(int error);

/* A pipe whose ends are closed on execve(2): reader, writer. */
long ol_pipe(int *reader, int *writer);

/* What fstatat(2) says of a file, as far as oneoff needs it. */
struct ol_status {
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t links;
    uint64_t device;        /* of the file system */
    uint64_t device_number; /* of a device node */
    uint64_t inode;
    uint64_t size;
    uint64_t modified_ns;   /* since 1970 */
    uint64_t allocated;     /* bytes */
};

/* An empty path is `directory` itself. Symbolic links are not followed. */
long ol_file_status(int directory, const char *path, struct ol_status *status);

/* The next entries of an open directory, as getdents64(2) writes them; their size, 0 at the end. */
long ol_read_entries(int directory, void *buffer, size_t size);

/* The length of an extended attribute of an open file, which is written to `value`. */
long ol_attribute(int file, const char *name, void *value, size_t size);

/* Copies the next piece of a regular file that holds data, from *offset on, and sets *offset to its
 * end: how many bytes it had, 0 when no more data comes. Holes are left out. */
long ol_copy_piece(int source, int target, uint64_t *offset);

/* Gives a file the times of access and of modification that another has. Neither name is followed
 * where it is a symbolic link; an empty one is the descriptor's own file. */
long ol_copy_times(int source, const char *source_name, int target, const char *target_name);

/* renameat2(2): where `exchanges`, with what has the new name; otherwise nothing may have it. */
long ol_rename(int directory, const char *name, int new_directory, const char *new_name,
               int exchanges);

/* The magic number of the file system that a descriptor is on (statfs(2)). */
long ol_file_system_type(int descriptor);

/* Whether an extended attribute of a file is `1` (getxattr(2)). */
long ol_attribute_is_one(const char *path, const char *name);

/* One epoll(7) instance; `tag` comes back when the descriptor is readable or writable, as far as it
 * is watched for that, or at its end, which is always told. */
long ol_epoll_create(void);
long ol_epoll_add(int epoll, int descriptor, uint64_t tag, int for_reading, int for_writing);
long ol_epoll_remove(int epoll, int descriptor);

/* Stores at most `capacity` tags; waits at most `timeout_ms`, or for ever when it is -1. */
long ol_epoll_wait(int epoll, uint64_t *tags, int capacity, int timeout_ms);

/* Blocks the signals and returns a signalfd(2) for them. */
long ol_signal_descriptor(const int *signals, int count);

/* Takes the signals out of the mask of blocked ones. */
void ol_unblock_signals(const int *signals, int count);

/* The next signal's number, or -EAGAIN. */
long ol_read_signal(int descriptor);

/* A non-blocking timerfd(2) on the monotonic clock. */
long ol_timer_create(void);

/* Goes off once after that many nanoseconds; 0 stops the timer. */
long ol_timer_set(int timer, uint64_t nanoseconds);

/* Reaps the process and returns its status as wait4(2) gives it. */
long ol_wait_for(pid_t pid);

/* Starts a program with just these descriptors as 0, 1, 2, …, and if wanted in a session of its
 * own; its pid, or -errno. Without an environment it has the caller's. */
long ol_spawn(const char *path, const char *const *arguments, const char *const *environment,
              const int *descriptors, int count, int in_new_session);

/* The kernel's release as a number, major * 1000 + minor. See uname(2). */
long ol_kernel_version(void);

/* Unmaps the pages of the program's code; those that are needed again come back from the page
 * cache. Most of what the start has touched, supervising never touches. */
void ol_release_code(void);

/* Gives the pages that lie wholly within `length` bytes of memory back. What is read there next is
 * zero. See madvise(2), MADV_DONTNEED. */
void ol_release_memory(void *start, size_t length);

/* Sends a packet without bytes over a Unix socket, with a sealed file in memory that has them, and
 * does not wait. See unix(7), SCM_RIGHTS, and fcntl(2), F_ADD_SEALS. */
long ol_send_as_file(int socket, const void *bytes, size_t count);

/* Two connected Unix sockets for packets, closed on execve(2). */
long ol_socket_pair(int *first, int *second);

/* The descriptor that came over a socket, closed on execve(2): or -EAGAIN, -ENODATA when nobody is
 * left who could send one, -EMFILE when this process may have no more. Does not wait. */
long ol_receive_descriptor(int socket);

/* A system call that a seccomp filter has blocked, and whose caller waits for an answer. */
struct ol_blocked_call {
    uint64_t id;
    uint32_t number;
    uint32_t architecture; /* AUDIT_ARCH_* */
    uint64_t arguments[6];
};

/* Takes the next blocked call: 0, -EAGAIN when there is none, -EPIPE when there will be none any
 * more because nobody is left under the filter. Does not wait. */
long ol_receive_blocked_call(int listener, struct ol_blocked_call *call);

/* Lets a blocked call fail with an errno; with 0 it succeeds without having done anything. */
long ol_answer_blocked_call(int listener, uint64_t id, int error);

/* The arguments of this process where the kernel put them, which is what /proc/PID/cmdline shows;
 * and the length of the block that begins with the first and ends with the environment. */
int ol_argument_count(void);
char **ol_argument_vector(void);
size_t ol_argument_memory(void);

#endif
