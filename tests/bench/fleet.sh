#!/bin/bash
# fleet - one daemon for many organizations, some of them dead in four ways: how long do the healthy ones wait?
#
#   ORGANIZATIONS=200 DEAD=20 INTERVAL=10 ROUNDS=6 CONCURRENCY=8 FILES= MAX_WAIT= fleet.sh
#
# DEAD: so many refuse connections, so many let them time out, so many accept them and say nothing, so many know no
# such secret. FILES: the soft limit of open files. Counted from the simulator's log: a cycle of an organization begins
# where its trusts are listed. MAX_WAIT: seconds; a longer wait is a failure, and so are more threads than the unit
# allows. Without it, the slowest healthy organization has to make half as many cycles as the quickest.
set -u
export LC_ALL=C.UTF-8
unset NO_COLOR http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
ORGANIZATIONS=${ORGANIZATIONS:-200} DEAD=${DEAD:-20} INTERVAL=${INTERVAL:-10} ROUNDS=${ROUNDS:-6}
CONCURRENCY=${CONCURRENCY:-8} FILES=${FILES:-} MAX_WAIT=${MAX_WAIT:-}
TRUSTSYNCD=$(realpath "${TRUSTSYNCD:-./trustsyncd}") GENESYS_SIM=$(realpath "${GENESYS_SIM:-./genesys-sim}")
DEAD_ENDS=$(realpath "${DEAD_ENDS:-./tests/bench/dead-ends}")
unit=${srcdir:-.}/systemd/trustsyncd.service.in
T=$(mktemp -d "${TMPDIR:-/tmp}/trustsyncd-fleet.XXXXXX") || exit 99
PIDS=()
# of the dead ends, by what they do
declare -A DEAD_PORT=()

clean_up() {
    local pid

    for pid in "${PIDS[@]}"; do
        kill "$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
    [ -n "${KEEP:-}" ] || rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

die() {
    printf '%s\n' "$*"
    exit 99
}

organization_id() {
    printf 'a0000000-0000-4000-8000-%012d' "$1"
}

start_servers() {
    local line

    jq -n --argjson n "$ORGANIZATIONS" '
        def id(p; i): "\(p)0000000-0000-4000-8000-" + ("000000000000" + (i | tostring))[-12:];
        { organizations: [ range($n) as $i | { id: id("a"; $i), name: "Organization \($i)",
            clients: [ { id: "client-\($i)", secret: "s3cret" } ], roles: ["Admin", "Agent", "Auditor"],
            divisions: ["Home"],
            trustees: [ range(2) as $t | { id: id("b"; $i * 2 + $t), name: "Partner \($i) \($t)",
                users: [ range(3) as $u | { id: id("c"; $i * 10 + $t * 3 + $u),
                    email: "user\($u)@partner\($i)-\($t).example", grants: [["Agent", "*"]] } ] } ] } ] }' \
        > "$T/fixture.json" || die "jq fails"
    exec 3< <(exec "$GENESYS_SIM" --fixture "$T/fixture.json" --listen 127.0.0.1:0 2> "$T/sim.err")
    PIDS+=("$!")
    read -r -t 60 -u 3 line || die "no simulator: $(cat "$T/sim.err")"
    SIM=$line
    mkfifo "$T/hold" || exit 99
    exec 4<> "$T/hold"
    exec 5< <(exec "$DEAD_ENDS" < "$T/hold")
    PIDS+=("$!")
    for _ in 1 2 3; do
        read -r -t 10 -u 5 line || die "no dead ends"
        DEAD_PORT[${line% *}]=${line#* }
    done
}

# Where organization number $1 is to be found, and with which secret.
place_of() {
    URL=$SIM SECRET=good
    case $(($1 / (DEAD > 0 ? DEAD : 1))) in
    0) URL=http://127.0.0.1:${DEAD_PORT[refused]} ;;
    1) URL=http://127.0.0.1:${DEAD_PORT[blackhole]} ;;
    2) URL=http://127.0.0.1:${DEAD_PORT[silent]} ;;
    3) SECRET=bad ;;
    esac
}

write_files() {
    local i t u

    mkdir "$T/credentials" "$T/trusts.d" "$T/run" "$T/state"
    printf s3cret > "$T/credentials/good"
    printf wrong > "$T/credentials/bad"
    chmod 600 "$T/credentials/"*
    {
        printf 'version: 1\ntrusts: trusts.d\nreconcile: {mode: enforce, interval: %ds, jitter: "0"}\n' "$INTERVAL"
        printf 'http: {concurrency: %d, requests_per_minute: 6000}\norganizations:\n' "$CONCURRENCY"
        for ((i = 0; i < ORGANIZATIONS; i++)); do
            if [ "$DEAD" -gt 0 ]; then place_of "$i"; else URL=$SIM SECRET=good; fi
            printf '  org%d:\n    api_url: %s\n    login_url: %s\n    id: %s\n    client_id: client-%d\n    client_secret: credential:%s\n' \
                "$i" "$URL" "$URL" "$(organization_id "$i")" "$i" "$SECRET"
        done
    } > "$T/trustsyncd.yaml"
    for ((i = 0; i < ORGANIZATIONS; i++)); do
        {
            printf 'version: 1\norganization: org%d\ntrustees:\n' "$i"
            for t in 0 1; do
                printf '  partner%d:\n    id: b0000000-0000-4000-8000-%012d\n    users:\n' "$t" $((i * 2 + t))
                for u in 0 1 2; do
                    printf '      user%d@partner%d-%d.example:\n        roles: {Agent: all}\n' "$u" "$i" "$t"
                done
            done
        } > "$T/trusts.d/org$i.yaml"
    done
}

start_daemon() {
    (
        cd "$T" || exit 99
        [ -z "$FILES" ] || ulimit -S -n "$FILES" || exit 99
        exec env STATE_DIRECTORY="$T/state" RUNTIME_DIRECTORY="$T/run" CREDENTIALS_DIRECTORY="$T/credentials" \
            "$TRUSTSYNCD" -c trustsyncd.yaml > "$T/out" 2> "$T/err" < /dev/null
    ) &
    DAEMON=$!
    PIDS+=("$DAEMON")
}

# Per healthy organization: its cycles, the longest time between the beginnings of two, and until the log's end.
waits() {
    curl -sS --noproxy '*' --max-time 60 "$SIM/__sim/log" > "$T/log" || die "no log"
    jq -n -r --argjson n "$ORGANIZATIONS" --argjson first "$((4 * DEAD))" '
        (reduce (inputs | select(.method == "GET" and .path == "/api/v2/orgauthorization/trustees"
                                and ((.query // "") | test("pageNumber=1(&|$)")))) as $r
            ({}; .[$r.organization] += [$r.time | fromdateiso8601])) as $times
        | range($first; $n) | "Organization \(.)" as $o | ($times[$o] // []) as $t
        | "\($t | length) \([range(1; $t | length) as $k | $t[$k] - $t[$k - 1]] | max // 0) \($o)"' "$T/log"
}

sample() {
    local threads files

    threads=$(sed -n 's/^Threads:[^0-9]*//p' "/proc/$DAEMON/status" 2> "$T/null") || return 1
    files=$(find "/proc/$DAEMON/fd" -mindepth 1 2> "$T/null" | wc -l)
    [ -n "$threads" ] || return 1
    [ "$threads" -le "$MAX_THREADS" ] || MAX_THREADS=$threads
    [ "$files" -le "$MAX_FILES" ] || MAX_FILES=$files
}

MAX_THREADS=0 MAX_FILES=0
start_servers
write_files
start_daemon
began=$SECONDS
# until the quickest one has made so many cycles
while [ $((SECONDS - began)) -lt $((INTERVAL * ROUNDS * 6 + 120)) ]; do
    sleep 1
    sample || die "the daemon has ended: $(tail -n 5 "$T/err")"
    [ $(((SECONDS - began) % (INTERVAL > 3 ? 3 : INTERVAL))) -eq 0 ] || continue
    quickest=$(waits | sort -n | tail -n 1)
    [ "${quickest%% *}" -lt "$ROUNDS" ] || break
done
waits | sort -n > "$T/waits"
slowest=$(head -n 1 "$T/waits") quickest=$(tail -n 1 "$T/waits")
longest=$(sort -k2n "$T/waits" | tail -n 1)
tasks=$(sed -n 's/^TasksMax=//p' "$unit" 2> "$T/null")
cpu=$(awk '{ print ($14 + $15) / 100 }' "/proc/$DAEMON/stat")
memory=$(sed -n 's/^VmRSS:[^0-9]*//p' "/proc/$DAEMON/status")
printf '%s organizations, %s of them dead, every %s s: the quickest healthy one made %s cycles, the slowest %s\n' \
    "$ORGANIZATIONS" $((4 * DEAD)) "$INTERVAL" "${quickest%% *}" "${slowest%% *}"
printf 'the longest time between two cycles: %s s (%s); at most %s threads (the unit allows %s), %s open files; %s s of CPU in %s s, %s\n' \
    "$(cut -d' ' -f2 <<< "$longest")" "$(cut -d' ' -f3- <<< "$longest")" "$MAX_THREADS" "${tasks:-?}" "$MAX_FILES" "$cpu" \
    $((SECONDS - began)) "$memory"
[ "${slowest%% *}" -ge 1 ] || { echo "FAILED: ${slowest#* * } was never read"; exit 1; }
[ $((2 * ${slowest%% *})) -ge "${quickest%% *}" ] || { echo "FAILED: some wait for others"; exit 1; }
[ -z "$tasks" ] || [ "$MAX_THREADS" -le "$tasks" ] || { echo "FAILED: too many threads"; exit 1; }
[ -z "$MAX_WAIT" ] || [ "$(cut -d' ' -f2 <<< "$longest")" -le "$MAX_WAIT" ] || { echo "FAILED: too long"; exit 1; }
