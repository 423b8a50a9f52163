# shellcheck shell=bash
# For the scripts here: finding out what is missing, installing it, building quietly. Sourced after
# `set -euo pipefail`. All they say goes to stderr.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
as_root=()     # how to become root, once that is known
jobs=$(nproc 2>/dev/null || echo 2)
missing=()     # packages, by their Debian names
missing_why=() # what each is for

say() { printf '%s\n' "$*" >&2; }

die() {
    say "tools/${0##*/}: $*"
    exit 1
}

refuse() { # for bad arguments
    say "tools/${0##*/}: $*"
    exit 2
}

print_version() {
    sed -n 's/^project(pricecast VERSION \([0-9.]*\).*/pricecast \1/p' "$root/CMakeLists.txt"
}

# quietly LOG COMMAND…: runs it, and shows its output only when it fails.
quietly() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "this failed: $*"
    fi
}

# ---- what is there ----

has_command() { # any of them
    local name
    for name; do
        if command -v "$name" >/dev/null; then return 0; fi
    done
    return 1
}

has_package() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

has_library() { # MODULE PACKAGE: as pkg-config knows it, or as dpkg does while that is missing
    pkg-config --exists "$1" 2>/dev/null || has_package "$2"
}

has_header() {
    echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1
}

has_lws_plugin() {
    local dir
    has_package libwebsockets-evlib-uv && return
    dir=$(pkg-config --variable=libdir libwebsockets 2>/dev/null) &&
        [[ -e $dir/libwebsockets-evlib_uv.so ]]
}

# need PACKAGE WHY CHECK…: notes the package as missing when the check fails.
need() {
    local package=$1 why=$2
    shift 2
    if ! "$@"; then
        missing+=("$package")
        missing_why+=("$why")
    fi
}

need_for_building() {
    need gcc 'compiles the server' has_command cc gcc clang
    need libc6-dev 'headers of the C library' has_header stdio.h
    need make 'drives the compiler' has_command make ninja
    need cmake 'configures the build' has_command cmake
    need pkg-config 'finds the libraries' has_command pkg-config
    need libwebsockets-dev 'HTTP and WebSocket' has_library libwebsockets libwebsockets-dev
    need libwebsockets-evlib-uv "libwebsockets' event loop, loaded at run time" has_lws_plugin
    need libssl-dev 'TLS' has_library libcrypto libssl-dev
    need libuv1-dev 'the event loop' has_library libuv libuv1-dev
    need libjansson-dev 'JSON' has_library jansson libjansson-dev
    need zlib1g-dev 'reads recordings packed with gzip' has_library zlib zlib1g-dev
    need libzstd-dev 'reads recordings packed with zstd' has_library libzstd libzstd-dev
    need uthash-dev 'hash tables' has_header uthash.h
    need tzdata 'time zones of recordings (tz=)' test -e /usr/share/zoneinfo/UTC
    need gzip 'packs the dashboard into the server' has_command gzip
    need nodejs 'builds the dashboard' has_command node nodejs
    need npm 'fetches what the dashboard is built with' has_command npm
    need ca-certificates 'lets npm see whom it talks to' test -e /etc/ssl/certs/ca-certificates.crt
}

# ---- installing ----

list_missing() {
    local i
    for i in "${!missing[@]}"; do
        printf '  %-24s %s\n' "${missing[i]}" "${missing_why[i]}" >&2
    done
}

# Refuses to go on: says what to install by hand, and why we cannot.
die_by_hand() {
    say "tools/${0##*/}: this is missing (by its Debian name):"
    list_missing
    die "$1; install it by hand, then start again"
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

has_candidate() {
    local policy # whole, before it is searched: apt-cache minds a pipe that is closed early
    policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null)
    [[ $policy == *$'\n  Candidate: '[!\(]* ]]
}

# Some packages are called otherwise elsewhere, or by a version only known here.
resolve_names() {
    local i version
    for i in "${!missing[@]}"; do
        case ${missing[i]} in
        libclang-rt-dev)
            version=$(clang -dumpversion 2>/dev/null || LC_ALL=C apt-cache depends clang |
                sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p')
            missing[i]=libclang-rt-${version%%.*}-dev
            ;;
        chromium)
            has_candidate chromium || ! has_candidate chromium-browser || missing[i]=chromium-browser
            ;;
        esac
    done
}

all_have_candidates() {
    local package
    for package in "${missing[@]}"; do
        if ! has_candidate "$package"; then return 1; fi
    done
}

install_missing() {
    local log package
    if ((${#missing[@]} == 0)); then return; fi
    has_command apt-get || die_by_hand 'there is no apt-get here'
    if ((EUID != 0)); then
        has_command sudo || die_by_hand 'only root may install, and there is no sudo'
        as_root=(sudo)
    fi
    log=$(mktemp)
    resolve_names
    if ! all_have_candidates; then
        say 'reading the package lists (apt-get update)'
        quietly "$log" apt_get update
        resolve_names
    fi
    for package in "${missing[@]}"; do
        if ! has_candidate "$package"; then
            grep '^[WE]:' "$log" >&2 || true
            die "apt-get knows no package $package: is the network there, and is this Debian 12," \
                'Ubuntu 24.04 or later?'
        fi
    done
    say 'installing with apt-get:'
    list_missing
    # Lists that are there may still be too old: then the files they name are gone.
    if ! apt_get install --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
        quietly "$log" apt_get update
        quietly "$log" apt_get install --no-install-recommends "${missing[@]}"
    fi
    rm -f "$log"
    missing=()
}

# ---- building ----

# A tree is usable when its configuration went through, and belongs to these sources: a checkout
# that was moved or copied with its build directory does not.
is_configured() {
    [[ -e $1/Makefile || -e $1/build.ninja ]] &&
        grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$1/CMakeCache.txt" 2>/dev/null
}

configure() { # DIR CMAKE-ARGUMENT…
    local dir=$1 generator=()
    shift
    mkdir -p "$dir"
    if ! is_configured "$dir"; then
        rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles"
        generator=(-G 'Unix Makefiles')
        if has_command ninja; then generator=(-G Ninja); fi
    fi
    quietly "$dir/configure.log" cmake -S "$root" -B "$dir" "${generator[@]}" "$@"
}

build() { # DIR
    quietly "$1/build.log" cmake --build "$1" --parallel "$jobs"
}

# The programs as they are shipped. A tree that someone has configured otherwise stays so.
build_release() {
    if ! is_configured "$root/build"; then
        say 'building into build/'
        configure "$root/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF
    elif [[ -e $root/build/web/dashboard/incomplete ]]; then
        configure "$root/build" # Node or the network may be there by now
    fi
    build "$root/build"
    if [[ -e $root/build/web/dashboard/incomplete ]]; then
        say "the dashboard is left out: $(<"$root/build/web/dashboard/incomplete")"
    fi
}
