/*
 * Files and directories that are copied from one tree into another, below descriptors; for the
 * Swift parent.
 */
#include "ol_calls.h"
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* The most bytes of one piece: about as much as is copied in a few milliseconds. */
enum { OL_PIECE_SIZE = 16 << 20 };

long ol_copy_piece(int source, int target, uint64_t *offset) {
    off_t start = lseek(source, (off_t)*offset, SEEK_DATA);
    if (start < 0) {
        return errno == ENXIO ? 0 : -errno;
    }
    off_t end = lseek(source, start, SEEK_HOLE);
    if (end < 0 || lseek(target, start, SEEK_SET) < 0) {
        return -errno;
    }
    off_t position = start;
    size_t count = end - start < OL_PIECE_SIZE ? (size_t)(end - start) : OL_PIECE_SIZE;
    ssize_t copied;
    do {
        copied = sendfile(target, source, &position, count);
    } while (copied < 0 && errno == EINTR);
    if (copied < 0) {
        return -errno;
    }
    *offset = (uint64_t)position;
    return copied;
}

long ol_copy_times(int source, const char *source_name, int target, const char *target_name) {
    struct stat status;
    if (fstatat(source, source_name, &status, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
        return -errno;
    }
    const struct timespec times[2] = {status.st_atim, status.st_mtim};
    return ol_result(*target_name == '\0'
                         ? futimens(target, times)
                         : utimensat(target, target_name, times, AT_SYMLINK_NOFOLLOW));
}

long ol_rename(int directory, const char *name, int new_directory, const char *new_name,
               int exchanges) {
    unsigned int flags = exchanges ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    return ol_result(renameat2(directory, name, new_directory, new_name, flags));
}
