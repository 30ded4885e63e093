#!/bin/sh
# Pins what pyproject.toml asks for: requirements-dev.txt, and requirements.txt as a part of it.
# --universal keeps the pins right for other machines; 'fewest' gives every Python the same versions.
# No address is written down: the files are fetched from whatever index the machine uses.
set -eu
cd "$(dirname "$0")/.."

compile() { # compile OUTPUT OPTION...
    output=$1
    shift
    .venv/bin/uv pip compile pyproject.toml --group setup --quiet \
        --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
        --output-file "$output" "$@" >/dev/null
    { echo "# Written by \`make lock\` from pyproject.toml."; cat "$output"; } >"$output.new"
    mv "$output.new" "$output"
}

compile requirements-dev.txt --extra dev "$@"
compile requirements.txt --constraints requirements-dev.txt "$@"
wc -l requirements-dev.txt requirements.txt
