#!/bin/sh
# project.sh OUT COMMAND: the project as the tests look for it, in an ext4 image: programs, fixtures, the tests' executable with
# the Swift libraries beside it, and the texts that tests read; and a command, which guest/tests.sh performs.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
out=$1 command=$2
bundle=oneoffPackageTests.xctest

tree=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$tree"' EXIT
trap 'exit 130' HUP INT TERM
built=$(cd "$here/.build/debug" && pwd -P)
inside=$tree/${built#"$here"/}
mkdir -p "$inside" "$tree/build/fixtures"
ln -s "${built#"$here/.build/"}" "$tree/.build/debug"
strip -o "$inside/$bundle" "$built/$bundle"
# Beside the executable, where its loader looks too.
ldd "$built/$bundle" | awk '$3 ~ /\/swift\/linux\// { print $3 }' | xargs cp -t "$inside"

cp "$here/build/oneoff" "$tree/build/"
for fixture in probe true-static tiny; do
    cp -a "$here/build/fixtures/$fixture" "$tree/build/fixtures/"
done
cp -a "$here/Sources" "$here/Tests" "$here/docs" "$here/README.md" "$here/scripts" "$here/rootfs-fixtures" "$tree/"
printf '%s\n' "$command" >"$tree/build/vm-command"
rm -f "$out"
mke2fs -q -t ext4 -O ^has_journal -m 0 -E root_owner=0:0 -d "$tree" "$out" 1G >/dev/null
