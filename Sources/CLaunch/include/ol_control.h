/*
 * System calls of the supervisor's control socket. Each returns a value, or -errno.
 */
#ifndef OL_CONTROL_H
#define OL_CONTROL_H

#include <stdint.h>
#include <sys/types.h>

/* A listening stream socket, non-blocking, at a path that did not exist, with mode 0600. */
long ol_control_listen(const char *path, int backlog);

/* A connection to the socket at a path, blocking; connecting, sending and receiving give up with
 * EAGAIN after `timeout_s` seconds. With 0 nothing of it ever waits. */
long ol_control_connect(const char *path, int timeout_s);

/* Two sockets that are connected to each other. */
long ol_control_pair(int *first, int *second);

/* A connection, non-blocking. */
long ol_control_accept(int listener);

/* The user who has connected (SO_PEERCRED). */
long ol_control_peer(int socket, uint32_t *user);

/* Sends without waiting and without SIGPIPE. */
long ol_control_send(int socket, const void *bytes, size_t count);

#endif
