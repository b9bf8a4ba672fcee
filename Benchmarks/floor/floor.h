/* The state of a launch, and what its parts do: prepare.c what the parent does, child.c the rest. */
#ifndef FLOOR_H
#define FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef CHECKED
#include <stdio.h>
#include <stdlib.h>
/* The result of a system call that must not fail. */
#define CALL(call)                                                                                 \
    ({                                                                                             \
        __auto_type floor_result = (call);                                                         \
        if (floor_result < 0) {                                                                    \
            perror(#call);                                                                         \
            _exit(125);                                                                            \
        }                                                                                          \
        floor_result;                                                                              \
    })
#else
#define CALL(call) (call)
#endif

enum { FLOOR_BASE = 0x70000000, FLOOR_IDS = 65536, FLOOR_CGROUPS = 4, FLOOR_WORDS = 8,
       FLOOR_STACK = 16 * 1024 };

/* A process that holds a namespace open until the end of a pipe. */
struct holder {
    int end[2];
    int ready[2];
    pid_t pid;
    _Alignas(16) char stack[FLOOR_STACK];
};

struct cgroup {
    char path[256];
    int procs; /* cgroup.procs of v1, open for writing */
};

struct launch {
    const char *rootfs;
    const char *slot_path;
    char *command[FLOOR_WORDS + 1];
    char *arguments; /* the memory of argv, erased in the child */
    size_t arguments_size;
    bool shares_network;
    struct cgroup cgroups[FLOOR_CGROUPS];
    int cgroup_count;
    int cgroup2; /* a directory of v2, into which the child is cloned; -1: none */
    int epoll;
    int slot;
    struct holder network_holder;
    struct holder user_holder;
    int network;
    int user_namespace;
    int layer;
    int scratch;
    int devices;
    int terminals;
    int shared_memory;
    int masks;
    int null;
    int input;
    int output[2][2];
    int status[2];
    int lifeline[2];
};

/* What PID 1 reports, in 256 bytes as oneoff's records are. */
struct report {
    uint32_t kind; /* 1: the command runs, 2: it has ended, 3: everybody has */
    int32_t wait_status;
    char rest[248];
};
_Static_assert(sizeof(struct report) == 256, "as large as oneoff's");

void floor_read_arguments(struct launch *launch, int count, char **arguments);
void floor_begin_network(struct launch *launch);
void floor_prepare(struct launch *launch);
void floor_reap_holders(struct launch *launch);
void floor_remove_cgroups(const struct launch *launch);
int floor_exit_status(const char *reports, size_t size, int status);
pid_t floor_clone(struct launch *launch, int *pidfd);

/* A detached mount of a type with options "key", "value", ..., NULL. */
int floor_mount(const char *type, unsigned attributes, const char *const *options);

#endif
