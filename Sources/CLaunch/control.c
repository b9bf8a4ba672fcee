/*
 * System calls of the supervisor's control socket; see ol_control.h.
 */
#include "ol_control.h"
#include "result.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int ol_control_address(const char *path, struct sockaddr_un *address) {
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length >= sizeof address->sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(address->sun_path, path, length);
    return 0;
}

/* The error of the last call, once the socket is closed. */
static long ol_control_failed(int socket) {
    int error = errno;
    close(socket);
    return -error;
}

long ol_control_listen(const char *path, int backlog) {
    struct sockaddr_un address;
    int error = ol_control_address(path, &address);
    if (error < 0) {
        return error;
    }
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return -errno;
    }
    /* The mode of the socket's file is what the mask leaves: chmod(2) would come too late. */
    mode_t mask = umask(0177);
    int result = bind(listener, (const struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (result < 0 || listen(listener, backlog) < 0) {
        return ol_control_failed(listener);
    }
    return listener;
}

static int ol_control_set_timeout(int socket, int timeout_s) {
    struct timeval time = {.tv_sec = timeout_s};
    if (setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0) {
        return -1;
    }
    return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

long ol_control_connect(const char *path, int timeout_s) {
    struct sockaddr_un address;
    int error = ol_control_address(path, &address);
    if (error < 0) {
        return error;
    }
    int wait = timeout_s > 0 ? 0 : SOCK_NONBLOCK;
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | wait, 0);
    if (connection < 0) {
        return -errno;
    }
    if (ol_control_set_timeout(connection, timeout_s) < 0 ||
        connect(connection, (const struct sockaddr *)&address, sizeof address) < 0) {
        return ol_control_failed(connection);
    }
    return connection;
}

long ol_control_pair(int *first, int *second) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return -errno;
    }
    *first = ends[0];
    *second = ends[1];
    return 0;
}

long ol_control_accept(int listener) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return connection < 0 ? -errno : connection;
}

long ol_control_peer(int socket, uint32_t *user) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return -errno;
    }
    *user = peer.uid;
    return 0;
}

long ol_control_send(int socket, const void *bytes, size_t count) {
    return ol_result(send(socket, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}
