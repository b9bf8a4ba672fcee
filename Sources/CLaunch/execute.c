/*
 * execve(2), with the candidates that PATH gave, and a diagnosis when it fails.
 */
#include "internal.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

enum { OL_INTERPRETER_MAX = 200 };

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

/* The text stays valid after the return, for the report: the child has this memory to itself. */
static const char *ol_interpreter(const char *path) {
    static char interpreter[OL_INTERPRETER_MAX + 1];
    union {
        char text[256];
        Elf64_Ehdr elf;
    } start;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return path;
    }
    ssize_t length = read(file, start.text, sizeof start);
    if (length >= 2 && ol_script_interpreter(start.text, (size_t)length, interpreter)) {
        return interpreter;
    }
    if (length >= (ssize_t)sizeof start.elf &&
        ol_elf_interpreter(file, &start.elf, interpreter)) {
        return interpreter;
    }
    return path;
}

/* Errors after which another directory of PATH may still hold the command, as in execvp(3). */
static bool ol_may_be_elsewhere(int error) {
    return error == ENOENT || error == ENOTDIR || error == EACCES;
}

struct ol_outcome ol_execute(const struct ol_operation *operation) {
    struct ol_outcome outcome = {OL_STEP_EXECVE, ENOENT, NULL};
    for (const char *path = operation->text; *path != '\0'; path += strlen(path) + 1) {
        execve(path, (char *const *)operation->data, (char *const *)operation->more);
        int error = errno;
        if (error == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0) {
            return (struct ol_outcome){OL_STEP_INTERPRETER, error, ol_interpreter(path)};
        }
        if (!ol_may_be_elsewhere(error)) {
            return (struct ol_outcome){OL_STEP_EXECVE, error, path};
        }
        if (error == EACCES) {
            outcome = (struct ol_outcome){OL_STEP_EXECVE, error, path};
        }
    }
    if (outcome.error == ENOENT && (operation->flags & OL_OPTIONAL) != 0) {
        return ol_done();
    }
    return outcome;
}
