/*
 * floor: the launch of oneoff as a C program that decides nothing and checks nothing.
 *
 *     floor --print-filter
 *     floor --slot FILE [--share-net] [--cgroup PARENT [--set FILE VALUE]...]... ROOTFS COMMAND
 *
 * It makes the system calls that `strace -f` shows of `oneoff run`, in the same order and with the
 * same arguments, but for those with which oneoff finds out what to do, looks at what was changed,
 * and explains. So it is what the kernel asks for a launch, and nobody should use it for anything
 * else. Built with -DCHECKED, every call must succeed: that is how the benchmark knows that the one
 * it measures does its work.
 */
#include "floor.h"
#include "ol_seccomp.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

static void close_prepared(struct launch *launch) {
    const int done[] = {launch->status[1],      launch->lifeline[0], launch->user_namespace,
                        launch->devices,        launch->terminals,   launch->shared_memory,
                        launch->masks,          launch->null,        launch->input,
                        launch->output[0][1],   launch->output[1][1]};
    for (unsigned index = 0; index < sizeof done / sizeof *done; index++) {
        close(done[index]);
    }
    if (launch->network >= 0) {
        close(launch->network);
    }
}

/* Passes output on until both streams are at their end and PID 1 is dead. The command's status. */
static int supervise(struct launch *launch, int pidfd) {
    static char buffer[1 << 16];
    const int watched[] = {launch->status[0], pidfd, launch->output[0][0], launch->output[1][0]};
    int open_count = 4;
    int status = 0;
    for (int index = 0; index < 4; index++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
        CALL(epoll_ctl(launch->epoll, EPOLL_CTL_ADD, watched[index], &event));
    }
    while (open_count > 0) {
        struct epoll_event events[8];
        int count = CALL(epoll_wait(launch->epoll, events, 8, -1));
        for (int index = 0; index < count; index++) {
            uint32_t which = events[index].data.u32;
            if (which >= 4) {
                return 128; /* a signal: PID 1 ends at the end of its lifeline */
            }
            ssize_t length = 0;
            if (which != 1) {
                length = read(watched[which], buffer, sizeof buffer);
            }
            if (length <= 0) {
                epoll_ctl(launch->epoll, EPOLL_CTL_DEL, watched[which], NULL);
                open_count--;
            } else if (which >= 2) {
                CALL(write((int)which - 1, buffer, (size_t)length));
            } else {
                status = floor_exit_status(buffer, (size_t)length, status);
            }
        }
    }
    return status;
}

static void block_signals(struct launch *launch) {
    sigset_t forwarded;
    sigemptyset(&forwarded);
    const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM};
    for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++) {
        sigaddset(&forwarded, numbers[index]);
    }
    launch->epoll = epoll_create1(EPOLL_CLOEXEC);
    const int others[] = {timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                          (sigprocmask(SIG_BLOCK, &forwarded, NULL),
                           signalfd(-1, &forwarded, SFD_CLOEXEC | SFD_NONBLOCK))};
    for (int index = 0; index < 2; index++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = 4u + (uint32_t)index};
        CALL(epoll_ctl(launch->epoll, EPOLL_CTL_ADD, others[index], &event));
    }
}

static void take_slot(struct launch *launch) {
    launch->slot = CALL(open(launch->slot_path,
                             O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    CALL(flock(launch->slot, LOCK_EX | LOCK_NB));
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--print-filter") == 0) {
        /* For others who take a compiled program: the default filter of a command. */
        const struct sock_fprog *filter = ol_seccomp_default();
        return write(1, filter->filter, filter->len * sizeof *filter->filter) < 0;
    }
    struct launch launch = {.network = -1, .cgroup2 = -1};
    floor_read_arguments(&launch, count, arguments);
    block_signals(&launch);
    umask(0);
    if (!launch.shares_network) {
        floor_begin_network(&launch);
    }
    take_slot(&launch);
    floor_prepare(&launch);
    CALL(pipe2(launch.status, O_CLOEXEC));
    CALL(pipe2(launch.lifeline, O_CLOEXEC));
    int pidfd = -1;
    pid_t child = floor_clone(&launch, &pidfd);
    close_prepared(&launch);
    floor_reap_holders(&launch);
    int status = supervise(&launch, pidfd);
    CALL(wait4(child, NULL, __WALL, NULL));
    floor_remove_cgroups(&launch);
    return status;
}
