#!/bin/sh
# demo.sh [--check]: a sample app's postdeploy hook in a container that is thrown away, once well and once failing.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-steps.sh
. scripts/demo-steps.sh
trap 'rm -f "$output"' EXIT
rootfs=build/fixtures/tiny
app="rootfs-fixtures/hook-app"
require build/oneoff $rootfs

# Every file of the app with its checksum.
contents_of_app() { (cd "$app" && find . -type f -exec cksum {} + | sort -k 3); }

hook() {
    # shellcheck disable=SC2086 # empty, or one word
    run $as_root build/oneoff hook --no-record --rootfs $rootfs --app-dir $app --app sample --container-version v42 "$@"
}

echo "The end of a deployment: a new release of an app is on the disk, and its hook decides whether it goes live."
echo "Lines that begin with \$ are commands that you could type; 'ok:' marks what was checked."

step "A release of an app, with a Procfile that names its postdeploy hook"
run ls -R $app
run cat $app/Procfile
before=$(contents_of_app)

step "The hook runs in a container made of a root file system and the release"
hook
promise_status 0
promise "the hook saw the release's version" grep -q 'release: v42' "$output"
promise "the hook wrote two files of the release" grep -q 'wrote tmp/migrated and public/index.html' "$output"

step "A hook that fails: the new release must not go live"
hook --env DEMO_FAIL=1
promise_status 3

step "What the hooks wrote is gone: the release is what it was"
run ls -R $app
run cat $app/public/index.html
promise "no file of the release was made or changed" test "$(contents_of_app)" = "$before"
cat <<END

To go on: change $app/Procfile and run the command of step 2 again.
${as_root:+$as_root }build/oneoff run --rootfs / -- id   runs a command in a throw-away copy of this machine;
build/oneoff --help   lists the rest.

END
