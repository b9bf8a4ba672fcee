/*
 * The child of clone3(2): a loop over the plan.
 */
#include "internal.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* One write(2) of less than PIPE_BUF: never mixed with a record of the other process. */
void ol_write_record(const struct ol_plan *plan, const struct ol_record *record) {
    while (write(plan->status_writer, record, sizeof *record) < 0 && errno == EINTR) {
    }
}

static _Noreturn void ol_report_failure(const struct ol_child *child, uint64_t index,
                                        struct ol_outcome outcome) {
    struct ol_record record = {
        .kind = OL_RECORD_FAILED,
        .section = child->section,
        .operation = (uint32_t)index,
        .step = outcome.step,
        .error = outcome.error,
    };
    if (outcome.text != NULL) {
        size_t length = strnlen(outcome.text, sizeof record.text - 1);
        memcpy(record.text, outcome.text, length);
    }
    ol_write_record(child->plan, &record);
    _exit(OL_EXIT_FAILED);
}

static struct ol_outcome ol_perform(struct ol_child *child, const struct ol_operation *operation) {
    if (operation->kind < OL_NO_NEW_PRIVILEGES) {
        return ol_perform_setup(child, operation);
    }
    if (operation->kind < OL_NEW_SESSION) {
        return ol_perform_confinement(operation);
    }
    return ol_perform_command(child, operation);
}

/* Only where somebody asked for it. */
void ol_stamp(const struct ol_plan *plan, uint64_t place) {
    if (plan->stamps != 0) {
        uint64_t *stamps = (uint64_t *)(uintptr_t)plan->stamps;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        stamps[place] = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
}

static uint64_t ol_first_stamp(const struct ol_plan *plan, enum ol_section section) {
    uint64_t place = OL_STAMPS;
    for (int earlier = 0; earlier < (int)section; earlier++) {
        place += plan->section[earlier].count;
    }
    return place;
}

void ol_perform_section(struct ol_child *child, enum ol_section section) {
    const struct ol_operations *operations = &child->plan->section[section];
    uint64_t stamp = ol_first_stamp(child->plan, section);
    bool is_filtered = false;
    child->section = section;
    for (uint64_t index = 0; index < operations->count; index++) {
        /* A filter may kill whoever reads the clock, where that is a system call. */
        if (!is_filtered) {
            ol_stamp(child->plan, stamp + index);
        }
        is_filtered = is_filtered || operations->first[index].kind == OL_SECCOMP;
        struct ol_outcome outcome = ol_perform(child, &operations->first[index]);
        if (outcome.step != OL_STEP_NONE) {
            ol_report_failure(child, index, outcome);
        }
    }
}

static _Noreturn void ol_run_child(const struct ol_plan *plan) {
    struct ol_child child = {.plan = plan, .root = -1, .proc = -1, .sys = -1};
    /* BEFORE anything that could block: while any copy of this end is open, the supervisor's death
     * goes unnoticed. */
    if (plan->lifeline_writer >= 0) {
        close(plan->lifeline_writer);
    }
    ol_perform_section(&child, OL_SETUP);
    ol_run_init(&child);
}

pid_t ol_launch(const struct ol_plan *plan, int *pidfd) {
    struct clone_args arguments = {
        .flags = plan->namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    if (plan->cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)plan->cgroup;
    }
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) {
        ol_run_child(plan);
    }
    return pid < 0 ? -errno : (pid_t)pid;
}
