#!/bin/sh
# Makes .venv and fills it: `tools/setup.sh run` with what composing needs, `dev` with the tests and checkers too.
#
# Nothing happens when the stamp of an earlier run still fits. An interrupted run leaves no stamp, so the next one
# goes on where it stopped. Everything Python is pinned by hash. No index address is written here or anywhere in the
# project: pip's and uv's own settings on this machine decide where packages come from.
#
# PYTHON=/path/to/python3.x chooses the interpreter; HYBRID_NO_APT=1 leaves the system's packages alone.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)
venv=$root/.venv

case ${1-} in
run) requirements=requirements.txt ;;
dev) requirements=requirements-dev.txt ;;
*)
    echo "usage: tools/setup.sh run|dev" >&2
    exit 2
    ;;
esac

say() { echo "setup: $*"; }
die() {
    echo "setup: $*" >&2
    exit 1
}

# What was installed: the pins, how the project is built, and where the folder lies (scripts in .venv hold its path).
stamp_of() { { echo "$root"; cat "$1" pyproject.toml tools/setup.sh; } | sha256sum | cut -d' ' -f1; }
is_fresh() { [ -e "$venv/.setup-$1" ] && [ "$(cat "$venv/.setup-$1")" = "$2" ] && [ -x "$venv/bin/python" ]; }

stamp=$(stamp_of "$requirements")
is_fresh "$1" "$stamp" && exit 0
# What development needs holds what composing needs.
[ "$1" = run ] && is_fresh dev "$(stamp_of requirements-dev.txt)" && exit 0

# Two setups at once, as from two terminals, take turns.
if [ -z "${HYBRID_SETUP_LOCKED-}" ] && command -v flock >/dev/null 2>&1; then
    HYBRID_SETUP_LOCKED=1 exec flock "$root/tools" "$root/tools/setup.sh" "$@"
fi

# --- Python -------------------------------------------------------------------

is_wanted() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' >/dev/null 2>&1; }

find_python() {
    # 3.11 is the version everything is tested with; a newer one will do.
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13; do
        if is_wanted "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed and none was found. On Debian 12: apt-get install python3 python3-venv"
}

# A folder that was moved or half made is made anew.
if ! { grep -qF "$venv" "$venv/bin/activate" && "$venv/bin/python" -m pip --version; } >/dev/null 2>&1; then
    python=$(find_python)
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" ||
        die "$python cannot make virtual environments. On Debian: apt-get install python3-venv"
fi

# --- Where packages come from -------------------------------------------------

# pip and uv read different settings. Where only one of them is told of an index or of certificates, so is the other.
pip_setting() { "$venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true; }
if [ -z "${UV_DEFAULT_INDEX-}${UV_INDEX_URL-}" ]; then
    index=${PIP_INDEX_URL:-$(pip_setting index-url)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
elif [ -z "${PIP_INDEX_URL-}" ] && [ -z "$(pip_setting index-url)" ]; then
    export PIP_INDEX_URL="${UV_DEFAULT_INDEX:-$UV_INDEX_URL}"
fi
if [ -z "${SSL_CERT_FILE-}" ]; then
    certificates=${PIP_CERT:-$(pip_setting cert)}
    [ -z "$certificates" ] || export SSL_CERT_FILE="$certificates"
fi
# torch and its CUDA libraries are large; a slow line is no reason to give up.
export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-300}"
export PIP_DISABLE_PIP_VERSION_CHECK=1
# A user without a writable home folder still gets a cache.
cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME-/nonexistent}/.cache}/uv}
if ! { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
    export UV_CACHE_DIR="$venv/.uv-cache"
fi

# --- Packages -----------------------------------------------------------------

# uv comes first, by pip, under the same pin as everything else; then uv fetches the rest in parallel.
uv_pin=$(sed -n '/^uv==/,/[^\\]$/p' "$requirements")
uv_version=$(echo "$uv_pin" | sed -n 's/^uv==\([^ ]*\).*/\1/p')
if [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    say "installing uv $uv_version"
    echo "$uv_pin" >"$venv/.uv-pin.txt"
    "$venv/bin/python" -m pip install --quiet --require-hashes --requirement "$venv/.uv-pin.txt"
fi

uv_pip() { "$venv/bin/uv" pip "$@" --python "$venv/bin/python"; }
say "installing $(grep -c '^[a-z].*==' "$requirements") packages of $requirements (some gigabytes the first time)"
uv_pip install --require-hashes --requirement "$requirements"
uv_pip install --quiet --no-deps --no-build-isolation --editable .

# --- libfluidsynth ------------------------------------------------------------

has_fluidsynth() {
    "$venv/bin/python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("fluidsynth"))'
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
may_install() {
    [ -z "${HYBRID_NO_APT-}" ] && command -v apt-get && { [ "$(id -u)" = 0 ] || sudo -n true; }
}
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive timeout 300 \
        apt-get --quiet --yes -o DPkg::Lock::Timeout=60 "$@" </dev/null
}

if ! has_fluidsynth; then
    log=$venv/.apt.log
    if ! may_install >/dev/null 2>&1; then
        why="this user may not install Debian packages"
    else
        say "installing the Debian package libfluidsynth3"
        why="apt-get could not install it, see $log"
        { apt update && apt install --no-install-recommends libfluidsynth3; } >"$log" 2>&1 || true
    fi
    has_fluidsynth ||
        say "libfluidsynth is missing ($why); the pip-only SoundFont player takes its place. To mend: apt-get install libfluidsynth3"
fi

echo "$stamp" >"$venv/.setup-$1"
say "ready"
