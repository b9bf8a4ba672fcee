/*
 * The contract of everything in this module that runs in the child:
 *
 *   - It runs in a copy of a process whose other threads, if any, are gone. Their locks are not.
 *     So: no malloc, no stdio, no locale, no locks, nothing of Swift's.
 *   - Ids are set by raw system calls; those of glibc signal threads that are not there.
 *   - It reads the plan and writes nothing that the plan points at, but for its own copy of argv.
 *   - Until execve(2) the command's process shares PID 1's memory, while PID 1 sleeps
 *     (docs/decisions/009). It leaves nothing changed that PID 1 reads afterwards, but the section
 *     in ol_child, which PID 1 sets anew. Descriptors, signals and credentials are its own.
 *   - Every failure is reported as (section, operation, step, errno), at once, and ends the child.
 */
#ifndef OL_INTERNAL_H
#define OL_INTERNAL_H

#include "ol_plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The exit status of a child that has reported why it failed. */
enum { OL_EXIT_FAILED = 125 };

/* How an operation ended: OL_STEP_NONE, or the step at which `error` arose. */
struct ol_outcome {
    enum ol_step step;
    int error;
    const char *text; /* NULL, or what the error is about */
};

/* The state of a child: where it is in the plan, and the mounts it has made. */
struct ol_child {
    const struct ol_plan *plan;
    enum ol_section section;
    int root;
    int proc;
    int sys;
};

static inline struct ol_outcome ol_done(void) {
    return (struct ol_outcome){OL_STEP_NONE, 0, NULL};
}

/* To be called on the line after the failing call, before errno can change. */
static inline struct ol_outcome ol_failed(enum ol_step step) {
    return (struct ol_outcome){step, errno, NULL};
}

/* The outcome of a system call that returns a negative number when it fails. */
static inline struct ol_outcome ol_check(long result, enum ol_step step) {
    return result < 0 ? ol_failed(step) : ol_done();
}

/* setup.c */
struct ol_outcome ol_perform_setup(struct ol_child *child, const struct ol_operation *operation);

/* place.c: paths below the new root. */
int ol_directory(const struct ol_child *child, int32_t target);
int ol_open_below(int root, const char *path, uint64_t resolve);
struct ol_outcome ol_attach(const struct ol_child *child, const struct ol_operation *operation,
                            int mount);
struct ol_outcome ol_mask(const struct ol_child *child, const struct ol_operation *operation);
struct ol_outcome ol_make_read_only(const struct ol_child *child,
                                    const struct ol_operation *operation);
struct ol_outcome ol_send_place(const struct ol_child *child,
                                const struct ol_operation *operation);

/* confine.c: what takes rights away from a process. */
struct ol_outcome ol_perform_confinement(const struct ol_operation *operation);
struct ol_outcome ol_set_capabilities(uint64_t mask, uint64_t inherited);
struct ol_outcome ol_close_all_but(const int *kept, int count);
long ol_send_descriptor(int socket, int descriptor);

/* command.c */
struct ol_outcome ol_perform_command(const struct ol_child *child,
                                     const struct ol_operation *operation);

/* execute.c */
struct ol_outcome ol_execute(const struct ol_operation *operation);

/* init.c */
_Noreturn void ol_run_init(struct ol_child *child);

/* child.c */
void ol_perform_section(struct ol_child *child, enum ol_section section);
void ol_stamp(const struct ol_plan *plan, uint64_t place);
void ol_write_record(const struct ol_plan *plan, const struct ol_record *record);

#endif
