#!/bin/sh
# build-rails-app.sh SOURCE ROOT APP: the Rails app as a release, owned by user 1000, with a Gemfile.lock.
#
# The lock is made in the root file system, because it names the versions that the distribution has there.
set -eu
source=$1 root=$2 app=$3

# Without mounts: the Gemfile goes in, the lock comes out.
lock_gems() {
    work=$(mktemp -d "$root/tmp/lock.XXXXXX")
    cp "$source/Gemfile" "$work/"
    chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 \
        sh -c "cd '/tmp/${work##*/}' && bundle lock --local"
    cp "$work/Gemfile.lock" "$app/"
    rm -rf "$work"
}

rm -rf "$app"
cp -R "$source" "$app"
lock_gems
chown -R 1000:1000 "$app"
