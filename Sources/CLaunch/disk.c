/*
 * System calls for a file system in a file; see ol_disk.h.
 */
#include "ol_disk.h"
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

long ol_unnamed_file(const char *directory, uint64_t size) {
    int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 && ftruncate(file, (off_t)size) < 0) {
        int error = errno;
        close(file);
        return -error;
    }
    return ol_result(file);
}

long ol_free_loop_device(int control) { return ol_result(ioctl(control, LOOP_CTL_GET_FREE)); }

long ol_attach_to_loop_device(int device, int file) {
    struct loop_config config = {.fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    return ol_result(ioctl(device, LOOP_CONFIGURE, &config));
}

long ol_room(int file, struct ol_room *room) {
    struct statfs found;
    long result = ol_result(fstatfs(file, &found));
    if (result == 0) {
        uint64_t block = (uint64_t)found.f_bsize;
        *room = (struct ol_room){
            .bytes = found.f_bavail * block,
            .files = found.f_ffree,
            .all_bytes = found.f_blocks * block,
        };
    }
    return result;
}

long ol_take_space(int file, int64_t offset, int64_t length) {
    return ol_result(fallocate(file, FALLOC_FL_KEEP_SIZE, offset, length));
}

long ol_sync_file_system(int directory) {
    int root = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return -errno;
    }
    long result = ol_result(syncfs(root));
    close(root);
    return result;
}

/* What no header for programs has; see fs/ext4/ext4.h of the kernel. */
enum { OL_EXT4_GOING_FLAGS_NOLOGFLUSH = 2 };
#define OL_EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)

long ol_shut_down_ext4(int directory) {
    uint32_t flags = OL_EXT4_GOING_FLAGS_NOLOGFLUSH;
    int root = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return -errno;
    }
    long result = ol_result(ioctl(root, OL_EXT4_IOC_SHUTDOWN, &flags));
    close(root);
    return result;
}
