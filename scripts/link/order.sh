#!/bin/sh
# order.sh PROGRAM: traces PROGRAM, which has its symbols, through a run and a hook, and writes startup-order.txt anew.
#
# As root, on x86-64; a minute. docs/decisions/017-startup-order.md says what it is good for.
set -eu
cd "$(dirname "$0")/../.."
program=$1
rootfs=build/fixtures/tiny
for file in "$program" $rootfs; do
    [ -e "$file" ] || {
        echo "startup-order: $file is missing: make build fixtures" >&2
        exit 1
    }
done
work=$(mktemp -d build/startup-order.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

gcc -std=gnu17 -O2 -Wall -Wextra -Werror -o "$work/trace" scripts/link/trace.c
"$work/trace" "$work/run" "$program" run --rootfs $rootfs -- /bin/true-static
ONEOFF_STATE_DIR="$PWD/$work/state" "$work/trace" "$work/hook" "$program" hook --no-record --rootfs $rootfs --app-dir rootfs-fixtures/hook-app \
    --app sample >/dev/null
python3 scripts/link/symbols.py "$program" "$work/run" "$work/hook" >"$work/order"
[ -s "$work/order" ]
# What an earlier trace saw, of a recorded hook for example, comes after it, as far as the program still has it.
nm "$program" | awk '{ print $NF }' | sort -u >"$work/names"
awk 'FILENAME == ARGV[1] { there[$0]; next }
    FILENAME == ARGV[2] { seen[$0]; print; next }
    ($0 in there) && !($0 in seen)' "$work/names" "$work/order" scripts/link/startup-order.txt >"$work/all"
# Not by mv, which would leave root's file.
cat "$work/all" >scripts/link/startup-order.txt
wc -l scripts/link/startup-order.txt
