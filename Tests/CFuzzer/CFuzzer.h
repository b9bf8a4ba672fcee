// libFuzzer as a library, which has no header of its own. See llvm.org/docs/LibFuzzer.html.
#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

// Calls `test` with inputs until one crashes or the arguments' limits are reached.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *data, size_t size));

#endif
