# shellcheck shell=bash
# setup - what check.sh, demo.sh and the scripts of .ci share: packages, a place to build, and cleaning up
#
# To be sourced. Everything is built in a directory of its own below build/, from a copy of the sources, so that
# any number of runs from one checkout do not see each other and nothing of it is ever changed. The directory goes
# when the script ends (KEEP=1: it stays), and the processes in PIDS are ended before.

SOURCE=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd) || exit 1
PLACE=
PIDS=()
export LC_ALL=C.UTF-8
export -n KEEP 2> /dev/null # the tests have one of their own

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

# What is needed to build, with the simulator: "what to look for|Debian package". check.sh adds to it.
NEEDS=(
    'command gcc|gcc' 'command make|make' 'command autoreconf|autoconf' 'command automake|automake'
    'command pkg-config|pkg-config' 'command curl|curl' 'header stdlib.h|libc6-dev'
    'module libcurl >= 7.88|libcurl4-openssl-dev' 'module libcrypto >= 3.0|libssl-dev'
    'module yaml-0.1 >= 0.2.5|libyaml-dev' 'module yajl >= 2.1.0|libyajl-dev'
    'module libsystemd >= 252|libsystemd-dev'
    'module libmicrohttpd >= 0.9.75|libmicrohttpd-dev' 'module gnutls|libgnutls28-dev'
)
# shellcheck disable=SC2034 # used by those who source this
# What the tests need besides; those under a real systemd say themselves when they cannot run.
NEEDS_OF_TESTS=(
    'module check >= 0.15|check' 'command jq|jq' 'command perl|perl' 'command openssl|openssl'
    'command systemctl|systemd' 'command dbus-daemon|dbus'
)

is_there() {
    case $1 in
    command\ *) command -v "${1#command }" > /dev/null ;;
    module\ *) pkg-config --exists "${1#module }" 2> /dev/null ;;
    header\ *) [ -e "/usr/include/${1#header }" ] ;;
    esac
}

# The packages of NEEDS that are missing.
missing_packages() {
    local need

    for need in "${NEEDS[@]}"; do
        is_there "${need%|*}" || printf '%s\n' "${need#*|}"
    done
}

# Word for word, so that the person at the keyboard sees what is done with which rights.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        say "+ $*"
        "$@"
    else
        say "+ sudo $*"
        sudo "$@"
    fi
}

is_debian() {
    local ID='' VERSION_ID=''

    [ -r /etc/os-release ] || return 1
    # shellcheck disable=SC1091
    . /etc/os-release
    [ "$ID" = debian ] && [ "${VERSION_ID:-99}" -ge 12 ]
}

# Packages that are to be there after this; false when that is impossible, with the reason said.
install_packages() {
    local options=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=2)

    if ! is_debian; then
        say "This is not Debian 12: please install what these packages hold (names as in Debian), then try again."
        return 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo > /dev/null; then
        say "Not root, and sudo is missing. As root: apt-get update && apt-get install $*"
        return 1
    fi
    if ! as_root apt-get "${options[@]}" -qq update >&2 ||
        ! as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get "${options[@]}" -qq -y --no-install-recommends install "$@" >&2; then
        say "The packages could not be installed. Is there no network? Then, once there is: apt-get install $*"
        return 1
    fi
}

# Installs what is missing, or says what that is and ends.
install_missing() {
    local packages still

    mapfile -t packages < <(missing_packages)
    [ ${#packages[@]} -gt 0 ] || return 0
    say "Missing: ${packages[*]}"
    install_packages "${packages[@]}" || exit 1
    mapfile -t still < <(missing_packages)
    [ ${#still[@]} -eq 0 ] || die "Installed, and still missing or too old: ${still[*]}"
}

clean_up() {
    local status=$? pid

    trap - EXIT
    trap '' INT TERM HUP
    for pid in ${PIDS[@]+"${PIDS[@]}"}; do
        kill "$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
    if [ -n "$PLACE" ] && [ -n "${KEEP:-}" ]; then
        say "Kept: $PLACE"
    elif [ -n "$PLACE" ]; then
        cd / && chmod -R u+rwX "$PLACE" 2> /dev/null
        rm -rf "$PLACE"
        rmdir "$SOURCE/build" 2> /dev/null
    fi
    exit "$status"
}

# $PLACE: a new directory. Below build/, else (a read-only checkout) below $TMPDIR.
make_place() {
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    if mkdir -p "$SOURCE/build" 2> /dev/null && PLACE=$(mktemp -d "$SOURCE/build/$1.XXXXXX" 2> /dev/null); then
        return
    fi
    PLACE=$(mktemp -d "${TMPDIR:-/tmp}/trustsyncd-$1.XXXXXX") || exit 1
}

# The files of the project, without what was built among them.
list_sources() {
    if git -C "$SOURCE" rev-parse --is-inside-work-tree > /dev/null 2>&1; then
        git -C "$SOURCE" ls-files -z --cached --others --exclude-standard --deduplicate
    else
        (cd "$SOURCE" && find . -path ./build -prune -o -type f ! -name '*.o' ! -name config.status -print0)
    fi
}

# One step with its output in a log, which is shown when the step fails.
step() { # title, command...
    local title=$1 start=$SECONDS

    shift
    if "$@" > "$PLACE/step.log" 2>&1; then
        say "$title: done in $((SECONDS - start)) s"
        return 0
    fi
    tail -n 60 "$PLACE/step.log" >&2
    say "$title: failed: $*"
    return 1
}

jobs() {
    nproc 2> /dev/null || echo 2
}

copy_sources() {
    mkdir -p "$PLACE/source" &&
        list_sources | tar -C "$SOURCE" --null --no-recursion --ignore-failed-read -T - -cf - 2> "$PLACE/tar.log" |
        tar -C "$PLACE/source" -xf - && [ -e "$PLACE/source/configure.ac" ]
}

# configure_in DIRECTORY OPTION...
configure_in() {
    mkdir -p "$1" && cd "$1" && shift && ../source/configure "$@"
}

# Sources, configure and make, in $PLACE/source and $PLACE/build. The options go to configure.
build() {
    step "Copy the sources" copy_sources || return
    step "autoreconf" autoreconf -fi "$PLACE/source" || return
    (step "configure" configure_in "$PLACE/build" "$@") || return
    step "make" make -C "$PLACE/build" -j"$(jobs)"
}
