#!/bin/sh
# demo-rails.sh [--check]: a Rails app's migration as postdeploy hook against a temporary PostgreSQL; then one that fails.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-steps.sh
. scripts/demo-steps.sh
rootfs=build/fixtures/rails
app=build/fixtures/rails-app
require build/oneoff $rootfs $app

# shellcheck source=scripts/demo-database.sh
. scripts/demo-database.sh

hook() {
    # shellcheck disable=SC2086 # empty, or one word
    run $as_root build/oneoff hook --no-record --rootfs $rootfs --app-dir "$1" --env "DATABASE_URL=$database" \
        --env RAILS_ENV=production --container-version "$2"
}

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
