#!/bin/bash
# bench.sh - what a cycle costs, beside curl fetching the same URLs from the same server in the same run
#
# make bench calls it in the build directory. Absolute times say something about the machine; the ratios, and how
# they grow, about the program. The last lines are the figures to reach; the status is 1 when one is not.
# From the environment: SIZES (numbers of trusts), MODES (plain tls slow), RUNS (each is measured so often; the best
# counts), GRANTS (for the diff alone).
set -u
export LC_ALL=C.UTF-8
read -r -a SIZES <<< "${SIZES:-100 1000 4000}"
read -r -a MODES <<< "${MODES:-plain tls slow}"
read -r -a GRANTS <<< "${GRANTS:-100000 1000000}"
RUNS=${RUNS:-3}
CONCURRENCY=8
USERS=25
BUILD=$PWD
# As tests/simulator/generate.h has them.
CLIENT_ID=be9c0000-0000-4000-8000-000000000002
CLIENT_SECRET=generated-and-no-secret
T=$(mktemp -d "${TMPDIR:-/tmp}/trustsyncd-bench.XXXXXX") || exit 1
SIM_PID=
missed=()

clean_up() {
    stop_simulator
    rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

die() {
    printf '%s\n' "bench: $*" >&2
    exit 1
}

stop_simulator() {
    [ -n "$SIM_PID" ] || return 0
    kill "$SIM_PID" 2> /dev/null
    wait "$SIM_PID" 2> /dev/null
    exec 3<&-
    SIM_PID=
}

start_simulator() { # trusts, options...
    local line=

    exec 3< <(exec "$BUILD/genesys-sim" --generate "$1,$USERS" --listen 127.0.0.1:0 "${@:2}" 2> "$T/sim.err")
    SIM_PID=$!
    read -r -t 120 -u 3 line || true
    [[ $line =~ https?://127\.0\.0\.1:[0-9]+ ]] || die "the simulator did not start: '$line' $(cat "$T/sim.err")"
    ADDRESS=${BASH_REMATCH[0]}
}

get() {
    curl -sS --fail --noproxy '*' --cacert "$T/cert.pem" "$@"
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$T/key.pem" -out "$T/cert.pem" 2> "$T/openssl.log" ||
        die "no certificate: $(cat "$T/openssl.log")"
}

# What genesys-sim knows of a generated organization.
ORGANIZATION_ID=be9c0000-0000-4000-8000-000000000001
CLIENT_ID=be9c0000-0000-4000-8000-000000000002
CLIENT_SECRET=generated-and-no-secret

# Declarations that ask for what is live.
declare_live() { # trusts
    rm -rf "$T/trusts.d"
    mkdir "$T/trusts.d"
    "$BUILD/genesys-sim" --generate "$1,$USERS" --declarations "$T/trusts.d" > "$T/generate.log" 2>&1 ||
        die "no declarations: $(cat "$T/generate.log")"
}

write_settings() {
    cat > "$T/trustsyncd.yaml" << YAML
version: 1
organizations:
  bench:
    api_url: $ADDRESS
    login_url: $ADDRESS
    id: $ORGANIZATION_ID
    client_id: $CLIENT_ID
    client_secret: file:$T/secret
trusts: trusts.d
http:
  concurrency: $CONCURRENCY
  requests_per_minute: 1000000
  ca_file: $T/cert.pem
YAML
    (umask 077 && printf '%s' "$CLIENT_SECRET" > "$T/secret")
}

plan() { # what to put before it
    env STATE_DIRECTORY="$T/state" "$@" "$BUILD/trustsyncd" -q --dry-run --detailed-exitcode --format json \
        -c "$T/trustsyncd.yaml" > "$T/report.json" 2> "$T/messages" ||
        die "trustsyncd ended with $?: $(head -c 2000 "$T/messages")"
}

# The URLs that one cycle asks for, as curl's configuration.
record_urls() {
    local before

    before=$(get "$ADDRESS/__sim/log" | wc -l)
    plan env
    get "$ADDRESS/__sim/log" | tail -n "+$((before + 1))" > "$T/log"
    jq -r --arg address "$ADDRESS" 'select(.method == "GET" and (.path | startswith("/__sim") | not)) |
        "url = \"\($address)\(.path)\(if .query then "?" + .query else "" end)\"\noutput = \"/dev/null\""' "$T/log" \
        > "$T/urls"
    {
        printf 'parallel\nparallel-max = %d\nhttp1.1\nsilent\nno-progress-meter\nshow-error\nfail\nnoproxy = "*"\n' "$CONCURRENCY"
        printf 'cacert = "%s"\nheader = "Authorization: Bearer %s"\n' "$T/cert.pem" "$(get -u "$CLIENT_ID:$CLIENT_SECRET" \
            -d grant_type=client_credentials "$ADDRESS/oauth/token" | jq -r .access_token)"
    } | cat - "$T/urls" > "$T/curlrc"
    N_REQUESTS=$(wc -l < "$T/log")
    N_URLS=$(grep -c '^url' "$T/urls")
}

# The smallest of the runs, column by column: wall, CPU, peak.
best() {
    awk 'NR == 1 { w = $1; c = $2; p = $3 } { if ($1 < w) w = $1; if ($2 < c) c = $2; if ($3 < p) p = $3 }
        END { print w, c, p }' "$1"
}

figure() { # what, value, at most
    local verdict=reached

    awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }' || { verdict='NOT REACHED' && missed+=("$1"); }
    FIGURES+=("$(printf '%-62s %8s of at most %s: %s' "$1" "$2" "$3" "$verdict")")
}
FIGURES=()

run_case() { # trusts, mode
    local options=() i ours theirs ratio

    case $2 in
    plain) ;;
    tls) options=(--tls "$T/cert.pem" "$T/key.pem") ;;
    slow) options=(--latency 20) ;;
    *) die "no such mode: $2" ;;
    esac
    start_simulator "$1" "${options[@]}"
    write_settings
    record_urls
    rm -f "$T/ours" "$T/theirs"
    for ((i = 0; i < RUNS; i++)); do
        plan "$BUILD/tests/bench/measure" "$T/ours"
        "$BUILD/tests/bench/measure" "$T/theirs" "$(command -v curl)" -q -K "$T/curlrc" || die "curl ended with $?"
    done
    stop_simulator
    ours=$(best "$T/ours") theirs=$(best "$T/theirs")
    # shellcheck disable=SC2086 # words
    set -- "$1" "$2" $ours $theirs
    ratio=$(awk -v a="$4" -v b="$7" 'BEGIN { printf "%.2f", a / b }')
    set -- "$@" "$ratio" "$(awk -v a="$3" -v b="$6" 'BEGIN { printf "%.2f", a / b }')"
    printf '%6d %-6s %6d %6d | %8.3f %8.3f %7.1f | %8.3f %8.3f %7.1f | %6.2f %6.2f\n' "$1" "$2" "$N_REQUESTS" "$N_URLS" \
        "$4" "$3" "$(awk -v k="$5" 'BEGIN { print k / 1024 }')" "$7" "$6" "$(awk -v k="$8" 'BEGIN { print k / 1024 }')" \
        "$9" "${10}"
    printf '%s %s %s %s %s %s\n' "$1" "$2" "$N_REQUESTS" "$4" "$3" "$5" >> "$T/growth"
    [ "$1" -eq 1000 ] || return 0
    case $2 in
    plain)
        figure "1,000 trusts, plain: CPU as a multiple of curl's" "$9" 4
        figure "1,000 trusts: peak memory in MiB" "$(awk -v k="$5" 'BEGIN { printf "%.1f", k / 1024 }')" 32
        figure "1,000 trusts: requests for each member" \
            "$(awk -v n="$N_REQUESTS" -v m=$((1000 * USERS)) 'BEGIN { printf "%.3f", n / m }')" 0.1
        ;;
    tls) figure "1,000 trusts, TLS: CPU as a multiple of curl's" "$9" 2 ;;
    slow) figure "1,000 trusts, 20 ms an answer: time as a multiple of curl's" "${10}" 1.2 ;;
    esac
}

for tool in curl jq openssl awk; do
    command -v "$tool" > /dev/null || die "$tool is missing"
done
make_certificate

echo "CPU and time in seconds, peak memory in MiB; the best of $RUNS runs; $USERS users a trust; $CONCURRENCY connections"
echo
echo "                            |       trustsyncd --dry-run |           curl --parallel  |     ratio"
echo "trusts mode     reqs   URLs |      CPU     time    peak |      CPU     time    peak |    CPU   time"
for size in "${SIZES[@]}"; do
    declare_live "$size"
    for mode in "${MODES[@]}"; do
        run_case "$size" "$mode"
    done
done

echo
echo "How it grows, from one size to the next (1.0: in proportion)"
awk '{ if ($2 in n) printf "%-6s %5d -> %5d trusts: requests %4.2f, CPU %4.2f, time %4.2f, memory %4.2f\n", $2, n[$2], $1,
    ($3 / r[$2]) / ($1 / n[$2]), ($4 / c[$2]) / ($1 / n[$2]), ($5 / w[$2]) / ($1 / n[$2]), ($6 / p[$2]) / ($1 / n[$2])
    n[$2] = $1; r[$2] = $3; c[$2] = $4; w[$2] = $5; p[$2] = $6 }' "$T/growth"

echo
echo "Diff alone, without any request"
for n in "${GRANTS[@]}"; do
    "$BUILD/tests/bench/bench_diff" "$n" | tee "$T/diff" || die "bench_diff ended with $?"
done

echo
printf '%s\n' ${FIGURES[@]+"${FIGURES[@]}"}
[ ${#missed[@]} -eq 0 ]
