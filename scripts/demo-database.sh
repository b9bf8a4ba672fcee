# shellcheck shell=sh
# shellcheck disable=SC2154 # what demo-steps.sh sets
# Sourced by the demonstrations that have a temporary PostgreSQL server, after demo-steps.sh: a directory $work that is
# removed at the end with all that was started, however it ends, and a server whose URL is in $database.
#
# ONEOFF_DEMO_PORT chooses the server's port on the loopback interface; by default a free one is looked for.

# The newest server: Debian 12 has 15, Ubuntu 24.04 has 16.
POSTGRES_PROGRAMS=${POSTGRES_PROGRAMS:-$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null |
    sort -V | tail -n 1)}
export POSTGRES_PROGRAMS

# Below /tmp and open to all: the server runs as another user, and the failing release is that of user 1000.
work=$(mktemp -d /tmp/oneoff-demo.XXXXXX)
chmod 0755 "$work"
rm -f "$output"
output=$work/output

# What is started from here on can be found by it.
export ONEOFF_DEMO="$work"

# Also when this script is killed, somebody has to clean up; not in its session, which may be killed as a whole.
env -u ONEOFF_DEMO setsid sh scripts/demo-cleanup.sh "$work" $$ >/dev/null 2>&1 </dev/null &
guard=$!

clean_up() {
    trap - EXIT
    trap '' HUP INT PIPE TERM
    env -u ONEOFF_DEMO sh scripts/demo-cleanup.sh "$work"
    kill -- "-$guard" 2>/dev/null || true
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

start_postgres() {
    $as_root env "ONEOFF_DEMO=$work" "POSTGRES_PROGRAMS=$POSTGRES_PROGRAMS" \
        sh scripts/demo-postgres.sh start "$work/postgres" "$1" 2>"$work/log"
}

# Somebody may take a port between looking and starting, so the server itself is what tries.
start_on_free_port() {
    if [ -n "${ONEOFF_DEMO_PORT:-}" ]; then
        if database=$(start_postgres "$ONEOFF_DEMO_PORT"); then return; fi
    else
        for port in 54329 54330 54331 54332 54333 54334 54335 54336; do
            if database=$(start_postgres "$port"); then return; fi
            grep -q 'Address already in use' "$work/log" || break
            echo "   port $port is taken"
        done
    fi
    cat "$work/log" >&2
    echo "$demo_name: PostgreSQL did not start" >&2
    echo "hint: choose another port, as in: ONEOFF_DEMO_PORT=15432 make $demo_name" >&2
    exit 1
}

query() { psql "$database" --no-psqlrc --quiet --tuples-only --no-align --command "$1"; }

# Waits until a file has something in it.
wait_for() {
    tries=0
    until [ -s "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || {
            echo "$demo_name: $1 did not appear" >&2
            exit 1
        }
        sleep 0.1
    done
}
