/*
 * Where this process's arguments and environment lie.
 */
#include "ol_calls.h"

#include <string.h>

static int argument_count;
static char **argument_vector;
static size_t memory_length;

/* glibc hands every constructor the arguments of main; nothing has moved the environment yet.
 * execve(2) has laid the strings out in one block: the arguments, then the environment. */
__attribute__((constructor)) static void ol_note_arguments(int count, char **arguments,
                                                           char **environment) {
    if (count < 1) {
        return;
    }
    argument_count = count;
    argument_vector = arguments;
    const char *end = arguments[count - 1] + strlen(arguments[count - 1]) + 1;
    for (; *environment == end; environment++) {
        end += strlen(end) + 1;
    }
    memory_length = (size_t)(end - arguments[0]);
}

int ol_argument_count(void) { return argument_count; }

char **ol_argument_vector(void) { return argument_vector; }

size_t ol_argument_memory(void) { return memory_length; }
