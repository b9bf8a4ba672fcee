#!/bin/sh
# demo-rails.sh [--check]: a Rails app's migration as postdeploy hook against a temporary PostgreSQL; then one that fails.
#
# ONEOFF_DEMO_PORT chooses the server's port on the loopback interface; by default a free one is looked for.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-steps.sh
. scripts/demo-steps.sh
rootfs=build/fixtures/rails
app=build/fixtures/rails-app
require build/oneoff $rootfs $app

# The newest server: Debian 12 has 15, Ubuntu 24.04 has 16.
POSTGRES_PROGRAMS=${POSTGRES_PROGRAMS:-$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null |
    sort -V | tail -n 1)}
export POSTGRES_PROGRAMS

# Below /tmp and open to all: the server runs as another user, and the failing release is that of user 1000.
work=$(mktemp -d /tmp/oneoff-demo.XXXXXX)
chmod 0755 "$work"

clean_up() {
    trap - EXIT HUP INT PIPE TERM
    if [ -d "$work/postgres" ]; then
        $as_root env POSTGRES_PROGRAMS="$POSTGRES_PROGRAMS" sh scripts/demo-postgres.sh stop "$work/postgres" \
            2>/dev/null || true
    fi
    $as_root rm -rf "$work" "$output"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

start_postgres() {
    $as_root env POSTGRES_PROGRAMS="$POSTGRES_PROGRAMS" sh scripts/demo-postgres.sh start "$work/postgres" "$1" \
        2>"$work/log"
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
    echo "demo-rails: PostgreSQL did not start" >&2
    echo "hint: choose another port, as in: ONEOFF_DEMO_PORT=15432 make demo-rails" >&2
    exit 1
}

hook() {
    # shellcheck disable=SC2086 # empty, or one word
    run $as_root build/oneoff hook --no-record --rootfs $rootfs --app-dir "$1" --env "DATABASE_URL=$database" \
        --env RAILS_ENV=production --container-version "$2"
}

query() { psql "$database" --no-psqlrc --quiet --tuples-only --no-align --command "$1"; }

step "A PostgreSQL server of its own, on the loopback interface"
start_on_free_port
echo "   $database"
promise "its database is empty" test "$(query "select count(*) from pg_tables where schemaname = 'public'")" = 0

step "The hook of a Rails release: bundle exec rake db:migrate"
hook $app v1
promise_status 0

step "The table that it made"
run psql "$database" --no-psqlrc --command '\d users'
promise "the table is there" test "$status" = 0
promise "Rails has noted one migration" test "$(query 'select count(*) from schema_migrations')" = 1

step "The same hook again: there is nothing left to migrate"
hook $app v1
promise_status 0
promise "Rails has noted one migration still" test "$(query 'select count(*) from schema_migrations')" = 1

step "A release whose migration fails: it must not go live"
$as_root cp -a $app "$work/v2"
$as_root cp rootfs-fixtures/rails-app/failing/*.rb "$work/v2/db/migrate/"
$as_root chown -R 1000:1000 "$work/v2/db"
hook "$work/v2" v2
promise_status 1
promise "the log says why" grep -q 'no_such_table' "$output"
promise "the database is as it was" test "$(query 'select count(*) from schema_migrations')" = 1
promise "the failed migration's column was rolled back" \
    test "$(query "select count(*) from information_schema.columns where table_name = 'users' and column_name = 'nickname'")" = 0
echo
