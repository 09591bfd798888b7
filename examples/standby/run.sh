#!/bin/sh
# Runs an owner and two followers as processes, kills the owner under load and promotes a follower, N times (default 50).
# The last line is the result: {"rounds":…,"acknowledged":…,"lost":0,"takeover_ms_median":…,"takeover_ms_max":…}
#
#     examples/standby/run.sh [--rounds N] [--clients N]
set -eu
cd "$(dirname "$0")/../.."
cargo build --quiet --release -p standby
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
target=${CARGO_TARGET_DIR:-target}
"$target/release/standby" run --image "$directory/tickets.image" "$@"
