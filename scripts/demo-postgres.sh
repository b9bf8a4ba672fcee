#!/bin/sh
# demo-postgres.sh start DIR PORT | stop DIR: a temporary PostgreSQL cluster on 127.0.0.1.
#
# It trusts every local connection: for demonstrations and tests only. It belongs to the user postgres, because the
# server refuses to run as root. `stop` also removes DIR, which `start` must have made.
set -eu
programs=${POSTGRES_PROGRAMS:-/usr/lib/postgresql/15/bin}

usage() {
    echo "usage: demo-postgres.sh start DIR PORT | stop DIR" >&2
    exit 64
}

# In / because the caller's directory may be closed to postgres, about which every program would complain.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

start() {
    directory=$1 port=$2
    if [ ! -x "$programs/initdb" ]; then
        echo "demo-postgres: $programs/initdb is missing: install the Debian package postgresql" >&2
        exit 1
    fi
    if [ -e "$directory" ]; then
        echo "demo-postgres: $directory exists already" >&2
        exit 1
    fi
    mkdir -m 0700 "$directory"
    directory=$(cd "$directory" && pwd)
    [ "$(id -u)" != 0 ] || chown postgres "$directory"
    # shellcheck disable=SC2064 # the directory of now
    trap "rm -rf '$directory'" EXIT
    as_postgres "$programs/initdb" --pgdata="$directory/data" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C --no-sync >/dev/null
    # Its only socket is TCP on the loopback, so that two clusters cannot meet in a directory; what it writes may be lost.
    as_postgres "$programs/pg_ctl" --pgdata="$directory/data" --log="$directory/log" --wait --silent \
        --options="-h 127.0.0.1 -p $port -c unix_socket_directories= -c fsync=off" start >&2 || {
        cat "$directory/log" >&2
        exit 1
    }
    trap - EXIT
    echo "postgresql://postgres@127.0.0.1:$port/postgres"
}

stop() {
    directory=$1
    # Nothing is removed that does not look like a cluster of ours.
    if [ ! -f "$directory/data/PG_VERSION" ]; then
        echo "demo-postgres: $directory is not a cluster that this script started" >&2
        exit 1
    fi
    directory=$(cd "$directory" && pwd)
    if [ -f "$directory/data/postmaster.pid" ]; then
        as_postgres "$programs/pg_ctl" --pgdata="$directory/data" --mode=immediate --wait --silent \
            stop >&2
    fi
    rm -rf "$directory"
}

case "${1:-} $#" in
"start 3") start "$2" "$3" ;;
"stop 2") stop "$2" ;;
*) usage ;;
esac
