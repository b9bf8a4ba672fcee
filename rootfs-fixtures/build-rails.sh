#!/bin/sh
# build-rails.sh ROOT "PACKAGE...": a root file system of the host's own Debian release with these packages.
#
# The packages come from where the host's apt gets its own, through the same proxy; nothing of that is written here or
# stays in the result. mmdebstrap mounts only within a mount namespace of its own.
set -eu
root=$1 packages=$2

require_program() {
    command -v "$1" >/dev/null || {
        echo "build-rails: $1 is missing: install the Debian package $1" >&2
        exit 1
    }
}

distribution_sources() {
    for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/ubuntu.sources \
        /etc/apt/sources.list; do
        if [ -s "$file" ]; then
            echo "$file"
            return
        fi
    done
    echo "build-rails: found no package sources in /etc/apt" >&2
    return 1
}

# Proxies of the environment reach mmdebstrap's apt by themselves, those of apt's configuration do not.
write_proxy_options() {
    apt-config dump --format '%f "%v";%n' Acquire | grep -E '^Acquire::https?::Proxy' || true
}

build() {
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    sources=$(distribution_sources)
    mmdebstrap --variant=essential --aptopt="$options" \
        --include="$(echo "$packages" | tr ' ' ',')" \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$suite" "$root" "$sources"
}

add_app_user() {
    echo 'app:x:1000:1000:app:/app:/bin/sh' >>"$root/etc/passwd"
    echo 'app:x:1000:' >>"$root/etc/group"
    install -d -o 1000 -g 1000 "$root/app"
}

require_program mmdebstrap
options=$(mktemp)
trap 'rm -f "$options"' EXIT
write_proxy_options >"$options"
rm -rf "$root"
build
rm -rf "$root/etc/apt"
add_app_user
