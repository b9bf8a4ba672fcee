#!/bin/sh
# initramfs.sh KERNEL-DIR OUT: what a machine starts with: busybox, the kernel's modules, and guest/early.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 out=$2
busybox=$(command -v busybox)

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/root"
cp "$busybox" "$tree/bin/busybox"
cp -r "$kernel/modules" "$tree/modules"
install -m 0755 "$here/guest/early.sh" "$tree/init"
(cd "$tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$out.new"
mv "$out.new" "$out"
