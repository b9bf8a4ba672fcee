#!/bin/busybox sh
# shellcheck shell=dash
# The machine's first program, in the initramfs: loads modules, mounts the root file system and the project in it where
# the project is on the host, and goes on there. The kernel's command line says how; oneoff.trial only asks whether
# machines start at all.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

# value NAME: of oneoff.NAME=VALUE on the kernel's command line.
value() {
    tr ' ' '\n' </proc/cmdline | sed -n "s/^oneoff\.$1=//p"
}

if grep -q oneoff.trial /proc/cmdline; then
    echo "oneoff: the machine starts"
    poweroff -f
fi
for module in /modules/*.ko; do
    insmod "$module" || echo "early.sh: $module cannot be loaded"
done
project=$(value project)
init=$(value init)
mount -t ext4 -o noatime /dev/vda /root || poweroff -f
mkdir -p "/root$project"
mount -t ext4 -o noatime /dev/vdb "/root$project" || poweroff -f
mount --move /proc /root/proc
mount --move /sys /root/sys
mount --move /dev /root/dev
if [ "$init" = systemd ]; then
    sed "s|PROJECT|$project|" "/root$project/scripts/vm/guest/tests.service" >/root/etc/systemd/system/tests.service
    exec switch_root /root /lib/systemd/systemd --unit=tests.service
fi
exec switch_root /root /bin/sh "$project/scripts/vm/guest/init.sh"
