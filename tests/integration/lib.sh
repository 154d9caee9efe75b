# shellcheck shell=bash
# lib - what the integration tests share: a simulator, settings, the program under test, and assertions
#
# A test sources this file, describes a fixture and declarations, calls `run` and asserts. It goes on after a
# failed assertion, so that one run tells everything, and ends with `finish`. $T is the test's own directory.
#
# From the environment: TRUSTSYNCD, GENESYS_SIM (the programs; found below the working directory when not
# given), WRAPPER (words put before the program under test, such as "valgrind -q --error-exitcode=99"), KEEP
# (the directory is not removed at the end).

set -u
export LC_ALL=C.UTF-8
unset NO_COLOR http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy no_proxy NO_PROXY
umask 022

# ------------------------------------------------------------------------------------------------- identities

ACME=a0000000-0000-4000-8000-000000000001
GLOBEX=a0000000-0000-4000-8000-000000000002
CONTOSO=b0000000-0000-4000-8000-000000000001
FABRIKAM=b0000000-0000-4000-8000-000000000002
NORTHWIND=b0000000-0000-4000-8000-000000000003
ACME_CLIENT=5b6c7d8e-0000-4000-8000-000000000001
GLOBEX_CLIENT=5b6c7d8e-0000-4000-8000-000000000002
CONTOSO_CLIENT=5b6c7d8e-0000-4000-8000-000000000003
SECRET='s3cret+/:=&%-of-acme'
export ACME GLOBEX CONTOSO FABRIKAM NORTHWIND ACME_CLIENT GLOBEX_CLIENT CONTOSO_CLIENT SECRET

# The id of user number $1.
user_id() {
    printf 'c0000000-0000-4000-8000-%012d' "$1"
}

# The id of partner number $1, for tests with many.
partner_id() {
    printf 'b1000000-0000-4000-8000-%012d' "$1"
}

# --------------------------------------------------------------------------------------------- life of a test

find_program() {
    local candidate

    for candidate in "$@"; do
        if [ -x "$candidate" ]; then
            realpath "$candidate"
            return
        fi
    done
    echo "none of these programs is there: $*" >&2
    exit 99
}

TRUSTSYNCD=${TRUSTSYNCD:-$(find_program ./trustsyncd ./src/trustsyncd)} || exit 99
GENESYS_SIM=${GENESYS_SIM:-$(find_program ./genesys-sim ./tests/simulator/genesys-sim)} || exit 99
read -r -a WRAPPER_WORDS <<< "${WRAPPER:-}"

T=$(mktemp -d "${TMPDIR:-/tmp}/trustsyncd-test.XXXXXX") || exit 99
N_PASSED=0
N_FAILED=0
FINISHED=no
CASE=
STATUS=
PIDS=()
SIM_PID=
SIM=
SIM_OPTIONS=() # more options of the simulator
SIM_CURL=()    # more options of curl when it talks to it
SIM_MARK=0

# Ends a process that we started, and waits for it.
end_process() {
    kill "$1" 2> /dev/null
    wait "$1" 2> /dev/null
}

clean_up() {
    local status=$? pid

    trap - EXIT
    for pid in "${PIDS[@]}"; do
        end_process "$pid"
    done
    if [ "$FINISHED" != yes ]; then
        echo "FAILED: the test ended before its end, after: ${CASE:-its start}"
        tell_last_run
        [ "$status" -ne 0 ] || status=1
    fi
    if [ -n "${KEEP:-}" ]; then
        echo "kept: $T"
    else
        chmod -R u+rwx "$T" 2> /dev/null
        rm -rf "$T"
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# A misspelt function is a failure, not a line on standard error. (bash calls this in a process of its own.)
command_not_found_handle() {
    echo "no such command: $*" | tee -a "$T/no-such-command" >&2
    return 127
}

# Compares the messages of all cases with their fixture.
messages_are_as_in_fixture() {
    local name=${0##*/} extent=all

    [ "$N_FAILED" -eq 0 ] || extent=some
    [ -e "$T/messages" ] || : > "$T/messages"
    "${BASH_SOURCE[0]%/*}/../lib/fixture" "messages/${name%.test}.txt" $extent < "$T/messages" ||
        fail "the messages are not those of the fixture"
}

# The last line of a test.
finish() {
    FINISHED=yes
    [ ! -e "$T/no-such-command" ] || fail "$(cat "$T/no-such-command")"
    messages_are_as_in_fixture
    echo "$N_PASSED passed, $N_FAILED failed"
    if [ "$N_PASSED" -eq 0 ]; then
        echo "FAILED: nothing was asserted"
        exit 1
    fi
    [ "$N_FAILED" -eq 0 ] || exit 1
    [ -z "${UPDATE_FIXTURES:-}" ] || exit 77 # nothing was compared
    exit 0
}

# What follows is about $1.
testcase() {
    CASE=$1
    echo "# $CASE"
}

# --------------------------------------------------------------------------------------------------- failures

tell_file() { # title, file, lines
    [ -s "$2" ] || return 0
    echo "    --- $1"
    tail -n "$3" "$2" | sed 's/^/    | /'
}

tell_last_run() {
    tell_file "its output" "$T/out" 40
    tell_file "its messages" "$T/err" 25
    if [ -n "$SIM" ] && curl -s --max-time 5 "${SIM_CURL[@]}" -o "$T/tail.log" "$SIM/__sim/log"; then
        tell_file "the simulator's log, the last of $(wc -l < "$T/tail.log") requests" "$T/tail.log" 12
        curl -s --max-time 5 "${SIM_CURL[@]}" -o "$T/tail.violations" "$SIM/__sim/violations"
        if jq -e '.violations | length > 0' "$T/tail.violations" > "$T/null" 2>&1; then
            tell_file "violations" "$T/tail.violations" 10
        fi
    fi
    [ -z "$SIM" ] || tell_file "the simulator's messages" "$T/sim.err" 10
}

pass() {
    N_PASSED=$((N_PASSED + 1))
}

# The lines of the test that led here, the innermost first: "plan.test:12 (called in 40)".
place() {
    local i text=

    for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
        [ "${BASH_SOURCE[i]}" != "${BASH_SOURCE[0]}" ] || continue
        if [ -z "$text" ]; then
            text="${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]}"
        else
            text+=" (called in ${BASH_LINENO[i - 1]})"
        fi
    done
    echo "$text"
}

# fail WHAT [GOT WANTED]
fail() {
    N_FAILED=$((N_FAILED + 1))
    echo "FAILED: $(place): ${CASE:+$CASE: }$1"
    if [ $# -ge 3 ]; then
        printf '%s\n' "    got:" "$2" "    wanted:" "$3" | sed '/^    /! s/^/        /'
    fi
    [ "$N_FAILED" -gt 5 ] || tell_last_run
}

# ------------------------------------------------------------------------------------------------- assertions

# is WHAT GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        pass
    else
        fail "$1" "$2" "$3"
    fi
}

# true_that WHAT COMMAND...
true_that() {
    local what=$1

    shift
    if "$@"; then
        pass
    else
        fail "$what: not true: $*"
    fi
}

# The exit status of the last run.
exits() {
    is "the exit status" "$STATUS" "$1"
}

# FILE has the fixed text.
file_has() {
    if grep -qF -e "$2" "$1" 2> /dev/null; then
        pass
    else
        fail "${1##*/} has no '$2'"
    fi
}

file_lacks() {
    if grep -qF -e "$2" "$1" 2> /dev/null; then
        fail "${1##*/} has '$2'"
    else
        pass
    fi
}

# FILE has a line that matches the extended regular expression.
file_matches() {
    if grep -qE -e "$2" "$1" 2> /dev/null; then
        pass
    else
        fail "${1##*/} has no line that matches '$2'"
    fi
}

out_has() { file_has "$T/out" "$1"; }
out_lacks() { file_lacks "$T/out" "$1"; }
out_matches() { file_matches "$T/out" "$1"; }
err_has() { file_has "$T/err" "$1"; }
err_lacks() { file_lacks "$T/err" "$1"; }
err_matches() { file_matches "$T/err" "$1"; }

# message_is [NAME] < TEXT: what tests/fixtures/messages/<test>.txt has for this case (and NAME), where
# `make update-fixtures` replaces it. It is compared at the end. No two cases have the same name.
message_is() {
    echo "$CASE${1:+: $1}"
    # shellcheck disable=SC2016 # the names themselves
    sed -e "s|$T|\$T|g" -e 's|127\.0\.0\.1:[0-9]\{4,5\}|$SIM|g' \
        -e 's/correlation id [0-9a-f-]\{36\}/correlation id $ID/g' -e 's/^/    /'
} >> "$T/messages"

# The same of what the last run said on standard error; of the lines of its report that match.
err_message_is() { message_is "${1:-}" < "$T/err"; }
out_message_is() { # extended regular expression, [NAME]
    message_is "${2:-}" < <(grep -E -e "$1" "$T/out" || echo "(no such line)")
}

# What a filter makes of the JSON report of the last run, compactly.
report() {
    jq -c "$@" "$T/out" 2>&1
}

# report_is FILTER WANTED
report_is() {
    is "the report's $1" "$(report "$1")" "$2"
}

# changes_are CONDITION WHAT WANTED: what a filter makes of the changes that a condition picks
changes_are() {
    report_is "[.organizations[].changes[] | select($1) | $2]" "$3"
}

# summary_is "add change remove held waiting failed skipped [grants_add grants_remove]"
summary_is() {
    local got

    got=$(jq -r '.summary | "\(.add) \(.change) \(.remove) \(.held) \(.waiting) \(.failed) \(.skipped)" +
                            " \(.grants_add) \(.grants_remove)"' "$T/out" 2>&1)
    if [ "$(wc -w <<< "$1")" -eq 7 ]; then
        got=${got% * *}
    fi
    is "add change remove held waiting failed skipped (+ -)" "$got" "$1"
}

# -------------------------------------------------------------------------------------------------- simulator

# A simulator for the fixture in $T/fixture.json; $SIM becomes its address.
sim_start() {
    local line=

    exec {SIM_FD}< <(exec "$GENESYS_SIM" --fixture "$T/fixture.json" --listen 127.0.0.1:0 \
        --with-parent "${SIM_OPTIONS[@]}" 2> "$T/sim.err")
    SIM_PID=$!
    PIDS+=("$SIM_PID")
    if ! read -r -t 60 -u "$SIM_FD" line || [[ ! $line =~ (https?://)?127\.0\.0\.1:[0-9]+ ]]; then
        echo "the simulator did not start: '$line'"
        cat "$T/sim.err"
        exit 99
    fi
    SIM=${BASH_REMATCH[0]}
    [ -n "${BASH_REMATCH[1]}" ] || SIM=http://$SIM
}

sim_stop() {
    [ -n "$SIM_PID" ] || return 0
    end_process "$SIM_PID"
    exec {SIM_FD}<&-
    SIM_PID=
    SIM=
}

# fixture < JSON: a new world, in a new simulator, and nothing remembered of the old one
fixture() {
    sim_stop
    cat > "$T/fixture.json"
    rm -rf "$T/state"
    SIM_MARK=0
    sim_start
}

sim_get() {
    curl -sS --fail --max-time 60 "${SIM_CURL[@]}" "$SIM/__sim/$1" || fail "no answer from /__sim/$1"
}

sim_post() { # name, JSON
    curl -sS --fail-with-body --max-time 60 "${SIM_CURL[@]}" -o "$T/sim.answer" \
        -H 'Content-Type: application/json' --data-binary "$2" "$SIM/__sim/$1" ||
        fail "the simulator refused /__sim/$1: $(cat "$T/sim.answer")"
}

sim_faults() { sim_post faults "$1"; }
# sim_fault METHOD|any PATH WHAT: a script of one rule
sim_fault() {
    local method="\"method\": \"$1\", "

    [ "$1" != any ] || method=
    sim_faults "[ { \"match\": { $method\"path\": \"$2\" }, $3 } ]"
}
no_faults() { sim_faults '[]'; }
sim_edit() { sim_post edit "$1"; }
edit_acme() { sim_edit "{ \"organization\": \"Acme\", $1 }"; }
sim_time() { sim_post time "{\"advance\": $1}"; }
sim_reset() { sim_post reset '{}'; }

# Where the request log ends now: what is counted afterwards came later.
sim_mark() {
    SIM_MARK=$(sim_get log | wc -l)
}

# The requests since the mark, through a jq filter that gets each of them.
sim_log() {
    sim_get log | tail -n +$((SIM_MARK + 1)) | jq -c "$@"
}

sim_count() { # a jq condition
    sim_log "select($1)" | wc -l
}

sim_writes() {
    sim_count .writes
}

writes_are() {
    is "writes" "$(sim_writes)" "$1"
}

requests_are() {
    is "requests" "$(sim_count true)" "$1"
}

# Waits until at least so many requests have arrived since the mark.
await_requests() {
    local i

    for ((i = 0; i < 3000; i++)); do
        [ "$(sim_count true)" -lt "$1" ] || return 0
        sleep 0.01
    done
    fail "request $1 did not arrive within 3000 looks"
    return 1
}

no_violations() {
    is "violations" "$(sim_get violations | jq -r '.violations[]')" ""
}

# ------------------------------------------------------------------------------------- settings, declarations

# settings [ORGANIZATION...] < more top-level YAML
# Each organization has the client that the table below gives it. ORG_LINES: more lines of the first one.
settings() {
    local alias id client first=yes

    mkdir -p "$T/credentials" "$T/trusts.d"
    {
        echo "version: 1"
        echo "organizations:"
        for alias in "${@:-acme}"; do
            case $alias in
            acme) id=$ACME client=$ACME_CLIENT ;;
            globex) id=$GLOBEX client=$GLOBEX_CLIENT ;;
            contoso) id=$CONTOSO client=$CONTOSO_CLIENT ;;
            *) echo "no such organization here: $alias" >&2; exit 99 ;;
            esac
            printf '%s' "$SECRET" > "$T/credentials/$alias"
            chmod 600 "$T/credentials/$alias"
            cat << YAML
  $alias:
    api_url: $SIM
    login_url: $SIM
    id: $id
    client_id: $client
    client_secret: credential:$alias
YAML
            [ $first = no ] || [ -z "${ORG_LINES:-}" ] || echo "$ORG_LINES"
            first=no
        done
        echo "trusts: trusts.d"
        cat
    } > "$T/trustsyncd.yaml"
}

# declare_trusts [FILE] < YAML: the declarations are this one file from now on
declare_trusts() {
    rm -rf "$T/trusts.d"
    mkdir -p "$T/trusts.d"
    cat > "$T/trusts.d/${1:-acme.yaml}"
}

# ------------------------------------------------------------------------------------- the program under test

# Without its simulator a test would only wait for connections.
sim_must_live() {
    [ -z "$SIM_PID" ] || kill -0 "$SIM_PID" 2> /dev/null || {
        fail "the simulator has ended"
        exit 1
    }
}

# run OPTION...: $STATUS, $T/out, $T/err. A minute is far more than any run needs: past it something hangs.
run() {
    sim_must_live
    (
        cd "$T" || exit 99
        exec env STATE_DIRECTORY="$T/state" CREDENTIALS_DIRECTORY="$T/credentials" \
            timeout -k 5 "${RUN_SECONDS:-60}" "${WRAPPER_WORDS[@]}" \
            "$TRUSTSYNCD" -c trustsyncd.yaml "$@" > "$T/out" 2> "$T/err" < /dev/null
    )
    STATUS=$?
}

# From here on the program runs as somebody whom permissions bind. False where that cannot be done.
drop_privileges() {
    [ "$(id -u)" -eq 0 ] || return 0
    WRAPPER_WORDS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    if ! "${WRAPPER_WORDS[@]}" "$TRUSTSYNCD" --version > "$T/null" 2>&1; then
        WRAPPER_WORDS=()
        echo "(cannot run the program as another user: left out)"
        return 1
    fi
    chown -R 65534:65534 "$T"
}

# The same without waiting: $RUN_PID is the program itself.
run_start() {
    sim_must_live
    (
        cd "$T" || exit 99
        exec env STATE_DIRECTORY="$T/state" CREDENTIALS_DIRECTORY="$T/credentials" \
            "$TRUSTSYNCD" -c trustsyncd.yaml "$@" > "$T/out" 2> "$T/err" < /dev/null
    ) &
    RUN_PID=$!
    PIDS+=("$RUN_PID")
}

run_wait() {
    wait "$RUN_PID"
    STATUS=$?
}

plan() { run --dry-run --format json "$@"; }
apply() { run --once --format json "$@"; }

# The same once more: nothing is left to do, and nothing is written.
second_run_writes_nothing() {
    sim_mark
    apply "$@"
    exits 0
    writes_are 0
    report_is '[(.summary | .add, .change, .remove, .failed), .requests.writes]' '[0,0,0,0,0]'
}

# --------------------------------------------------------------------------------------------- the live state

# The trusts of an organization, sorted, a line each thing:
#   trust CONTOSO enabled|disabled [until TIME]
#   user CONTOSO jane@contoso.example Admin@Home Supervisor@*
live() {
    sim_get state | jq -r --arg org "$1" '
        .organizations[] | select(.id == $org or .name == $org) | .trustees[] | .name as $trust |
        "trust \($trust) \(if .enabled then "enabled" else "disabled" end)" +
            (if .expires and .expires != "never" then " until \(.expires)" else "" end),
        (.users[] | "user \($trust) \(.email)" + ([.grants[] | " \(.[0])@\(.[1])"] | sort | join("")))' | sort
}

# live_is ORGANIZATION < lines
live_is() {
    is "the live state of $1" "$(live "$1")" "$(sort)"
}

# ---------------------------------------------------------------------------------------- the passing of time

# The clock cannot be moved, so the records are: everything in them becomes so many seconds older.
age_state() { # seconds
    local file text

    for file in "$T"/state/*.state; do
        text=$(awk -v s="$1" '/^sha256:/ { next }
            $1 == "trustee" && $6 > 0 { $6 = sprintf("%.0f", $6 - s) }
            $1 == "removals" || $1 == "write" { $2 = sprintf("%.0f", $2 - s) }
            $1 == "correction" { $2 = sprintf("%.0f", $2 - s); $3 = sprintf("%.0f", $3 - s) }
            { print }' "$file")
        printf '%s\n' "$text" > "$file"
        printf 'sha256:%s\n' "$(sha256sum < "$file" | cut -d' ' -f1)" >> "$file"
    done
}

# ----------------------------------------------------------------------------------------------- many at once

# in_parallel N SET_UP WORK: N workers, each with its own $T and the simulator that SET_UP starts, run
# `WORK number N`. For tables of cases that spend their time in waiting for retries. What they assert counts.
in_parallel() {
    local n=$1 set_up=$2 work=$3 base=$T i passed failed workers=()

    for ((i = 0; i < n; i++)); do
        T=$base/worker-$i
        mkdir "$T"
        SIM_PID= # the one before goes on
        "$set_up"
        {
            N_PASSED=0
            N_FAILED=0
            "$work" "$i" "$n"
            echo "$N_PASSED $N_FAILED" > "$T/counts"
        } > "$T/log" 2>&1 &
        workers+=($!)
        PIDS+=($!)
    done
    SIM_PID=
    SIM=
    wait "${workers[@]}"
    for ((i = 0; i < n; i++)); do
        T=$base/worker-$i
        cat "$T/log"
        [ ! -e "$T/messages" ] || cat "$T/messages" >> "$base/messages"
        if read -r passed failed 2> "$base/null" < "$T/counts"; then
            N_PASSED=$((N_PASSED + passed))
            N_FAILED=$((N_FAILED + failed))
        else
            fail "worker $i did not reach its end"
        fi
    done
    T=$base
}

# ------------------------------------------------------------------------------------- a world for many tests

# Contoso has three users, Fabrikam two, Northwind none; Ann, an employee, stands among the subjects too.
fixture_partners() {
    fixture < <(jq -n --arg secret "$SECRET" '
        def client($id): { id: $id, secret: $secret };
        { organizations: [
            { id: env.ACME, name: "Acme", clients: [client(env.ACME_CLIENT)],
              roles: ["Admin", "Admin - Restricted", "Communicate - User", "Supervisor"],
              divisions: ["Home", "Sales", "Support"],
              users: [{ email: "ann@acme.example", grants: [["Admin", "*"], ["Supervisor", "Sales"]] }],
              trustees: [
                { id: env.CONTOSO, name: "Contoso", users: [
                    { email: "jane@contoso.example", grants: [["Admin", "Home"], ["Supervisor", "*"]] },
                    { email: "joe@contoso.example", grants: [["Supervisor", "Sales"]] },
                    { email: "jim@contoso.example" } ] },
                { id: env.FABRIKAM, name: "Fabrikam", users: [
                    { email: "fay@fabrikam.example", grants: [["Communicate - User", "*"]] },
                    { email: "fred@fabrikam.example", grants: [["Communicate - User", "Home"]] } ] },
                { id: env.NORTHWIND, name: "Northwind" } ] },
            { id: env.GLOBEX, name: "Globex", clients: [client(env.GLOBEX_CLIENT)],
              roles: ["Admin"], divisions: ["Home"], trustees: [
                { id: env.CONTOSO, name: "Contoso", users: [
                    { email: "jane@contoso.example", grants: [["Admin", "Home"]] } ] } ] },
            { id: env.CONTOSO, name: "Contoso", clients: [client(env.CONTOSO_CLIENT)],
              users: [{ id: $n1, email: "jane@contoso.example", name: "Jane" },
                      { id: $n2, email: "joe@contoso.example", name: "Joe" },
                      { id: $n3, email: "jim@contoso.example", name: "Jim" },
                      { id: $n4, email: "new@contoso.example", name: "New" }] },
            { id: env.FABRIKAM, name: "Fabrikam",
              users: [{ id: $n5, email: "fay@fabrikam.example", name: "Fay" },
                      { id: $n6, email: "fred@fabrikam.example", name: "Fred" }] },
            { id: env.NORTHWIND, name: "Northwind",
              users: [{ id: $n7, email: "nora@northwind.example", name: "Nora" }] } ] }' \
        --arg n1 "$(user_id 1)" --arg n2 "$(user_id 2)" --arg n3 "$(user_id 3)" --arg n4 "$(user_id 4)" \
        --arg n5 "$(user_id 5)" --arg n6 "$(user_id 6)" --arg n7 "$(user_id 7)")
}

# What is live in that world, as declarations.
declarations_as_live() {
    cat << 'YAML'
version: 1
organization: acme
trustees:
  contoso:
    id: b0000000-0000-4000-8000-000000000001
    users:
      jane@contoso.example:
        roles:
          Admin: [Home]
          Supervisor: all
      joe@contoso.example:
        roles:
          Supervisor: [Sales]
      jim@contoso.example:
        roles: {}
  fabrikam:
    id: b0000000-0000-4000-8000-000000000002
    users:
      fay@fabrikam.example:
        roles:
          Communicate - User: all
      fred@fabrikam.example:
        roles:
          Communicate - User: [Home]
  northwind:
    id: b0000000-0000-4000-8000-000000000003
    users: {}
YAML
}
