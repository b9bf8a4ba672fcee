#!/bin/sh
# Launches plans for real with a CLaunch that was compiled with AddressSanitizer and
# UndefinedBehaviorSanitizer; fails on any report. Needs root and clang.
set -eu

cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
    echo "check-c.sh: launching containers needs root: make check-c" >&2
    exit 1
fi

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

${CC:-clang} -std=c17 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer \
    -Wall -Wextra -Wconversion -Wswitch-enum -Werror \
    -fuse-ld=lld -fsanitize=address,undefined -fno-sanitize-recover=all \
    -I Sources/CLaunch/include \
    Sources/CLaunch/*.c Tests/CLaunchSanitize/driver.c -o "$directory/driver"

# detect_leaks=0: LeakSanitizer stops the process with ptrace(2) at its end, which a seccomp filter
# or no_new_privs in the child forbids; the child frees nothing anyway, execve(2) does.
# handle_segv and the like stay on: a report is what we look for.
# log_path: the child's standard error is the null device when PID 1 has forked the command.
status=0
ASAN_OPTIONS="detect_leaks=0:log_path=$directory/report" \
    UBSAN_OPTIONS="print_stacktrace=1:log_path=$directory/report" \
    "$directory/driver" || status=$?

# The command's process has a stack of its own, which AddressSanitizer does not know: when a function
# that does not return is called there, it says so. It is no finding.
unknown_stack='ASan is ignoring requested __asan_handle_no_return|^False positive error reports may follow$'
unknown_stack="$unknown_stack|^For details see https://github.com/google/sanitizers/issues/189$"
for report in "$directory"/report.*; do
    [ -e "$report" ] || continue
    if grep -vE "$unknown_stack" "$report" >&2; then
        status=1
    fi
done
[ "$status" -eq 0 ] && echo "check-c.sh: no report"
exit "$status"
