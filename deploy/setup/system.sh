# Sourced by the other scripts here: system packages, installed when that is allowed, else the line to type.

# need WHAT APT_PACKAGE BREW_PACKAGE: installs the package, or says how to and ends with code 1.
need() {
    if command -v apt-get >/dev/null 2>&1; then
        line="apt-get install --yes --no-install-recommends $2"
        if [ "$(id -u)" = 0 ]; then
            run="env DEBIAN_FRONTEND=noninteractive"
        elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
            run="sudo -n env DEBIAN_FRONTEND=noninteractive"
        else
            give_up "$1 is missing. Type: sudo $line"
        fi
        echo "$1 is missing; installing it: $line"
        # A fresh image has no package lists; a second try with new ones is cheaper than new ones each time.
        $run $line >/dev/null 2>&1 || { $run apt-get update >/dev/null && $run $line >/dev/null; } ||
            give_up "$1 could not be installed. Find out why with: sudo $line"
    elif [ -n "$3" ] && command -v brew >/dev/null 2>&1; then
        echo "$1 is missing; installing it: brew install $3"
        brew install --quiet "$3" || give_up "$1 could not be installed. Find out why with: brew install $3"
    else
        give_up "$1 is missing. Install it with this system's package manager (Debian: apt install $2${3:+, macOS: brew install $3}), then try again."
    fi
}

give_up() {
    echo "$1" >&2
    exit 1
}
