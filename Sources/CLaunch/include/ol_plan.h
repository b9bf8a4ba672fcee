/*
 * The launch plan: what the child of clone3(2) does, as data.
 *
 * The parent writes operations; the child is a loop over them. A plan holds no code and nothing
 * that the child would have to parse, so that it can be printed, tested and audited.
 */
#ifndef OL_PLAN_H
#define OL_PLAN_H

#include <stdint.h>
#include <sys/types.h>

/* What one operation does. Comments name the fields used besides `kind`. */
enum ol_kind {
    /* Set-up, in PID 1 of the container. */
    OL_ERASE_ARGUMENTS = 1, /* data, number[0]: the memory of argv and environ; text: new name */
    OL_RESET_SIGNALS,       /* every disposition to default, every signal blocked */
    OL_JOIN_CGROUP,         /* descriptor: cgroup.procs of a v1 hierarchy, open for writing */
    OL_NEW_CGROUP_NAMESPACE,
    OL_JOIN_NETWORK,   /* descriptor: network namespace */
    OL_PRIVATE_MOUNTS, /* mount events no longer reach the host */
    OL_ENTER_SCRATCH,  /* descriptor: detached mount, becomes the working directory */
    OL_ATTACH,         /* descriptor: detached mount; target, path, flags, number: where */
    OL_MOUNT,          /* text: type; data: options; target, path, flags, number: where */
    OL_MASK,           /* descriptor: the mask mount; target, path: what */
    OL_MAKE_READ_ONLY, /* target, path: what */
    OL_PIVOT,          /* to the root register */
    OL_SET_HOSTNAME,   /* text */
    OL_ADJUST_OOM_SCORE, /* text: a number, for oom_score_adj below the proc register */
    OL_SEND_PLACE,       /* descriptor: the socket over which it goes; target, path: what */

    /* Either process: what takes rights away from it. */
    OL_NO_NEW_PRIVILEGES = 32,
    OL_NOT_DUMPABLE,
    OL_SECCOMP, /* data: struct sock_fprog; descriptor: where its listener is sent, if anywhere */
    OL_BOUND_CAPABILITIES,  /* number[0]: bit mask that stays in the bounding set */
    OL_KEEP_CAPABILITIES,   /* number[0]: bit mask that remains permitted and effective */
    OL_OUTLAST_USER_CHANGE, /* capabilities stay permitted when the user changes */
    OL_SET_GROUPS,          /* data: uint32_t ids; number[0]: how many */
    OL_SET_GROUP,           /* number[0] */
    OL_SET_USER,            /* number[0] */
    OL_SET_NICENESS,        /* number[0], as a signed number */

    /* The command's process. */
    OL_NEW_SESSION = 64,
    OL_STANDARD_STREAMS, /* data: three int32_t, which become 0, 1 and 2 */
    OL_CONTROLLING_TERMINAL, /* the session's: descriptor 0 */
    OL_SET_UMASK,        /* number[0] */
    OL_JOIN_USER_NAMESPACE, /* descriptor */
    OL_SET_CAPABILITIES,    /* number[0]: all sets but the bounding one, ambient too */
    OL_NEW_KEYRING,
    OL_WORKING_DIRECTORY, /* path */
    OL_LANDLOCK,          /* descriptor: rule set */
    OL_SET_RESOURCE_LIMIT, /* flags: resource; number[0], number[1]: soft, hard, at most */
    OL_FIX_RESOURCE_LIMIT, /* the same, exactly */
    OL_CLOSE_DESCRIPTORS, /* all above 2 but the status pipe and descriptor */
    OL_EXECUTE,           /* text: candidate paths; data: argv; more: envp; flags */
};

/* Where OL_ATTACH and the like find a path: a descriptor, or one of these registers, which hold
 * mounts that the child itself has made. */
enum ol_register {
    OL_NO_DESCRIPTOR = -1,
    OL_REGISTER_ROOT = -2, /* the container's new root */
    OL_REGISTER_PROC = -3,
    OL_REGISTER_SYS = -4,
};

/* Flags of OL_ATTACH and OL_MOUNT. */
enum ol_place_flag {
    OL_CREATE_DIRECTORY = 1 << 0, /* make a missing target, owned by number[0], number[1] */
    OL_CREATE_FILE = 1 << 1,
    OL_REFUSE_SYMLINKS = 1 << 2, /* anywhere in the path */
    OL_KEEP_AS_ROOT = 1 << 3,    /* OL_MOUNT: remember the mount in a register */
    OL_KEEP_AS_PROC = 1 << 4,
    OL_KEEP_AS_SYS = 1 << 5,
    OL_READ_ONLY = 1 << 6, /* OL_MOUNT: mount attributes */
    OL_NO_SUID = 1 << 7,
    OL_NO_DEVICES = 1 << 8,
    OL_NO_EXECUTE = 1 << 9,
};

/* Flag of OL_EXECUTE: when no candidate exists, go on with the next operation. */
enum { OL_OPTIONAL = 1 << 0 };

/*
 * One operation. Texts are NUL-terminated. Lists of texts (mount options as key, value, key, …;
 * candidate paths) are texts one after the other with an empty one at the end.
 */
struct ol_operation {
    uint32_t kind;
    uint32_t flags;
    int32_t descriptor;
    int32_t target;
    uint64_t number[2];
    const char *path;
    const char *text;
    const void *data;
    const void *more;
};
_Static_assert(sizeof(struct ol_operation) == 64, "the parent writes this layout");

/* The sections of a plan, in the order in which they begin. */
enum ol_section { OL_SETUP = 0, OL_GUARD = 1, OL_COMMAND = 2, OL_SECTIONS = 3 };

struct ol_operations {
    const struct ol_operation *first;
    uint64_t count;
};
_Static_assert(sizeof(struct ol_operations) == 16, "the parent writes this layout");

/* CLONE_NEW* of sched.h. */
enum ol_namespace {
    OL_NEW_MOUNT = 0x00020000,
    OL_NEW_UTS = 0x04000000,
    OL_NEW_IPC = 0x08000000,
    OL_NEW_PID = 0x20000000,
};

struct ol_plan {
    struct ol_operations section[OL_SECTIONS];
    uint64_t namespaces;     /* CLONE_NEW* flags */
    int32_t cgroup;          /* directory for CLONE_INTO_CGROUP, or OL_NO_DESCRIPTOR */
    int32_t status_writer;   /* records go here */
    int32_t lifeline_reader; /* a byte is a signal to forward; the end ends the container */
    int32_t lifeline_writer; /* the supervisor's end: closed first of all in the child */
    int32_t slot;            /* the locked slot file, kept open by PID 1; or OL_NO_DESCRIPTOR */
    int32_t null;            /* the null device, which becomes 0, 1 and 2 of PID 1 */
    uint64_t stamps;         /* 0, or the address of shared memory for all of enum ol_stamp */
};
_Static_assert(sizeof(struct ol_plan) == 88, "the parent writes this layout");

/* When things have happened, in nanoseconds of CLOCK_MONOTONIC (uint64_t); 0 where nobody has
 * looked. The operations follow, section by section: when each began. */
enum ol_stamp {
    OL_STAMP_FORK,     /* PID 1 makes the command's process */
    OL_STAMP_EXECUTED, /* PID 1 goes on: the command is executed, or dead */
    OL_STAMPS,
};

/* The system call (or group of them) at which an operation failed. */
enum ol_step {
    OL_STEP_NONE = 0,
    OL_STEP_BAD_OPERATION,
    OL_STEP_PRCTL,
    OL_STEP_SIGPROCMASK,
    OL_STEP_SIGACTION,
    OL_STEP_WRITE,
    OL_STEP_UNSHARE,
    OL_STEP_SETNS,
    OL_STEP_MOUNT,
    OL_STEP_FSOPEN,
    OL_STEP_FSCONFIG,
    OL_STEP_FSMOUNT,
    OL_STEP_OPENAT2,
    OL_STEP_MKDIRAT,
    OL_STEP_FCHOWNAT,
    OL_STEP_FSTAT,
    OL_STEP_OPEN_TREE,
    OL_STEP_MOVE_MOUNT,
    OL_STEP_MOUNT_SETATTR,
    OL_STEP_FCHDIR,
    OL_STEP_PIVOT_ROOT,
    OL_STEP_UMOUNT2,
    OL_STEP_CHDIR,
    OL_STEP_GETCWD,
    OL_STEP_SETHOSTNAME,
    OL_STEP_FORK,
    OL_STEP_SIGNALFD,
    OL_STEP_DUP3,
    OL_STEP_CLOSE_RANGE,
    OL_STEP_CAPSET,
    OL_STEP_SECCOMP,
    OL_STEP_SETSID,
    OL_STEP_SETGROUPS,
    OL_STEP_SETRESGID,
    OL_STEP_SETRESUID,
    OL_STEP_KEYCTL,
    OL_STEP_LANDLOCK_RESTRICT_SELF,
    OL_STEP_PRLIMIT,
    OL_STEP_EXECVE,
    OL_STEP_FCNTL,
    OL_STEP_INTERPRETER, /* execve(2): the file exists, the interpreter it names does not */
    OL_STEP_SOCKET,
    OL_STEP_IOCTL,
    OL_STEP_SETPRIORITY,
    OL_STEP_SENDMSG,
};

/* What PID 1 and, until it is executed, the command tell the supervisor. */
enum ol_record_kind {
    OL_RECORD_FAILED = 1, /* section, operation, step, error; text: path or interpreter */
    OL_RECORD_STARTED,    /* the command was executed */
    OL_RECORD_EXITED,     /* wait_status, executed, usage */
    OL_RECORD_EMPTIED,    /* after EXITED: every process but PID 1 is dead and reaped */
};

/* Written with one write(2), which is atomic: it is smaller than PIPE_BUF. */
struct ol_record {
    uint32_t kind;
    uint32_t section;
    uint32_t operation;
    uint32_t step;
    int32_t error;
    int32_t wait_status; /* as wait4(2) gives it */
    uint32_t executed;   /* 0: the command ended before execve(2) had succeeded */
    uint32_t reserved;
    uint64_t user_us;   /* processor time of all processes that were waited for */
    uint64_t system_us;
    char text[208];
};
_Static_assert(sizeof(struct ol_record) == 256, "the parent reads this layout");

/*
 * Starts a container from a plan. Returns the pid of its PID 1 and stores a descriptor for it in
 * `pidfd`, or returns -errno of clone3(2).
 */
pid_t ol_launch(const struct ol_plan *plan, int *pidfd);

/* A process that holds a namespace open. It and its stack stay in use until the process has been
 * reaped. */
struct ol_holder {
    int reader; /* the process ends at the end of this pipe */
    int writer;
    int ready; /* gets a byte when all of the namespace is there, or `step` is set */
    /* user: what those in it can have of inotify(7); 0 leaves the host's limit alone */
    unsigned inotify_instances;
    unsigned inotify_watches;
    enum ol_step step; /* at which it has failed, if at any */
    int error;         /* an errno */
    void *stack;       /* OL_HOLDER_STACK_SIZE bytes, at a multiple of 16 */
};

enum { OL_HOLDER_STACK_SIZE = 16 * 1024 };

/*
 * Start a process that is in a new user namespace, and sets its limits, or that makes a network
 * namespace in which loopback is up, while its parent goes on. It shares the caller's memory. They
 * return its pid, or -errno.
 */
pid_t ol_start_user_namespace_holder(struct ol_holder *holder);
pid_t ol_start_network_namespace_holder(struct ol_holder *holder);

#endif
