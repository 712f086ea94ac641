#!/usr/bin/env bash
# Several process types of the Procfile in one container, for platforms whose disks belong to a single machine:
#   deploy/together.sh release web worker
# `release` runs first, to its end. The others start together; when one ends, or SIGTERM or SIGINT arrives, all are
# sent SIGTERM and waited for. The exit code is that of the process that ended first, never 0 unless it was asked to stop.
set -u
cd "$(dirname "$0")/.." || exit 1

fail() {
    echo "together.sh: $1" >&2
    exit "${2:-2}"
}

command_of() {
    local found
    found=$(sed -n "s/^$1:[[:space:]]*//p" Procfile)
    [ -n "$found" ] || fail "the Procfile has no process type '$1'"
    printf '%s' "$found"
}

[ $# -gt 0 ] || fail "name the process types to run, for example: release web worker"
commands=()
for name in "$@"; do
    command=$(command_of "$name") || exit
    if [ "$name" = release ]; then
        bash -c "$command" || fail "release ended with code $?, so nothing else was started" 1
    else
        commands+=("$command")
    fi
done

children=()
asked_to_stop=no
stop() {
    for child in "${children[@]}"; do
        kill -TERM "$child" 2>/dev/null
    done
}
trap 'asked_to_stop=yes; stop' TERM INT

for command in "${commands[@]}"; do
    bash -c "exec $command" &
    children+=($!)
done
[ ${#children[@]} -gt 0 ] || exit 0
# A signal that came between two starts has reached only the first.
[ $asked_to_stop = no ] || stop

wait -n "${children[@]}"
code=$?
[ $asked_to_stop = yes ] && code=0
[ $asked_to_stop = yes ] || [ $code -ne 0 ] || code=1
stop
for child in "${children[@]}"; do
    # A trapped signal interrupts wait: ask again until the child is gone.
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done
done
exit $code
