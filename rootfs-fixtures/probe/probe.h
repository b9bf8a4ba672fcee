// What the probe's files share: how a verb is declared, how a fact is printed, how an argument is
// read.
//
// Output is one fact a line, `key=value`. Verbs that attempt something always print `result=` and
// `errno=`; the errno is a symbolic name, and `0` when nothing failed. Values that come from
// outside (names, file contents) are C-escaped, so that a fact is always exactly one line.
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { EXIT_USAGE = 64 };

// Runs one verb on its own arguments, without the verb's name; `args` ends with NULL. Returns the
// exit status.
typedef int verb_function(int count, char **args);

struct verb {
    const char *name;
    const char *usage;
    int least;
    int most; // -1: any number
    verb_function *run;
};

// Each file's verbs, ended by an entry without a name. probe.c searches them in turn.
extern const struct verb self_verbs[];
extern const struct verb file_verbs[];
extern const struct verb process_verbs[];
extern const struct verb attempt_verbs[];
extern const struct verb right_verbs[];
extern const struct verb setuid_verbs[];
extern const struct verb posture_verbs[];
extern const struct verb pour_verbs[];

__attribute__((format(printf, 2, 3))) void fact(const char *key, const char *format, ...);
void print_text(const char *text, size_t length); // C-escaped
void fact_text(const char *key, const char *text, size_t length);
void fact_error(int error);

// Prints `result=ok` or `result=failed`, and the errno. `outcome` is a system call's: -1 with errno
// set is failure.
int report(long outcome);

// Strict decimal numbers; anything else ends the probe with EXIT_USAGE.
unsigned long long parse_number(const char *text);
double parse_seconds(const char *text);
unsigned long parse_octal(const char *text);

void sleep_seconds(double seconds);

// Whether this runs on the machine itself, and not in a container: what could harm it is not done
// then.
bool is_machines_own_pid_namespace(void);
void print_file_kind(mode_t mode, dev_t device);

// Writes everything; false with errno set on failure.
bool write_all(int descriptor, const void *bytes, size_t length);

#endif
