#!/bin/bash
# check.sh - builds the project and runs all its tests: one command, from a fresh checkout on Debian 12
#
# Installs what is missing (and says what), builds below build/, runs `make check`, leaves nothing behind. The last
# line is "N passed, N failed"; the exit status is 0 only when nothing failed. Options go to configure:
#   tests/check.sh CC=clang --enable-sanitizers
# KEEP=1 leaves the build, CHECK_TARGET=check-valgrind runs another target.
set -u
# shellcheck source=tests/lib/setup.sh
. "${BASH_SOURCE[0]%/*}/lib/setup.sh"

# "# PASS:  12" of automake's summary; 0 when there is none.
count() {
    awk -v word="# $1:" 'index($0, word) == 1 { n = $NF } END { print n + 0 }' "$PLACE/check.log"
}

show_failures() {
    local name log

    grep -E '^(FAIL|XPASS|ERROR): ' "$PLACE/check.log" | sort -u | while read -r _ name; do
        log=$PLACE/build/${name%.test}.log
        say "---- $name"
        [ ! -e "$log" ] || tail -n 60 "$log" >&2
    done
}

show_skipped() {
    local name

    grep -E '^SKIP: ' "$PLACE/check.log" | while read -r _ name; do
        say "Skipped: $name ($(grep -v '^SKIP ' "$PLACE/build/${name%.test}.log" | tail -n 1))"
    done
}

NEEDS+=("${NEEDS_OF_TESTS[@]}")
install_missing
make_place check
if ! build --enable-werror "$@"; then
    say "Nothing was tested, because it was not built."
    echo "0 passed, 1 failed"
    exit 1
fi

say "Tests, a line each:"
make -C "$PLACE/build" -j"$(jobs)" "${CHECK_TARGET:-check}" 2>&1 | tee "$PLACE/check.log" |
    grep --line-buffered -E '^(PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): ' >&2
status=${PIPESTATUS[0]}

passed=$(($(count PASS) + $(count XFAIL)))
failed=$(($(count FAIL) + $(count XPASS) + $(count ERROR)))
if [ "$failed" -gt 0 ]; then
    show_failures
elif [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; then
    tail -n 60 "$PLACE/check.log" >&2
    failed=1
fi
show_skipped
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
