#!/usr/bin/env bash
# Counts the lines of code of Conduit by concern: without blank lines, comments and unit tests.
set -euo pipefail
cd "$(dirname "$0")/../src"

lines() { # files and directories
    find "$@" -name '*.rs' -o -name '*.sql' | sort | while read -r file; do
        sed '/^#\[cfg(test)\]/,$d' "$file"
    done | grep -cvE '^[[:space:]]*(//.*|--.*)?$'
}

printf '| concern | with an image | over PostgreSQL |\n| --- | ---: | ---: |\n'
row() { printf '| %s | %s | %s |\n' "$1" "$2" "$3"; }
row "domain: texts and their rules" "$(lines text.rs)" "$(lines text.rs)"
row "domain: state, commands, indexes" "$(lines model)" "0"
row "views" "$(lines view.rs)" "$(sed -n '/^\/\/ how the model is shown/q;p' view.rs | grep -cvE '^[[:space:]]*(//.*)?$')"
row "HTTP, tokens, passwords" "$(lines http token.rs password.rs secret.rs)" "$(lines http token.rs password.rs secret.rs)"
row "what the handlers need of a store" "$(lines store/mod.rs)" "$(lines store/mod.rs)"
row "persistence and mapping" "$(lines store/image.rs)" "$(lines store/postgres)"
row "mails, trends" "$(lines mailer.rs trends.rs)" "not there"
