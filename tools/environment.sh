#!/bin/sh
# Make a virtual environment and install the project into it: environment.sh FOLDER [pip install arguments...]
# Says in one sentence what to do when that is not possible. PYTHON=/path/to/python chooses the interpreter.
set -eu

folder=$1
shift

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "Holdfast needs Python 3.11 or newer and found none: install it, or name it with PYTHON=/path/to/python3.11"
}

has_working_environment() {
    [ -x "$folder/bin/python" ] && new_enough "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1
}

if ! has_working_environment; then
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        fail "$python lacks the venv module: install it (Debian, Ubuntu: apt install python3-venv), then run this again"
    printf 'making %s with %s\n' "$folder" "$python" >&2
    "$python" -m venv --clear "$folder" || fail "cannot make a virtual environment in $folder: see the message above"
fi

log="$folder/install.log"
install() {
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 "$@" >"$log" 2>&1 || {
        if grep -q -E 'NameResolution|NewConnection|ConnectTimeout|ProxyError|Network is unreachable' "$log"; then
            fail "installing needs the network (log: $log): connect, or name a package mirror with PIP_INDEX_URL, then run this again"
        fi
        grep -v '^WARNING' "$log" | tail -n 15 >&2
        fail "installing failed: the lines above and $log say why"
    }
}

printf 'installing into %s (the first time takes a few minutes)\n' "$folder" >&2
install --upgrade 'pip>=25.1'
install "$@"
