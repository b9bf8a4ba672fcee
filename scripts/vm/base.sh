#!/bin/sh
# base.sh OUT: the root file system of the machines, an ext4 image made once, of the host's own Debian release: the
# tests are built on the host and need its C library.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1

# What the integration tests call, and what their executable is linked with. They name what they need themselves
# (Tests/IntegrationTests/MachineRequirements.swift), and the runner says which were skipped for want of it.
packages='systemd systemd-sysv dbus libseccomp2 libstdc++6 util-linux util-linux-extra bash coreutils procps iproute2
    uidmap e2fsprogs libcap2-bin curl openssl python3 gcc libc6-dev busybox-static'

tree=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$tree"' EXIT
trap 'exit 130' HUP INT TERM
echo "Making the machines' root file system"
# shellcheck disable=SC2086 # words
set -- $packages
sh "$here/../../rootfs-fixtures/build-rails.sh" "$tree/root" "$*" >"$out.log" 2>&1 || {
    cat "$out.log" >&2
    exit 1
}
echo vm >"$tree/root/etc/hostname"
rm -f "$out.new"
# No journal: a machine's changes to it are forgotten.
mke2fs -q -t ext4 -O ^has_journal -N 400000 -m 0 -d "$tree/root" "$out.new" 4G >>"$out.log"
mv "$out.new" "$out"
rm -f "$out.log"
