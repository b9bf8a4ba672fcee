#!/bin/sh
# posture.sh: what oneoff, bubblewrap, crun and runc leave to a command with their defaults, counted by the probe inside.
#
# As root. Prints a Markdown table; `probe posture` (rootfs-fixtures/probe/posture.c) says how it counts. Nothing is
# written and no system call is carried out: files are opened and closed, calls end in a filter of the probe's own.
set -eu
cd "$(dirname "$0")/.."

for program in bwrap crun runc unshare; do
    command -v "$program" >/dev/null || missing="${missing:-} $program"
done
if [ -n "${missing:-}" ]; then
    echo "posture:$missing missing: install the Debian packages bubblewrap, crun, runc and util-linux" >&2
    exit 1
fi
for file in build/oneoff build/fixtures/tiny build/fixtures/probe; do
    [ -e "$file" ] || {
        echo "posture: $file is missing: make build fixtures" >&2
        exit 1
    }
done
if [ "$(id -u)" != 0 ]; then
    echo "posture: needs root: sudo make posture" >&2
    exit 1
fi

work=$(mktemp -d build/posture.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
root=$PWD/$work/rootfs
cp -a build/fixtures/tiny "$root"
mkdir -p "$root/dev" "$root/proc" "$root/sys"

# measure NAME COMMAND...: the facts of the probe that the command starts, in $work/NAME.
measure() {
    name=$1
    shift
    build/fixtures/probe in-keyring "$@" >"$work/$name" 2>"$work/$name.errors" || {
        echo "posture: $name failed:" >&2
        cat "$work/$name.errors" >&2
        exit 1
    }
}

# measure_oci NAME RUNTIME...: with the configuration that the runtime itself writes. In a mount namespace of its own
# that shows cgroup v2 only: crun 1.8 refuses a host with v1 and v2.
measure_oci() {
    runtime=$1
    shift
    mkdir "$work/$runtime-bundle"
    (cd "$work/$runtime-bundle" && "$1" spec &&
        sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"probe", "posture"/; s|"path": "rootfs"|"path": "'"$root"'"|' \
            config.json)
    # shellcheck disable=SC2016 # $@ is the inner shell's
    measure "$runtime" unshare --mount sh -c 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' \
        sh "$@" run --bundle "$work/$runtime-bundle" "oneoff-posture-$$"
}

measure none build/fixtures/probe posture
measure oneoff build/oneoff run --rootfs "$root" -- probe posture
measure bubblewrap bwrap --unshare-all --bind "$root" / --proc /proc --dev /dev probe posture
measure_oci crun crun --cgroup-manager=disabled
measure_oci runc runc

# value NAME KEY
value() { sed -n "s/^$2=//p" "$work/$1"; }

# keyring NAME: whose session keyring the command has
keyring() {
    serial=$(value "$1" keyring)
    case $serial in
        "$(value "$1" callers_keyring)") echo "the caller's" ;;
        E*) echo "refused ($serial)" ;;
        *) echo own ;;
    esac
}

# row TITLE FUNCTION [ARGUMENT]: a line of the table, FUNCTION being called with each name.
row() {
    title=$1
    shift
    printf '| %s |' "$title"
    for each in none oneoff bubblewrap crun runc; do printf ' %s |' "$("$1" "$each" "${2:-}")"; done
    printf '\n'
}

printf '| | no container | oneoff %s | bubblewrap %s | crun %s | runc %s |\n' \
    "$(build/oneoff version | sed 's/.* //')" "$(bwrap --version | sed 's/.* //')" \
    "$(crun --version | sed -n '1s/.* //p')" "$(runc --version | sed -n '1s/.* //p')"
echo '| --- | --- | --- | --- | --- | --- |'
row 'capabilities: effective' value capabilities_effective
row 'capabilities: bounding set' value capabilities_bounding
row 'no_new_privs' value no_new_privs
row 'user namespace' value user_namespace
row 'root inside is the host'"'"'s id' value host_uid_of_root
row "system calls: allowed, of $(value oneoff syscalls_asked) asked for" value syscalls_allowed
row 'system calls: refused' value syscalls_refused
row 'system calls: answered as if the kernel had none (ENOSYS)' value syscalls_missing
row 'files of /proc open for writing (without those of processes)' value proc_writable
row 'files of /sys open for writing' value sys_writable
row 'processes in /proc' value processes
row 'device nodes in /dev' value devices
row 'session keyring' keyring
echo
echo "Linux $(uname -r), $(uname -m), as root, $(date -u +%F)"
