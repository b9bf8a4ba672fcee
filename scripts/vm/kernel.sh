#!/bin/sh
# kernel.sh SERIES DIR: Debian's newest cloud kernel of a series (6.1) as DIR/vmlinuz, with the modules that a machine
# needs to start and to run the tests as DIR/modules/NN-NAME.ko, in the order in which they are loaded.
#
# The package is taken apart, not installed: nothing of the host's own start-up is touched.
set -eu
series=$1 directory=$2

# Disks, the ports over which results come, and what oneoff has layers and scratches of.
modules='virtio_pci virtio_blk virtio_console overlay loop'

newest_package() {
    apt-cache search --names-only "^linux-image-$(echo "$series" | sed 's/\./\\./g')\.[0-9].*-cloud-amd64\$" |
        cut -d' ' -f1 | sort --version-sort | tail -n 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# name_of FILE: as modprobe has it.
name_of() {
    basename "$1" | sed 's/\.ko.*//; s/-/_/g'
}

# dependencies NAME: the file of a module and those that it needs, itself first, as modules.dep has them.
dependencies() {
    while IFS=: read -r file others; do
        if [ "$(name_of "$file")" = "$1" ]; then
            echo "$file $others"
            return
        fi
    done <"$tree/modules.dep"
    # Built into the kernel, perhaps.
    grep -q "/$(echo "$1" | sed 's/_/[-_]/g')\.ko" "$tree/modules.builtin" || {
        echo "kernel.sh: $package has no module $1" >&2
        exit 1
    }
}

copy_modules() {
    number=10
    loaded=
    for module in $modules; do
        files=$(dependencies "$module")
        # The last is the one that needs no other.
        for file in $(echo "$files" | tr ' ' '\n' | sed '/^$/d' | tac); do
            name=$(name_of "$file")
            case " $loaded " in *" $name "*) continue ;; esac
            loaded="$loaded $name"
            target=$directory.new/modules/$number-$name.ko
            case $file in
            *.xz) xz --decompress --stdout "$tree/$file" >"$target" ;;
            *) cp "$tree/$file" "$target" ;;
            esac
            number=$((number + 1))
        done
    done
}

[ "$(uname -m)" = x86_64 ] || {
    echo "kernel.sh: virtual machines are tried on x86-64 only, and this is $(uname -m)" >&2
    exit 1
}
package=$(newest_package)
if [ -z "$package" ]; then
    as_root apt-get -o DPkg::Lock::Timeout=300 update -qq
    package=$(newest_package)
fi
[ -n "$package" ] || {
    echo "kernel.sh: the package sources of this machine have no linux-image-$series.*-cloud-amd64" >&2
    exit 1
}

echo "Unpacking $package"
rm -rf "$directory.new"
mkdir -p "$directory.new/modules" "$directory.new/package"
(cd "$directory.new" && apt-get -o APT::Sandbox::User=root download -qq "$package")
dpkg -x "$directory.new"/*.deb "$directory.new/package"
for tree in "$directory.new"/package/lib/modules/* "$directory.new"/package/usr/lib/modules/*; do
    [ -d "$tree" ] && break
done
# Its installation would do this.
PATH=$PATH:/usr/sbin:/sbin
depmod --basedir "${tree%/lib/modules/*}" "$(basename "$tree")"
copy_modules
cp "$directory.new"/package/boot/vmlinuz-* "$directory.new/vmlinuz"
rm -rf "$directory.new/package" "$directory.new"/*.deb
rm -rf "$directory"
mv "$directory.new" "$directory"
