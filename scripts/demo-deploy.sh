#!/bin/sh
# demo-deploy.sh [--check]: a Rails app is deployed, refused, retried and rolled back, while somebody asks it all the time.
#
# The releases' hooks migrate a temporary PostgreSQL. A small server for each release answers with its version, behind a
# proxy that is told by a file which of them is live.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-steps.sh
. scripts/demo-steps.sh
rootfs=build/fixtures/rails
app=build/fixtures/rails-app
require build/oneoff $rootfs $app
# shellcheck source=scripts/demo-database.sh
. scripts/demo-database.sh

state=$work/state
web="python3 $PWD/scripts/demo-web.py"

# What does not change from one release to the next.
write_configuration() {
    cat >"$work/deploy.json" <<JSON
// How the shop is deployed.
{
  app: "shop", rootfs: "$PWD/$rootfs",
  env: ["RAILS_ENV=production", "DATABASE_URL=$database"],
  boot: "rm -f $work/\$ONEOFF_RELEASE.port; $web serve \$ONEOFF_RELEASE $work/\$ONEOFF_RELEASE.port >/dev/null 2>&1 & echo \$! >$work/\$ONEOFF_RELEASE.pid",
  ready: "exec:test -s $work/\$ONEOFF_RELEASE.port",
  activate: "cp $work/\$ONEOFF_RELEASE.port $work/live.draft && mv $work/live.draft $work/live",
  retire: "kill \$(cat $work/\$ONEOFF_PREVIOUS_VERSION.pid)",
  abandon: "kill \$(cat $work/\$ONEOFF_RELEASE.pid)",
}
JSON
}

# A release in a directory of its own, owned by user 1000 as the fixture is.
release() {
    $as_root rm -rf "$work/$1"
    $as_root cp -a $app "$work/$1"
}

oneoff() {
    # shellcheck disable=SC2086 # empty, or one word
    run $as_root env "ONEOFF_STATE_DIR=$state" build/oneoff "$@"
}
deploy() { oneoff deploy --config "$work/deploy.json" --release "$1" --app-dir "$work/$1"; }

# Within five seconds; whoever has not been waited for has ended as well.
has_ended() {
    tries=0
    while [ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || return 1
        sleep 0.1
    done
}

live() {
    $as_root env "ONEOFF_STATE_DIR=$state" build/oneoff status --app shop --json |
        sed -n 's/^  "current" : "\(.*\)",$/\1/p'
}
answer() { curl --silent "$address"; }
columns() {
    query "select count(*) from information_schema.columns where table_name = 'users' and column_name = 'nickname'"
}

step "A PostgreSQL server, and how the app is deployed"
start_on_free_port
write_configuration
sed 's/^/     /' "$work/deploy.json"

step "The first release: it migrates, and goes live"
release v1
deploy v1
promise_status 0
promise "v1 is live" test "$(live)" = v1
promise "its migration has run" test "$(query 'select count(*) from schema_migrations')" = 1

step "From here on somebody asks every 10 ms which version there is"
$web proxy "$work/live" "$work/proxy.port" >/dev/null 2>&1 &
wait_for "$work/proxy.port"
address="http://127.0.0.1:$(cat "$work/proxy.port")"
$web poll "$address" "$work/answers" &
poller=$!
wait_for "$work/answers"
promise "it is v1" test "$(answer)" = v1

step "A release whose migration fails: it is refused, and v1 goes on"
release v2
$as_root cp rootfs-fixtures/rails-app/failing/*.rb "$work/v2/db/migrate/"
deploy v2
promise_status 1
promise "the log says so" grep -q '^ !     v2 was not deployed (hook-error): .*; v1 stays live' "$output"
promise "v1 is live" test "$(live)" = v1
promise "v1 answers" test "$(answer)" = v1
promise "the server of v2 was ended" has_ended "$(cat "$work/v2.pid")"
promise "the database is as it was" test "$(query 'select count(*) from schema_migrations')" = 1

step "The same release, mended, and tried again without another one"
for migration in rootfs-fixtures/rails-app/failing/*.rb; do
    $as_root sed -i /no_such_table/d "$work/v2/db/migrate/$(basename "$migration")"
done
oneoff retry --app shop
promise_status 0
promise "v2 is live" test "$(live)" = v2
promise "v2 answers" test "$(answer)" = v2
promise "its migration has run" test "$(columns)" = 1

step "Back to v1"
oneoff rollback --app shop
promise_status 0
promise "v1 is live" test "$(live)" = v1
promise "v1 answers" test "$(answer)" = v1
promise "the link leads to it" test "$(readlink -f "$state/apps/shop/current")" = "$work/v1"
oneoff deploys --app shop

step "Nobody has noticed anything but the versions"
kill $poller
status=0
wait $poller || status=$?
promise "somebody has asked until now" test "$status" = 0
awk '{ if (NR > 1 && $1 - before > gap) gap = $1 - before; before = $1; if ($2 > slowest) slowest = $2 }
    END { printf "     %d answers, the slowest after %.3f s, %.3f s at most from one to the next:\n", NR, slowest, gap
          exit !(NR >= 100 && gap < 5) }' "$work/answers" || status=$?
cut -d ' ' -f 3- "$work/answers" | sort | uniq -c | sed 's/^/     /'
promise "at least a hundred, and never five seconds without" test "$status" = 0
promise "every answer is a version that was live" sh -c "! cut -d ' ' -f 3- '$work/answers' | grep -vqE '^200 v[12]\$'"
promise "v1, v2 and v1 again, and nothing between" \
    test "$(cut -d ' ' -f 3- "$work/answers" | uniq | tr '\n' ' ')" = "200 v1 200 v2 200 v1 "
echo
