#!/bin/sh
# Starts PostgreSQL, made anew when its directory is empty. Understands the variables of the
# official image that the tests set: POSTGRES_USER and POSTGRES_PASSWORD.
set -eu

data=${PGDATA:-/var/lib/postgresql/data}
if [ ! -e "$data/PG_VERSION" ]; then
    printf '%s' "${POSTGRES_PASSWORD:?}" >/tmp/password
    initdb --pgdata="$data" --username="${POSTGRES_USER:-postgres}" --pwfile=/tmp/password \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
fi
[ "${1:-}" = postgres ] && shift
exec postgres -D "$data" -c listen_addresses='*' -k /tmp "$@"
