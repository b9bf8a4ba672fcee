/*
 * How the functions for the Swift parent return what a system call did.
 */
#ifndef OL_RESULT_H
#define OL_RESULT_H

#include <errno.h>

/* The value of a call that returns -1 on failure, or -errno: of the call just made. */
static inline long ol_result(long result) { return result < 0 ? -errno : result; }

#endif
