/*
 * The supervisor's side of a seccomp listener: the calls that a filter has blocked, one after the
 * other, and the answers to them. See seccomp_unotify(2) and docs/decisions/015.
 *
 * No answer is ever "go on": what the filter refuses stays refused, so nothing here needs to look
 * into the caller's memory, which may change at any time.
 */
#include "ol_calls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

_Static_assert(sizeof(((struct ol_blocked_call *)0)->arguments) ==
                   sizeof(((struct seccomp_data *)0)->args),
               "six arguments");

long ol_socket_pair(int *first, int *second) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        return -errno;
    }
    *first = ends[0];
    *second = ends[1];
    return 0;
}

long ol_receive_descriptor(int socket) {
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0) {
        return -errno;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS) {
        /* Nobody has sent one, or this process may not have any more. */
        return count == 0 ? -ENODATA : -EMFILE;
    }
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return descriptor;
}

/* The kernel may have a longer structure than its header of build time; it wants zeros there. */
union ol_notification {
    struct seccomp_notif notification;
    char room[512];
};

/* A notification that poll(2) has shown is either there or was withdrawn by the death of its
 * process, for which the kernel answers ENOENT: receiving never waits. */
long ol_receive_blocked_call(int listener, struct ol_blocked_call *call) {
    struct pollfd watched = {.fd = listener, .events = POLLIN};
    if (poll(&watched, 1, 0) <= 0 || (watched.revents & POLLIN) == 0) {
        return (watched.revents & (POLLHUP | POLLERR)) != 0 ? -EPIPE : -EAGAIN;
    }
    union ol_notification received;
    memset(&received, 0, sizeof received);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &received.notification) < 0) {
        return errno == ENOENT || errno == EINTR ? -EAGAIN : -errno;
    }
    *call = (struct ol_blocked_call){
        .id = received.notification.id,
        .number = (uint32_t)received.notification.data.nr,
        .architecture = received.notification.data.arch,
    };
    memcpy(call->arguments, received.notification.data.args, sizeof call->arguments);
    return 0;
}

/* ENOENT: the caller is dead, and needs no answer any more. */
long ol_answer_blocked_call(int listener, uint64_t id, int error) {
    union {
        struct seccomp_notif_resp response;
        char room[512];
    } answer;
    memset(&answer, 0, sizeof answer);
    answer.response.id = id;
    answer.response.error = -error;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer.response) < 0 && errno != ENOENT
               ? -errno
               : 0;
}
