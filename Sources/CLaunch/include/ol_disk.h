/*
 * System calls for a file system in a file: loop devices, and how much room there is. As in
 * ol_calls.h, each returns a value or -errno.
 */
#ifndef OL_DISK_H
#define OL_DISK_H

#include <stdint.h>

/* A file of that many bytes that has no name and no blocks yet, on the file system of `directory`;
 * closed on execve(2). */
long ol_unnamed_file(const char *directory, uint64_t size);

/* The number of a loop device that nobody uses, made if need be; `control` is /dev/loop-control. */
long ol_free_loop_device(int control);

/* Puts a file behind a loop device, until nobody has the device open any more. -EBUSY: somebody
 * else was faster. See loop(4). */
long ol_attach_to_loop_device(int device, int file);

/* What is left of a file system for those without rights (statfs(2)). */
struct ol_room {
    uint64_t bytes;
    uint64_t files;
    uint64_t all_bytes;
};

long ol_room(int file, struct ol_room *room);

/* Takes space for a file, also behind its end: its size stays (fallocate(2)). */
long ol_take_space(int file, int64_t offset, int64_t length);

/* syncfs(2); `directory` may have been opened by path only. */
long ol_sync_file_system(int directory);

/* Has an ext4 forget what it has not written to its device yet, and refuse everything from now on;
 * `directory` may have been opened by path only. */
long ol_shut_down_ext4(int directory);

#endif
