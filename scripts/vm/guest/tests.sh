#!/bin/sh
# Inside of the machine: what the host says of itself, and then the tests, or the command that build/vm-command holds.
# What they print goes to the runner; /results goes there in the end.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.." || exit 1
mkdir -p /results
exec </dev/null >"$(sh "$here/port.sh" output)" 2>&1

build/oneoff doctor --json >/results/doctor.json
setpriv --reuid 1000 --regid 1000 --clear-groups build/oneoff doctor --json >/results/doctor-user.json
# shellcheck source=/dev/null
. build/vm-command
echo $? >/results/status
