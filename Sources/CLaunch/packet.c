/*
 * A packet that is too large for a socket; see ol_calls.h.
 */
#include "ol_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static long ol_sealed_file(const char *bytes, size_t count) {
    int file = memfd_create("oneoff", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) {
        return -errno;
    }
    for (size_t written = 0; written < count;) {
        ssize_t result = write(file, bytes + written, count - written);
        if (result < 0 && errno == EINTR) {
            continue;
        }
        if (result < 0) {
            int error = errno;
            close(file);
            return -error;
        }
        written += (size_t)result;
    }
    if (fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
        int error = errno;
        close(file);
        return -error;
    }
    return file;
}

long ol_send_as_file(int socket, const void *bytes, size_t count) {
    long file = ol_sealed_file(bytes, count);
    if (file < 0) {
        return file;
    }
    const int number = (int)file;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof number)];
    } control = {.room = {0}};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof number);
    memcpy(CMSG_DATA(&control.header), &number, sizeof number);
    const struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    long result = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
    close(number);
    return result;
}
