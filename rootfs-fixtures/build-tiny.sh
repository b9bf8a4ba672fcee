#!/bin/sh
# build-tiny.sh ROOT PROBE TRUE: a root file system of busybox, the probe and a few users.
#
# It has no /dev, /proc and /sys on purpose: oneoff has to cope with an image that lacks them.
set -eu
root=$1 probe=$2 true_static=$3
busybox=/bin/busybox

require_static_busybox() {
    if [ ! -x "$busybox" ]; then
        echo "build-tiny: $busybox is missing: install the Debian package busybox-static" >&2
        exit 1
    fi
    if readelf --program-headers --wide "$busybox" | grep -q INTERP; then
        echo "build-tiny: $busybox is dynamic: install busybox-static instead of busybox" >&2
        exit 1
    fi
}

make_directories() {
    mkdir -p "$root/bin" "$root/usr/bin" "$root/etc" "$root/var" "$root/root" "$root/home/app" \
        "$root/tmp"
    chmod 0700 "$root/root"
    chmod 1777 "$root/tmp"
    # Only root may give files away; for anybody else the tree is a rootless run's, all theirs.
    if [ "$(id -u)" = 0 ]; then
        chown 1000:1000 "$root/home/app"
    fi
}

install_programs() {
    cp "$busybox" "$root/bin/busybox"
    "$busybox" --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    ln -s ../../bin/busybox "$root/usr/bin/env"
    cp "$probe" "$root/bin/probe"
    cp "$true_static" "$root/bin/true-static"
    cp "$true_static" "$root/bin/true0"
}

write_users() {
    cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var:/bin/false
app:x:1000:1000:app:/home/app:/bin/sh
multi:x:1001:1001:multi:/tmp:/bin/sh
END
    cat >"$root/etc/group" <<'END'
root:x:0:
www-data:x:33:multi
app:x:1000:
multi:x:1001:
logs:x:2001:multi
media:x:2002:multi
END
}

require_static_busybox
umask 022
rm -rf "$root"
make_directories
install_programs
write_users
