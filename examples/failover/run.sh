#!/bin/sh
# Runs an owner and two standbys as processes over a log, kills the owner under load N times (default 50), and each time a standby
# takes over. Installs and starts the servers of the log. The last line is the result:
# {"engine":…,"mode":…,"rounds":…,"acknowledged":…,"lost":…,"set_aside":…,"takeover_ms_median":…,"takeover_ms_max":…}
#
#     examples/failover/run.sh --engine nats|s3|directory --mode remote|local [--rounds N] [--clients N] [--lease-ms N]
set -eu
cd "$(dirname "$0")/../.."
case " $* " in
*" --engine directory "* | *" --engine=directory "*) ;; # it needs no servers
*) memimage-replication/tests/servers/install.sh >&2 ;;
esac
cargo build --quiet --release -p failover

directory=$(mktemp -d)
supervisor=
clean_up() {
    # the members and the servers end with their supervisor
    [ -z "$supervisor" ] || kill "$supervisor" 2>/dev/null || true
    # one that is about to end may still create a file
    for _ in 1 2 3 4 5; do
        rm -rf "$directory" 2>/dev/null && break
        sleep 1
    done
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# in the background, because a shell handles a signal only after a program in its foreground has ended; cargo becomes the program
cargo run --quiet --release -p failover -- run --directory "$directory/failover" "$@" &
supervisor=$!
wait "$supervisor"
