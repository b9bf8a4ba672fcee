/*
 * A process that holds a user namespace open until its maps are written and a descriptor is taken.
 */
#include "ol_plan.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <unistd.h>

struct ol_pipe_ends {
    int reader;
    int writer;
};

/* Shares the caller's memory but has descriptors of its own: it must close its copy of the writing
 * end, or it would wait for itself. */
static int ol_hold(void *argument) {
    const struct ol_pipe_ends ends = *(const struct ol_pipe_ends *)argument;
    char byte;
    close(ends.writer);
    while (read(ends.reader, &byte, 1) > 0) {
    }
    return 0;
}

pid_t ol_start_namespace_holder(int reader, int writer) {
    /* Static: the holder lives on after this function has returned. One at a time. */
    static alignas(16) char stack[16 * 1024];
    static struct ol_pipe_ends ends;
    ends = (struct ol_pipe_ends){reader, writer};
    pid_t pid = clone(ol_hold, stack + sizeof stack, CLONE_VM | CLONE_NEWUSER | SIGCHLD, &ends);
    return pid < 0 ? -errno : pid;
}
