#!/bin/sh
# The machine's init where that is not systemd: mounts what every system has, and runs the tests. As it waits for them
# it reaps whatever loses its parent.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
here=$(dirname "$0")

mount_v1() {
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    for controllers in cpu,cpuacct cpuset memory devices freezer blkio pids; do
        mkdir "/sys/fs/cgroup/$controllers"
        mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
    done
    ln -s cpu,cpuacct /sys/fs/cgroup/cpu
    ln -s cpu,cpuacct /sys/fs/cgroup/cpuacct
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
}

mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
for link in fd:/proc/self/fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
    ln -sfn "${link#*:}" "/dev/${link%%:*}"
done
case $(cat /proc/cmdline) in
*oneoff.cgroups=v1*) mount_v1 ;;
*) mount -t cgroup2 cgroup2 /sys/fs/cgroup ;;
esac
ip link set lo up
hostname vm
# What systemd gives to everything that it starts.
prlimit --pid $$ --nofile=1024:524288
sh "$here/tests.sh"
sh "$here/finish.sh"
