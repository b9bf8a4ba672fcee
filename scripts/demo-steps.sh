# shellcheck shell=sh
# Sourced by the demonstrations: numbered steps, commands shown as one would type them, and promises that are checked.
# With --check the whole script is quiet, and shows what it did only when a promise was not kept.

demo_name=$(basename "$0" .sh)

# Runs the script itself again with its output in a file, whose name is gone at once: nobody has to remove it.
run_quietly() {
    log=$(mktemp)
    # shellcheck disable=SC2094 # it is read when it has been written
    exec 3>"$log" 4<"$log" 5<"$log"
    rm "$log"
    status=0
    sh "$0" >&3 2>&1 </dev/null 3>&- 4<&- 5<&- || status=$?
    if [ "$status" != 0 ]; then
        cat <&4 >&2
        echo "$demo_name: failed with status $status" >&2
        exit 1
    fi
    echo "$demo_name: $(grep -c '^     ok: ' <&5) promises kept"
}

case "${1:-} $#" in
" 0") ;;
"--check 1")
    run_quietly
    exit 0
    ;;
*)
    echo "usage: $demo_name.sh [--check]" >&2
    exit 64
    ;;
esac

demo_step=0
step() {
    demo_step=$((demo_step + 1))
    printf '\n%d. %s\n\n' "$demo_step" "$*"
}

# Shows a command line and runs it; its status is in $status, and its output in the file $output too.
output=$(mktemp)
run() {
    printf '   $'
    for word in "$@"; do
        case $word in
        '' | *[!A-Za-z0-9_./:=@,+-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    status=0
    "$@" >"$output" 2>&1 || status=$?
    sed 's/^/     /' "$output"
}

# promise TEXT COMMAND...: the command must succeed.
promise() {
    text=$1
    shift
    if "$@"; then
        printf '     ok: %s\n' "$text"
    else
        printf '     NOT AS PROMISED: %s\n' "$text" >&2
        exit 1
    fi
}

promise_status() { promise "the caller sees status $1" test "$status" = "$1"; }

require() {
    for file in "$@"; do
        [ -e "$file" ] || {
            echo "$demo_name: $file is missing: run it with make $demo_name" >&2
            exit 1
        }
    done
}

# Containers need root; sudo is a part of the command that a person would type.
as_root=
# shellcheck disable=SC2034 # used by the scripts that source this
[ "$(id -u)" = 0 ] || as_root=sudo
