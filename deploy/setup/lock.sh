#!/bin/sh
# Writes requirements.lock and requirements-dev.lock anew from pyproject.toml, for every platform, with hashes.
#   sh deploy/setup/lock.sh .venv/bin/uv
set -eu
cd "$(dirname "$0")/../.."
uv=${1:-.venv/bin/uv}
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header pyproject.toml "$@"
}
compile --output-file requirements.lock
compile --constraint requirements.lock --group embedded --group test --output-file requirements-dev.lock
