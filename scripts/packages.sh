#!/bin/sh
# packages.sh PURPOSE...: installs the Debian packages that are missing for build, fixtures, rails, test, bench, link, posture, vm or lint.
#
# It says what it installs and asks nothing. Where nothing is missing it does not even look for sudo.
set -eu

packages_for() {
    case $1 in
    # libseccomp: its system call tables, and its compiler for profiles that users bring.
    build) echo git gcc libc6-dev binutils pkg-config libseccomp-dev ;;
    fixtures) echo gcc libc6-dev binutils make busybox-static ;;
    # What the apps' hooks talk to, and the certificate of one that stands in.
    rails) echo mmdebstrap postgresql util-linux iproute2 python3 openssl curl ;;
    # A compiler for an attacker's library, the shells that completions are for, a judge of the manual pages, and the
    # program that maps an ordinary user's ids, the one that makes a scratch on disk, the one that gives files
    # capabilities, what a hook tells others with; and a reader of Procfiles, and what another one from PyPI needs.
    test) echo gcc libc6-dev bash zsh fish mandoc coreutils util-linux uidmap e2fsprogs libcap2-bin curl python3 strace valgrind \
        ruby-foreman python3-venv ;;
    # Beside what is measured: podman, docker.io and systemd-container are measured where they are installed.
    bench) echo bubblewrap crun runc hyperfine python3 gcc libc6-dev make util-linux ;;
    link) echo gcc libc6-dev binutils python3 ;;
    posture) echo bubblewrap crun runc util-linux ;;
    # Machines, their kernels' modules and their root file systems.
    vm) echo qemu-system-x86 kmod xz-utils mmdebstrap e2fsprogs busybox-static binutils util-linux python3 ;;
    lint) echo gcc shellcheck ;;
    *)
        echo "usage: packages.sh build|fixtures|rails|test|bench|link|posture|vm|lint ..." >&2
        exit 64
        ;;
    esac
}

is_installed() {
    # pkg-config is provided by pkgconf on newer releases.
    case $1 in
    pkg-config) command -v pkg-config >/dev/null ;;
    *) [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "packages.sh: root is needed for '$*', and there is no sudo" >&2
        exit 1
    fi
}

wanted=
for purpose in "$@"; do
    wanted="$wanted $(packages_for "$purpose")"
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    # They may be there: whatever needs them says so if not.
    echo "packages.sh: this is not Debian or Ubuntu: the equivalents of$wanted are needed" >&2
    exit 0
fi

missing=
for package in $wanted; do
    case " $missing " in *" $package "*) continue ;; esac
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing Debian packages that are missing:$missing"
case " $missing " in
*" postgresql "*) echo "(Debian's postgresql also starts a server of its own on port 5432; it is not used here.)" ;;
esac
# A machine that has just booted may be busy with its own updates.
as_root apt-get -o DPkg::Lock::Timeout=300 update -qq
# shellcheck disable=SC2086 # a list of names
as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -y -qq --no-install-recommends $missing </dev/null
