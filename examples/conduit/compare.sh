#!/usr/bin/env bash
# Compares Conduit in an image with its twin over PostgreSQL: lines of code, and requests a second and latencies under two loads.
# Needs wrk and postgresql, which it installs by apt-get if they are missing and it runs as root.
#
#     examples/conduit/compare.sh [SECONDS_OF_A_LOAD [CONNECTIONS]]
#
# Both servers answer only what is durable: the image syncs its journal, and PostgreSQL runs with synchronous_commit = on.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds="${1:-10}"
export ARTICLES=1000
connections="${2:-32}"
here=examples/conduit/compare

command -v wrk >/dev/null || apt-get install -y -q wrk
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || apt-get install -y -q postgresql
bin="$(ls -d /usr/lib/postgresql/*/bin | tail -1)"
cargo build --locked --release --quiet -p conduit --features postgres

scratch="$(mktemp -d)"
chmod 755 "$scratch"
server=""
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } || true
    server=""
}
finish() {
    stop
    [ ! -d "$scratch/postgres/data" ] || as_postgres "$bin/pg_ctl" -D "$scratch/postgres/data" -m immediate stop >/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

mkdir "$scratch/postgres"
[ "$(id -u)" != 0 ] || chown postgres "$scratch/postgres"
as_postgres "$bin/initdb" -D "$scratch/postgres/data" --auth=trust --username=conduit --no-instructions >/dev/null
port=$((20000 + RANDOM % 20000))
# tuned: memory for all pages, rare checkpoints, plans for an SSD, no compilation of short queries
as_postgres "$bin/pg_ctl" -D "$scratch/postgres/data" -w -l "$scratch/postgres/log" -o "-p $port -k $scratch/postgres \
    -c listen_addresses=127.0.0.1 -c shared_buffers=1GB -c effective_cache_size=3GB -c max_wal_size=8GB -c checkpoint_timeout=30min \
    -c random_page_cost=1.1 -c jit=off -c wal_compression=on -c synchronous_commit=on" start >/dev/null
"$bin/createdb" -h 127.0.0.1 -p "$port" -U conduit conduit

serve() { # the arguments of the server
    RUST_LOG=error target/release/conduit --addr 127.0.0.1:0 "$@" >"$scratch/address" &
    server=$!
    until grep -q listening "$scratch/address"; do
        kill -0 "$server" || exit 1
        sleep 0.05
    done
    url="http://$(sed 's/listening on //' "$scratch/address")"
}

post() { # a path, a token, and a body
    curl --silent --show-error --fail -H 'content-type: application/json' -H "Authorization: Token $2" --data "$3" "$url$1"
}

fill() { # 20 users, who follow each other in part; 1,000 articles with tags
    local user token
    for user in $(seq 20); do
        token="$(curl --silent --fail -H 'content-type: application/json' "$url/api/users" \
            --data "{\"user\":{\"username\":\"user$user\",\"email\":\"user$user@example.org\",\"password\":\"secret\"}}" |
            sed 's/.*"token":"\([^"]*\)".*/\1/')"
        for article in $(seq $((user * 50 - 49)) $((user * 50))); do
            printf '{"article":{"title":"article %s","description":"about","body":"%s","tagList":["tag%s","tag%s"]}}\n' \
                "$article" "$(printf 'A text of some length. %.0s' {1..40})" $((article % 20 + 1)) $((article % 7 + 1))
        done | xargs -d '\n' -P 4 -I BODY curl --silent --fail -o "$scratch/discard" -H 'content-type: application/json' \
            -H "Authorization: Token $token" --data BODY "$url/api/articles"
        export TOKEN="$token"
    done
    for user in $(seq 5); do
        post "/api/profiles/user$user/follow" "$TOKEN" '{}' >"$scratch/discard"
    done
}

load() { # a store and a load
    wrk --threads 1 --connections "$connections" --duration "$seconds" --latency --script "$here/$2.lua" "$url" >"$scratch/wrk"
    grep -q '^failed 0$' "$scratch/wrk" || { cat "$scratch/wrk"; exit 1; }
    awk -v store="$1" -v load="$2" '
        /Requests\/sec/ { rate = $2 } $1 == "50%" { half = $2 } $1 == "99%" { most = $2 }
        END { printf "| %s | %s | %.0f | %s | %s |\n", load, store, rate, half, most }' "$scratch/wrk"
}

measure() { # a store, and the arguments of its server
    serve "${@:2}"
    fill
    wrk --threads 1 --connections "$connections" --duration 3 --script "$here/read.lua" "$url" >"$scratch/wrk" # warm
    load "$1" read
    load "$1" write
    stop
}

$here/lines.sh
printf '\n%s seconds of each load, %s connections, %s articles at the beginning\n\n' "$seconds" "$connections" "$ARTICLES"
printf '| load | store | requests/s | median | 99 %% |\n| --- | --- | ---: | ---: | ---: |\n'
measure image --image "$scratch/conduit.image"
measure PostgreSQL --store postgres --database "postgres://conduit@127.0.0.1:$port/conduit" --secret "$scratch/secret"
