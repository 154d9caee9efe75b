# shellcheck shell=bash
# packages - test data and other parsers from the npm registry, kept in the build directory; nothing of them is run but
# what a test calls
#
# To be sourced. fetch_package NAME VERSION -> PACKAGE, its directory; false, with the reason, when it cannot be had.

fetch_package() {
    local place=$PWD/tests/fuzz/packages

    PACKAGE=$place/$1-$2/package
    [ ! -d "$PACKAGE" ] || return 0
    command -v npm > /dev/null || { echo "npm is missing: $1 cannot be had"; return 1; }
    mkdir -p "$place/$1-$2"
    (cd "$place/$1-$2" && timeout 60 npm pack --ignore-scripts --silent --fetch-retries=0 "$1@$2" > names 2> log &&
        tar -xzf "$(tail -n 1 names)") && [ -d "$PACKAGE" ] && return 0
    echo "the registry did not give $1 $2: $(tail -n 1 "$place/$1-$2/log")"
    rm -rf "${place:?}/$1-$2"
    return 1
}
