#!/bin/sh
# demo-cleanup.sh DIR [PID]: removes the directory of a demonstration, and ends what it has started; with PID once that
# process has ended, however it ended.
#
# Processes of a demonstration are known by a variable ONEOFF_… in their environment that names the directory. Whoever
# calls this must not have one.
set -u
work=$1 owner=${2:-}
case $work in
/tmp/oneoff-?*) ;;
*)
    echo "usage: demo-cleanup.sh /tmp/oneoff-… [PID]" >&2
    exit 64
    ;;
esac
cd "$(dirname "$0")/.." || exit 1
as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"

processes() { $as_root grep -lzsE "^ONEOFF_[A-Z_]+=$work(/|\$)" /proc/[0-9]*/environ | cut -d / -f 3; }

# The dead whom nobody has waited for have no environment.
end_processes() {
    left=$(processes)
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$left" ] || $as_root kill "-$1" $left 2>/dev/null
}

# A deployment that is told to end ends its hook, which may take half a minute. PostgreSQL ends when its last client has.
end_all() {
    end_processes TERM
    tries=0
    while [ -n "$(processes)" ]; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || end_processes KILL
        sleep 0.1
    done
}

if [ -n "$owner" ]; then
    trap '' HUP INT QUIT
    tail --pid="$owner" -f /dev/null
fi
[ -d "$work" ] || exit 0
end_all
$as_root rm -rf "$work"
