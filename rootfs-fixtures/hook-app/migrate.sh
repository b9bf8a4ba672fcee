#!/bin/sh
# The sample postdeploy hook: says which release it runs for, writes files that must not outlive the run, and fails when
# DEMO_FAIL=1 asks it to.
set -eu

echo "app: ${APP:-(none)}"
echo "release: ${CONTAINER_VERSION:-(none)}"
echo "migrating as user $(id -u) in $(pwd)"

mkdir -p tmp
echo "left behind by the hook" >tmp/migrated
echo "changed by the hook" >public/index.html
echo "wrote tmp/migrated and public/index.html"
echo "note: the release itself must not change" >&2

if [ "${DEMO_FAIL:-0}" = 1 ]; then
    echo "migration failed: DEMO_FAIL is 1" >&2
    exit 3
fi
echo "migrated"
