#!/bin/sh
# bench.sh: start-up beside bubblewrap, start-up with few and many files, output rate, and the supervisor's memory.
#
# As root, on an idle machine. ONEOFF_BENCH_RUNS sets how often each start is measured (default 500).
set -eu
cd "$(dirname "$0")/.."
runs=${ONEOFF_BENCH_RUNS:-500}

for program in bwrap python3; do
    command -v "$program" >/dev/null || missing="${missing:-} $program"
done
if [ -n "${missing:-}" ]; then
    echo "bench:$missing missing: install the Debian packages bubblewrap and python3" >&2
    exit 1
fi
for file in build/oneoff build/fixtures/tiny; do
    [ -e "$file" ] || {
        echo "bench: $file is missing: make build fixtures" >&2
        exit 1
    }
done
if [ "$(id -u)" != 0 ]; then
    echo "bench: needs root: sudo make bench" >&2
    exit 1
fi

work=$(mktemp -d build/bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Ten files, and the same with 100,000 more.
mkdir -p "$work/few/bin"
cp build/fixtures/true-static build/fixtures/probe "$work/few/bin/"
(cd "$work/few" && mkdir proc dev sys etc && touch etc/passwd etc/group etc/hosts etc/hostname etc/resolv.conf \
    etc/profile etc/issue etc/motd)
cp -a "$work/few" "$work/many"
(cd "$work/many" && seq -f 'files/%03g' 1 1000 | xargs mkdir -p &&
    for directory in files/*; do (cd "$directory" && seq 1 100 | xargs touch); done)

python3 scripts/bench.py "$work" "$runs"
