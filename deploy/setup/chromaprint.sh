#!/bin/sh
# Installs libchromaprint, the one library that pip cannot bring, unless it can be loaded already.
#   sh deploy/setup/chromaprint.sh           installs it when that is allowed, else says what to type
#   sh deploy/setup/chromaprint.sh --check   only says what to type
set -eu
cd "$(dirname "$0")/../.."
. deploy/setup/system.sh
python=.venv/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}

loads() {
    "$python" -c '
import ctypes, ctypes.util, sys
names = ["libchromaprint.so.1", "libchromaprint.so.0", "libchromaprint.dylib", "libchromaprint.1.dylib",
         "/opt/homebrew/lib/libchromaprint.dylib", "/usr/local/lib/libchromaprint.dylib"]
found = ctypes.util.find_library("chromaprint")
for name in ([found] if found else []) + names:
    try:
        ctypes.CDLL(name)
    except OSError:
        continue
    sys.exit(0)
sys.exit(1)
'
}

loads && exit 0
if [ "${1:-}" = --check ]; then
    give_up "libchromaprint is missing. Type: sudo apt-get install --yes libchromaprint1 (macOS: brew install chromaprint)"
fi
need "libchromaprint" libchromaprint1 chromaprint
loads || give_up "libchromaprint is installed, and $python cannot load it; check that both are for the same processor."
