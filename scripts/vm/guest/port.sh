#!/bin/sh
# Inside of the machine: port.sh NAME prints the device of the port that the runner calls so. Nobody makes
# /dev/virtio-ports where there is no udev.
for directory in /sys/class/virtio-ports/*; do
    if [ "$(cat "$directory/name")" = "oneoff.$1" ]; then
        echo "/dev/${directory##*/}"
        exit
    fi
done
echo "port.sh: there is no port $1" >/dev/console
exit 1
