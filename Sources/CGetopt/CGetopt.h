// getopt_long(3) for Swift, which sees neither <getopt.h> in its Glibc module nor, in language mode
// 6, the global variables that carry the results.
#ifndef CGETOPT_H
#define CGETOPT_H

#include <getopt.h>

// What one call of getopt_long(3) found.
struct ol_getopt_step {
  int code;     // its return value
  int option;   // optopt: the option that is at fault
  int next;     // optind: the index of the next argument
  char *value;  // optarg: the value, in argv itself
};

// Makes the next call start over, whatever was scanned before, and print nothing.
static inline void ol_getopt_restart(void) {
  optind = 0;
  opterr = 0;
}

static inline struct ol_getopt_step ol_getopt_next(
    int count, char **arguments, const char *letters, const struct option *long_options) {
  optarg = 0;
  optopt = 0;
  int code = getopt_long(count, arguments, letters, long_options, 0);
  struct ol_getopt_step step = {code, optopt, optind, optarg};
  return step;
}

#endif
