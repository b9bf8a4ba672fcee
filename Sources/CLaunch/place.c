/*
 * Places below the new root. The image, the app's directory and the volumes may be hostile: a path
 * in them is resolved by the kernel, below a descriptor, in one step (openat2(2)), and mounts go to
 * the descriptor that came out of it, never to a path.
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* openat2(2): EAGAIN when a rename or mount anywhere on the host raced with "..". */
enum { OL_OPEN_ATTEMPTS = 128 };

int ol_directory(const struct ol_child *child, int32_t target) {
    switch (target) {
    case OL_REGISTER_ROOT:
        return child->root;
    case OL_REGISTER_PROC:
        return child->proc;
    case OL_REGISTER_SYS:
        return child->sys;
    default:
        return target;
    }
}

int ol_open_below(int root, const char *path, uint64_t resolve) {
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_NO_MAGICLINKS | resolve,
    };
    long descriptor = -1;
    for (int attempt = 0; attempt < OL_OPEN_ATTEMPTS; attempt++) {
        descriptor = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (descriptor >= 0 || errno != EAGAIN) {
            break;
        }
    }
    return (int)descriptor;
}

/* Makes one missing component: a directory, or the file that ends the path. */
static struct ol_outcome ol_create(int parent, const char *name, bool is_file,
                                   const struct ol_operation *owner) {
    int result = is_file ? mknodat(parent, name, S_IFREG | 0644, 0) : mkdirat(parent, name, 0755);
    if (result < 0) {
        return ol_failed(OL_STEP_MKDIRAT);
    }
    return ol_check(fchownat(parent, name, (uid_t)owner->number[0], (gid_t)owner->number[1],
                             AT_SYMLINK_NOFOLLOW),
                    OL_STEP_FCHOWNAT);
}

/* Opens `path`, and makes what is missing of it on the way. Stores the descriptor in `found`. */
static struct ol_outcome ol_open_or_create(int root, const struct ol_operation *operation,
                                           uint64_t resolve, int *found) {
    char path[PATH_MAX];
    size_t length = strnlen(operation->path, sizeof path);
    if (length == sizeof path) {
        return (struct ol_outcome){OL_STEP_OPENAT2, ENAMETOOLONG, operation->path};
    }
    int parent = root;
    for (size_t end = 0; end <= length; end++) {
        if (end < length && (operation->path[end] != '/' || end == 0)) {
            continue;
        }
        memcpy(path, operation->path, end);
        path[end] = '\0';
        int next = ol_open_below(root, path, resolve);
        if (next < 0 && errno == ENOENT) {
            char *slash = strrchr(path, '/');
            bool is_file = end == length && (operation->flags & OL_CREATE_FILE) != 0;
            struct ol_outcome outcome =
                ol_create(parent, slash == NULL ? path : slash + 1, is_file, operation);
            if (outcome.step != OL_STEP_NONE) {
                outcome.text = operation->path;
                return outcome;
            }
            next = ol_open_below(root, path, resolve);
        }
        if (next < 0) {
            struct ol_outcome outcome = ol_failed(OL_STEP_OPENAT2);
            outcome.text = operation->path;
            return outcome;
        }
        if (parent != root) {
            close(parent);
        }
        parent = next;
    }
    *found = parent;
    return ol_done();
}

/* Opens the place that an operation names. Stores the descriptor in `found`. */
static struct ol_outcome ol_open_place(int root, const struct ol_operation *operation,
                                       int *found) {
    uint64_t resolve = RESOLVE_IN_ROOT;
    if ((operation->flags & OL_REFUSE_SYMLINKS) != 0) {
        resolve |= RESOLVE_NO_SYMLINKS;
    }
    *found = ol_open_below(root, operation->path, resolve);
    if (*found >= 0) {
        return ol_done();
    }
    if (errno == ENOENT && (operation->flags & (OL_CREATE_DIRECTORY | OL_CREATE_FILE)) != 0) {
        return ol_open_or_create(root, operation, resolve, found);
    }
    struct ol_outcome outcome = ol_failed(OL_STEP_OPENAT2);
    outcome.text = operation->path;
    return outcome;
}

static struct ol_outcome ol_move_to(int mount, int place) {
    return ol_check(move_mount(mount, "", place, "",
                               MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
                    OL_STEP_MOVE_MOUNT);
}

struct ol_outcome ol_attach(const struct ol_child *child, const struct ol_operation *operation,
                            int mount) {
    int place = -1;
    struct ol_outcome outcome =
        ol_open_place(ol_directory(child, operation->target), operation, &place);
    if (outcome.step != OL_STEP_NONE) {
        return outcome;
    }
    outcome = ol_move_to(mount, place);
    close(place);
    return outcome;
}

/* Paths in /proc and /sys: beneath our own mount of them, and in no other. Stores -1 in `found`
 * where this kernel has no such file: there is nothing to hide then. */
static struct ol_outcome ol_open_kernel_file(const struct ol_child *child,
                                             const struct ol_operation *operation, int *found) {
    *found = ol_open_below(ol_directory(child, operation->target), operation->path,
                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (*found >= 0 || errno == ENOENT) {
        return ol_done();
    }
    struct ol_outcome outcome = ol_failed(OL_STEP_OPENAT2);
    outcome.text = operation->path;
    return outcome;
}

/* Covers a directory with an empty one and a file with the null device. Both come out of the mask
 * mount, which the parent made and which nothing inside can reach. */
struct ol_outcome ol_mask(const struct ol_child *child, const struct ol_operation *operation) {
    int place = -1;
    struct ol_outcome outcome = ol_open_kernel_file(child, operation, &place);
    if (outcome.step != OL_STEP_NONE || place < 0) {
        return outcome;
    }
    struct stat status;
    if (fstat(place, &status) < 0) {
        return ol_failed(OL_STEP_FSTAT);
    }
    const char *source = S_ISDIR(status.st_mode) ? "directory" : "null";
    int cover = open_tree(operation->descriptor, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (cover < 0) {
        return ol_failed(OL_STEP_OPEN_TREE);
    }
    outcome = ol_move_to(cover, place);
    close(cover);
    close(place);
    return outcome;
}

/* An empty path is the root of the target itself; anything else gets a read-only mount of its
 * own. */
struct ol_outcome ol_make_read_only(const struct ol_child *child,
                                    const struct ol_operation *operation) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    if (*operation->path == '\0') {
        return ol_check(mount_setattr(ol_directory(child, operation->target), "", AT_EMPTY_PATH,
                                      &attributes, sizeof attributes),
                        OL_STEP_MOUNT_SETATTR);
    }
    int place = -1;
    struct ol_outcome outcome = ol_open_kernel_file(child, operation, &place);
    if (outcome.step != OL_STEP_NONE || place < 0) {
        return outcome;
    }
    int cover =
        open_tree(place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (cover < 0) {
        return ol_failed(OL_STEP_OPEN_TREE);
    }
    if (mount_setattr(cover, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) <
        0) {
        return ol_failed(OL_STEP_MOUNT_SETATTR);
    }
    outcome = ol_move_to(cover, place);
    close(cover);
    close(place);
    return outcome;
}

/* By path only: whoever has the descriptor finds this mount, also when its namespace is gone. */
struct ol_outcome ol_send_place(const struct ol_child *child,
                                const struct ol_operation *operation) {
    /* An empty path is the root of the target itself. */
    const char *path = *operation->path == '\0' ? "." : operation->path;
    int place = ol_open_below(ol_directory(child, operation->target), path, RESOLVE_IN_ROOT);
    if (place < 0) {
        struct ol_outcome outcome = ol_failed(OL_STEP_OPENAT2);
        outcome.text = operation->path;
        return outcome;
    }
    struct ol_outcome outcome =
        ol_check(ol_send_descriptor(operation->descriptor, place), OL_STEP_SENDMSG);
    close(place);
    return outcome;
}
