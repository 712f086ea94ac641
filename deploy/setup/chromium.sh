#!/bin/sh
# Installs Chromium, which the tests of the console look through, unless there is one. `make run` does not need it.
#   sh deploy/setup/chromium.sh              installs it when that is allowed, else says what to type
#   CHROMIUM=/path/to/chromium make test     uses that one
set -eu
cd "$(dirname "$0")/../.."
. deploy/setup/system.sh

if [ -n "${CHROMIUM:-}" ]; then
    [ -x "$CHROMIUM" ] || give_up "CHROMIUM names $CHROMIUM, which cannot be run; name another, or none."
    exit 0
fi

present() {
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

present && exit 0
# macOS has no such package on PATH; Playwright brings its own build, and finds it by itself.
if [ "$(uname -s)" = Darwin ]; then
    [ -x .venv/bin/playwright ] || give_up "Chromium is missing. Type: make setup, then sh deploy/setup/chromium.sh"
    .venv/bin/playwright install chromium || give_up "Chromium could not be installed. Find out why with: .venv/bin/playwright install chromium"
    exit 0
fi
need "Chromium" chromium ""
present || give_up "Chromium is installed, and is not on PATH; name it: CHROMIUM=/path/to/chromium"
