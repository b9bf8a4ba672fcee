/*
 * PID 1 of the container: forks the command, forwards signals, reaps, reports, and ends everything
 * when the command has ended or the supervisor is gone.
 *
 * It stays in the supervisor's user namespace (the host's, but without root), where nothing inside
 * can reach it, and keeps no other capability than CAP_KILL.
 */
#include "internal.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

enum { OL_REAPED_AT_ONCE = 64, OL_SENDER_MS = 50 };

/* The deepest use is a path of PATH_MAX bytes. */
enum { OL_COMMAND_STACK_SIZE = 64 * 1024 };

struct ol_init {
    const struct ol_plan *plan;
    pid_t command;
    int child_ended; /* signalfd for SIGCHLD */
};

/*
 * The command is cloned with an exit signal of its own kind (none), which execve(2) resets to
 * SIGCHLD, and a wait without __WALL sees only children whose exit signal is SIGCHLD (wait(2)). So
 * this says for certain whether execve(2) has succeeded, also of a process that is dead already.
 */
static bool ol_command_was_executed(const struct ol_init *init) {
    siginfo_t information;
    return waitid(P_PID, (id_t)init->command, &information, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static uint64_t ol_microseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

static void ol_report_exit(const struct ol_init *init, int wait_status, bool was_executed) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    struct ol_record record = {
        .kind = OL_RECORD_EXITED,
        .section = OL_COMMAND,
        .wait_status = wait_status,
        .executed = was_executed,
        .user_us = ol_microseconds(usage.ru_utime),
        .system_us = ol_microseconds(usage.ru_stime),
    };
    ol_write_record(init->plan, &record);
}

/* Returns once nothing else lives in the container. kill(2) with -1 spares only its caller. */
static void ol_end_everything(void) {
    kill(-1, SIGKILL);
    while (wait4(-1, NULL, __WALL, NULL) > 0 || errno == EINTR) {
    }
}

/* The kernel takes a while to take the container apart: meanwhile the supervisor looks at what the
 * processes have left. */
static void ol_report_emptied(const struct ol_init *init) {
    struct ol_record record = {.kind = OL_RECORD_EMPTIED, .section = OL_COMMAND};
    ol_write_record(init->plan, &record);
}

/* Reaps what has ended, the command and orphans alike. False when there may be more: a command that
 * makes orphans without end must not keep PID 1 from its lifeline. */
static bool ol_reap_ended(const struct ol_init *init) {
    struct signalfd_siginfo drained[8];
    while (read(init->child_ended, drained, sizeof drained) > 0) {
    }
    for (int reaped = 0; reaped < OL_REAPED_AT_ONCE; reaped++) {
        int wait_status = 0;
        pid_t pid = wait4(-1, &wait_status, WNOHANG | __WALL, NULL);
        if (pid <= 0) {
            return true;
        }
        if (pid == init->command) {
            ol_report_exit(init, wait_status, true);
            ol_end_everything();
            ol_report_emptied(init);
            _exit(0);
        }
    }
    return false;
}

/* A terminal sends these two to the whole foreground process group, and shells count on it: one
 * that waits for a child ignores its own. The command leads a group once it has a session. */
static void ol_forward(const struct ol_init *init, int number) {
    bool is_for_group = number == SIGINT || number == SIGQUIT;
    if (!is_for_group || kill(-init->command, number) < 0) {
        kill(init->command, number);
    }
}

/* A byte on the lifeline is a signal for the command; its end is the end of the supervisor. */
static void ol_read_lifeline(const struct ol_init *init) {
    unsigned char signals[64];
    ssize_t count = read(init->plan->lifeline_reader, signals, sizeof signals);
    if (count == 0) {
        ol_end_everything();
        _exit(0);
    }
    for (ssize_t index = 0; index < count; index++) {
        ol_forward(init, signals[index]);
    }
}

/* The command's process is dead, or dying, without having been executed: it sends no SIGCHLD. */
static _Noreturn void ol_end_without_execution(const struct ol_init *init) {
    int wait_status = 0;
    wait4(init->command, &wait_status, __WALL, NULL);
    ol_report_exit(init, wait_status, false);
    ol_end_everything();
    _exit(0);
}

/* Lets the process end that sends a listener (confine.c), which takes it a moment, and reaps it:
 * nobody is signalled for it, since it has no exit signal. The command has one by now, and orphans
 * get one when they become children of PID 1: __WCLONE means no other process. Where there is none,
 * this is one call. For a bounded time: the command may have stopped it. */
static void ol_await_sender_of_listener(void) {
    for (int milliseconds = 0; milliseconds < OL_SENDER_MS; milliseconds++) {
        if (wait4(-1, NULL, (int)__WCLONE | WNOHANG, NULL) != 0) {
            return;
        }
        poll(NULL, 0, 1);
    }
}

static _Noreturn void ol_supervise(const struct ol_init *init) {
    struct pollfd watched[] = {
        {.fd = init->plan->lifeline_reader, .events = POLLIN},
        {.fd = init->child_ended, .events = POLLIN},
    };
    if (!ol_command_was_executed(init)) {
        ol_end_without_execution(init);
    }
    struct ol_record started = {.kind = OL_RECORD_STARTED, .section = OL_COMMAND};
    ol_write_record(init->plan, &started);
    /* BEFORE the end of the command kills everything: all that was blocked is to be counted. */
    ol_await_sender_of_listener();
    bool has_reaped_all = true;
    for (;;) {
        if (poll(watched, sizeof watched / sizeof *watched, has_reaped_all ? -1 : 0) < 0) {
            if (errno != EINTR) {
                /* Blind for the lifeline, PID 1 must not live on. */
                ol_end_everything();
                _exit(OL_EXIT_FAILED);
            }
            continue;
        }
        if (watched[0].revents != 0) {
            ol_read_lifeline(init);
        }
        if (watched[1].revents != 0 || !has_reaped_all) {
            has_reaped_all = ol_reap_ended(init);
        }
    }
}

/* PID 1 keeps four descriptors besides 0, 1 and 2. */
static struct ol_outcome ol_keep_descriptors(const struct ol_init *init) {
    int kept[] = {init->plan->status_writer, init->plan->lifeline_reader, init->plan->slot,
                  init->child_ended};
    enum { OL_KEPT = sizeof kept / sizeof *kept };
    for (int stream = 0; stream < 3; stream++) {
        if (init->plan->null >= 0 && dup3(init->plan->null, stream, 0) < 0) {
            return ol_failed(OL_STEP_DUP3);
        }
    }
    return ol_close_all_but(kept, OL_KEPT);
}

static int ol_run_command(void *argument) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    ol_perform_section(argument, OL_COMMAND);
    return 0; /* not reached by a plan that ends with OL_EXECUTE */
}

static _Noreturn void ol_fail_init(const struct ol_child *child, enum ol_step step, int error) {
    struct ol_record record = {
        .kind = OL_RECORD_FAILED,
        .section = OL_GUARD,
        .operation = UINT32_MAX,
        .step = step,
        .error = error,
    };
    ol_write_record(child->plan, &record);
    _exit(OL_EXIT_FAILED);
}

/*
 * Makes the command's process as vfork(2) does: it uses this memory, and PID 1 sleeps until it is
 * executed or dead. A copy of the memory, made to be thrown away, would take a tenth of the whole
 * start. See docs/decisions/009.
 */
static struct ol_outcome ol_fork_command(struct ol_child *child, pid_t *command) {
    static alignas(16) char stack[OL_COMMAND_STACK_SIZE];
    /* A sleeper cannot watch the lifeline: the kernel does that for as long. */
    if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) < 0) {
        return ol_failed(OL_STEP_PRCTL);
    }
    struct pollfd lifeline = {.fd = child->plan->lifeline_reader};
    if (poll(&lifeline, 1, 0) > 0 && (lifeline.revents & POLLHUP) != 0) {
        _exit(0); /* it had died before it was watched */
    }
    ol_stamp(child->plan, OL_STAMP_FORK);
    /* No exit signal; see ol_command_was_executed. */
    *command = clone(ol_run_command, stack + sizeof stack, CLONE_VM | CLONE_VFORK, child);
    if (*command < 0) {
        return ol_failed(OL_STEP_FORK);
    }
    ol_stamp(child->plan, OL_STAMP_EXECUTED);
    return ol_check(prctl(PR_SET_PDEATHSIG, 0L, 0L, 0L, 0L), OL_STEP_PRCTL);
}

_Noreturn void ol_run_init(struct ol_child *child) {
    struct ol_init init = {.plan = child->plan};
    sigset_t child_ended;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    /* Whatever the plan has done with signals: a signalfd(2) sees only what is blocked. */
    sigprocmask(SIG_BLOCK, &child_ended, NULL);
    init.child_ended = signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
    if (init.child_ended < 0) {
        ol_fail_init(child, OL_STEP_SIGNALFD, errno);
    }
    struct ol_outcome outcome = ol_fork_command(child, &init.command);
    if (outcome.step == OL_STEP_NONE) {
        outcome = ol_keep_descriptors(&init);
    }
    if (outcome.step != OL_STEP_NONE) {
        ol_fail_init(child, outcome.step, outcome.error);
    }
    ol_perform_section(child, OL_GUARD);
    ol_supervise(&init);
}
