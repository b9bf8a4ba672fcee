#!/bin/sh
# check-swift.sh: fails with advice unless Swift 6.3 or newer is installed.
set -eu
needed=6.3

if ! command -v "${SWIFT:-swift}" >/dev/null; then
    echo "Swift $needed or newer is needed, and there is no 'swift' in PATH." >&2
    echo "hint: install it from https://www.swift.org/install/linux/" >&2
    exit 1
fi
found=$("${SWIFT:-swift}" --version 2>/dev/null |
    sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
older=$(printf '%s\n%s\n' "$needed" "${found:-0}" | sort -V | head -n 1)
if [ "$older" != "$needed" ]; then
    echo "Swift $needed or newer is needed, and 'swift' is ${found:-of an unknown version}." >&2
    echo "hint: install it from https://www.swift.org/install/linux/" >&2
    exit 1
fi
