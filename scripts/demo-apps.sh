#!/bin/sh
# demo-apps.sh [--check]: apps in Node.js, Python and PHP are deployed, each once well and once with a failing migration.
#
# Their hooks run from Debian's packages, against a temporary PostgreSQL.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo-steps.sh
. scripts/demo-steps.sh
rootfs=build/fixtures/rails
require build/oneoff $rootfs
# shellcheck source=scripts/demo-database.sh
. scripts/demo-database.sh

# deploy APP VERSION OPTION...
deploy() {
    name=$1 version=$2
    shift 2
    # shellcheck disable=SC2086 # empty, or one word
    run $as_root env "ONEOFF_STATE_DIR=$work/state" build/oneoff deploy --app "$name" --release "$version" \
        --rootfs $rootfs --app-dir "$work/$name-$version" "$@"
}

current() { basename "$(readlink "$work/state/apps/$1/current")"; }

# release APP VERSION: a copy of the app, owned by user 1000.
release() {
    cp -R "rootfs-fixtures/$1" "$work/$1-$2"
    $as_root chown -R 1000:1000 "$work/$1-$2"
}

# show APP MIGRATIONS TABLE: deploys it, and then a release whose migration fails.
show() {
    release "$1" v1
    deploy "$1" v1 --env "DATABASE_URL=$database"
    promise_status 0
    promise "v1 is live" test "$(current "$1")" = v1
    promise "its migration has run" test "$(query "select count(*) from pg_tables where tablename = '$3'")" = 1
    release "$1" v2
    $as_root cp "rootfs-fixtures/$1/failing/"* "$work/$1-v2/$2/"
    deploy "$1" v2 --env "DATABASE_URL=$database"
    promise "the caller sees that it failed" test "$status" != 0
    promise "v2 was refused" grep -q '^ !     v2 was not deployed (hook-error)' "$output"
    promise "the log says why" grep -q 'no_such_table' "$output"
    promise "v1 is live" test "$(current "$1")" = v1
}

step "A PostgreSQL server of its own, on the loopback interface"
start_on_free_port
echo "   $database"

step "Node.js: node migrate.js"
show node-app migrations node_users

step "Python: Django's manage.py migrate, which app.json names, with a secret that is made for it"
show django-app notes/migrations notes_note
promise "the secret is kept, and nobody else may read it" \
    test "$($as_root stat -c %a "$work/state/apps/django-app/secrets.json")" = 600

step "PHP: php migrate.php"
show php-app migrations php_users

step "curl: a release is reported to Rollbar, for which a server of our own stands in"
mkdir "$work/curl-v1"
cat >"$work/curl-v1/Procfile" <<'PROCFILE'
postdeploy: curl https://api.rollbar.com/api/1/deploy/ -F access_token=$ROLLBAR_TOKEN -F environment=$RAILS_ENV -F revision=$CONTAINER_VERSION -F local_username=deployer
PROCFILE
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=rollbar -addext subjectAltName=DNS:api.rollbar.com \
    -keyout "$work/key" -out "$work/curl-v1/rollbar.pem" 2>/dev/null
cat "$work/key" "$work/curl-v1/rollbar.pem" >"$work/pem"
python3 scripts/demo-web.py receive "$work/pem" "$work/sent" "$work/rollbar.port" &
wait_for "$work/rollbar.port"
printf 'silent\ncacert = rollbar.pem\nconnect-to = "api.rollbar.com:443:127.0.0.1:%s"\n' "$(cat "$work/rollbar.port")" \
    >"$work/curl-v1/.curlrc"
printf 'ROLLBAR_TOKEN=0123456789abcdef\nRAILS_ENV=production\n' >"$work/curl-env"
deploy curl v1 --env-file "$work/curl-env"
promise_status 0
promise "one report was sent" test "$(wc -l <"$work/sent")" = 1
sent() { sed -n 's/.*"'"$1"'": "\([^"]*\)".*/\1/p' "$work/sent"; }
promise "it went where the Procfile says" test "$(sent url)" = https://api.rollbar.com/api/1/deploy/
promise "with the token" test "$(sent access_token)" = 0123456789abcdef
promise "with the app's environment" test "$(sent environment)" = production
promise "with the release's version" test "$(sent revision)" = v1
promise "the log does not show the token, though the answer has it" \
    grep -qF '"access_token": "[masked:ROLLBAR_TOKEN]"' "$output"
promise "nothing that is kept has it" sh -c "! $as_root grep -rq 0123456789abcdef '$output' '$work/state'"
# shellcheck disable=SC2016 # as the Procfile has it
promise "the log has the command as it is written" grep -qF 'revision=$CONTAINER_VERSION' "$output"
echo
