#!/bin/bash
# demo.sh - the whole job in a minute, against a simulated platform on this machine: no account, nothing installed
# but the packages to build (it says which), nothing left behind.
#
# KEEP=1 leaves the directory, to play with.
set -u
# shellcheck source=tests/lib/setup.sh
. "${BASH_SOURCE[0]%/*}/lib/setup.sh"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' PLAIN=$'\e[0m' COLOR=always
else
    BOLD='' PLAIN='' COLOR=never
fi

title() {
    printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"
}

# The simulated platform; its first line of output is its address.
start_simulator() {
    local line=

    exec 3< <(exec "$PLACE/build/genesys-sim" --fixture "$SOURCE/tests/demo/fixture.json" --listen 127.0.0.1:0 \
        2> "$PLACE/simulator.log")
    PIDS+=("$!")
    read -r -t 60 -u 3 line || true
    if [[ ! $line =~ http://127\.0\.0\.1:[0-9]+ ]]; then
        cat "$PLACE/simulator.log" >&2
        die "The simulator did not start: '$line'"
    fi
    ADDRESS=${BASH_REMATCH[0]}
}

write_settings() {
    sed -e "s|@ADDRESS@|$ADDRESS|" -e "s|@PLACE@|$PLACE|" "$SOURCE/tests/demo/trustsyncd.yaml.in" \
        > "$PLACE/trustsyncd.yaml" &&
        (umask 077 && printf 'not-a-secret-but-a-demo\n' > "$PLACE/secret") &&
        cp -R "$SOURCE/tests/demo/trusts.d" "$PLACE/trusts.d"
}

# run STATUS OPTION...: the program, which is expected to end with that status
run() {
    local wanted=$1 status

    shift
    printf '$ trustsyncd -c trustsyncd.yaml %s\n' "$*"
    env STATE_DIRECTORY="$PLACE/state" "$PLACE/build/trustsyncd" -c trustsyncd.yaml --color "$COLOR" "$@" \
        2> "$PLACE/messages"
    status=$?
    if [ "$status" -ne "$wanted" ]; then
        cat "$PLACE/messages" >&2
        die "The program ended with $status, not $wanted: the demo is at fault, or the program."
    fi
}

edit_by_hand() {
    curl -sS --fail-with-body --noproxy '*' --max-time 10 -H 'Content-Type: application/json' \
        --data-binary "@$SOURCE/tests/demo/edits.json" "$ADDRESS/__sim/edit" > "$PLACE/edit.log" ||
        die "The simulator refused the edits: $(cat "$PLACE/edit.log")"
}

install_missing
make_place demo
build CFLAGS=-O1 || exit 1
start_simulator
write_settings || exit 1
cd "$PLACE" || exit 1

title "What is reviewed in git: who of Contoso may enter Acme"
cat trusts.d/contoso.yaml

title "A first run: three partners, as declared. One user cannot be found any more"
run 0 --once

title "A week later. In the admin screen, somebody has"
cat << 'TEXT'
  - added temp.helper@contoso.example by hand, as Admin everywhere
  - made jane.doe@contoso.example a supervisor as well
  - taken a division from raj.patel@contoso.example
  - disabled the trust with Fabrikam
  - let in an organization that no declaration names
TEXT
edit_by_hand

title "What would be done about it? (a pull request's check prints this; it cannot write)"
run 4 --dry-run --detailed-exitcode

title "Do it"
run 0 --once
title "What the journal keeps of it"
grep -vE '^[[:space:]]*$' "$PLACE/messages"

title "Once more"
run 0 --once

title "That was all: README goes on from here"
