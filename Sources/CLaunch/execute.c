/*
 * execve(2), with the candidates that PATH gave, and a diagnosis when it fails.
 */
#include "internal.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum {
    OL_INTERPRETER_MAX = PATH_MAX - 1,
    OL_INTERPRETER_DEPTH = 6, /* execve(2) follows five scripts at most */
};

/* The interpreter's path of an ELF executable (elf(5), PT_INTERP). False when there is none. */
static bool ol_elf_interpreter(int file, const Elf64_Ehdr *header, char *interpreter) {
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64) {
        return false;
    }
    for (uint16_t index = 0; index < header->e_phnum; index++) {
        Elf64_Phdr segment;
        off_t offset = (off_t)(header->e_phoff + (uint64_t)index * sizeof segment);
        if (pread(file, &segment, sizeof segment, offset) != sizeof segment) {
            return false;
        }
        if (segment.p_type == PT_INTERP && segment.p_filesz <= OL_INTERPRETER_MAX) {
            return pread(file, interpreter, segment.p_filesz, (off_t)segment.p_offset) > 0;
        }
    }
    return false;
}

/* The interpreter's path of a script: what stands after "#!", up to a blank. */
static bool ol_script_interpreter(const char *start, size_t length, char *interpreter) {
    if (length < 2 || start[0] != '#' || start[1] != '!') {
        return false;
    }
    size_t begin = 2;
    while (begin < length && (start[begin] == ' ' || start[begin] == '\t')) {
        begin++;
    }
    size_t end = begin;
    while (end < length && end - begin < OL_INTERPRETER_MAX &&
           strchr(" \t\n", start[end]) == NULL) {
        end++;
    }
    memcpy(interpreter, start + begin, end - begin);
    return true;
}

/* Finds the interpreter that a program's file names; it stays NULL where there is none. The text
 * stays valid until the next call: PID 1, whose memory it is, too, sleeps and never comes here. */
static int ol_find_interpreter(const char *path, const char **found) {
    static char interpreter[OL_INTERPRETER_MAX + 1];
    union {
        char text[256]; /* as much as the kernel looks at (BINPRM_BUF_SIZE) */
        Elf64_Ehdr elf;
    } start;
    *found = NULL;
    /* O_NONBLOCK: an image may have a named pipe there. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return errno;
    }
    memset(interpreter, 0, sizeof interpreter);
    ssize_t length = read(file, start.text, sizeof start);
    if ((length >= 2 && ol_script_interpreter(start.text, (size_t)length, interpreter)) ||
        (length >= (ssize_t)sizeof start.elf &&
         ol_elf_interpreter(file, &start.elf, interpreter))) {
        *found = interpreter;
    }
    close(file);
    return 0;
}

/* Errors that execve(2) will meet, too, and say itself; and those of a seccomp profile that allows
 * execve(2) but not to look at files: whoever has written it has done without this check. */
static bool ol_is_left_to_execve(int error) {
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG ||
           error == EPERM || error == ENOSYS;
}

/* Until execve(2) has succeeded, /proc/self/exe is the host's oneoff. Returns EPERM when `path` is
 * that, and another errno when this cannot be told. */
static int ol_check_own_program(const char *path) {
    struct stat own;
    struct stat file;
    if (stat(path, &file) < 0 || stat("/proc/self/exe", &own) < 0) {
        return ol_is_left_to_execve(errno) ? 0 : errno;
    }
    return file.st_dev == own.st_dev && file.st_ino == own.st_ino ? EPERM : 0;
}

/* An image may name the host's program, as a link to it or as an interpreter (CVE-2019-5736): an
 * error then. Also for a file that may be executed but not looked at, which could hide one. */
static int ol_refuse_own_program(const char *path) {
    for (int depth = 0; path != NULL && depth < OL_INTERPRETER_DEPTH; depth++) {
        const char *interpreter = NULL;
        int error = ol_check_own_program(path);
        if (error != 0) {
            return error;
        }
        error = ol_find_interpreter(path, &interpreter);
        if (error != 0) {
            return ol_is_left_to_execve(error) ? 0 : error;
        }
        path = interpreter;
    }
    return 0;
}

/* Errors after which another directory of PATH may still hold the command, as in execvp(3). */
static bool ol_may_be_elsewhere(int error) {
    return error == ENOENT || error == ENOTDIR || error == EACCES;
}

/* For a directory execve(2) gives EACCES; EISDIR in the record tells it from a file's. */
static bool ol_is_directory(const char *path) {
    struct stat file;
    return stat(path, &file) == 0 && S_ISDIR(file.st_mode);
}

struct ol_outcome ol_execute(const struct ol_operation *operation) {
    struct ol_outcome outcome = {OL_STEP_EXECVE, ENOENT, NULL};
    for (const char *path = operation->text; *path != '\0'; path += strlen(path) + 1) {
        int error = ol_refuse_own_program(path);
        if (error == 0) {
            execve(path, (char *const *)operation->data, (char *const *)operation->more);
            error = errno;
        }
        if (error == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0) {
            const char *interpreter = NULL;
            ol_find_interpreter(path, &interpreter);
            return (struct ol_outcome){OL_STEP_INTERPRETER, error,
                                       interpreter == NULL ? path : interpreter};
        }
        if (!ol_may_be_elsewhere(error)) {
            return (struct ol_outcome){OL_STEP_EXECVE, error, path};
        }
        /* The first file that could not be executed is the one that was meant. */
        if (error == EACCES && outcome.error != EACCES) {
            outcome = (struct ol_outcome){OL_STEP_EXECVE, ol_is_directory(path) ? EISDIR : error,
                                          path};
        }
    }
    if (outcome.error == ENOENT && (operation->flags & OL_OPTIONAL) != 0) {
        return ol_done();
    }
    return outcome;
}
