#!/bin/sh
# Runs an owner and two followers as processes, kills the owner under load and promotes a follower, N times (default 50).
# The last line is the result: {"rounds":…,"acknowledged":…,"lost":0,"takeover_ms_median":…,"takeover_ms_max":…}
#
#     examples/standby/run.sh [--rounds N] [--clients N]
set -eu
cd "$(dirname "$0")/../.."
cargo build --quiet --release -p standby

directory=$(mktemp -d)
supervisor=
clean_up() {
    # the owner and the followers end with their supervisor
    [ -z "$supervisor" ] || kill "$supervisor" 2>/dev/null || true
    # one that is about to end may still create a file
    for _ in 1 2 3 4 5; do
        rm -rf "$directory" && break
        sleep 1
    done
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# in the background, because a shell handles a signal only after a program in its foreground has ended; cargo becomes the program
cargo run --quiet --release -p standby -- run --image "$directory/tickets.image" "$@" &
supervisor=$!
wait "$supervisor"
