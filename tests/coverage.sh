#!/bin/bash
# coverage.sh - sums up what the tests reached, by folder (make coverage calls it in the build directory)
#
# Percentages are rounded down: 100 is all of it. Branches of src/trust that no test took are named.
set -eu

# gcov prints each source with a count before every line (#####: never) and, behind it, its branches. The branch of an
# assert() is not counted: it is taken when the program is wrong, and then it ends.
find . -path '*src*' -name '*.gcda' -print0 | sort -z | xargs -0 gcov -b -c -t 2> /dev/null | awk '
    /^ *-: *0:Source:/ {
        take = match($0, /src\/([a-z]+\/)?[a-z0-9_-]+\.c$/)
        file = folder = substr($0, RSTART, RLENGTH); sub(/\/[^\/]*$/, "", folder)
        folders[folder] += take
        next
    }
    !take { next }
    /^ *[^ :]+: *[0-9]+:/ {
        split($0, part, ":")
        number = part[2] + 0
        is_assert = $0 ~ /^ *[^ :]+: *[0-9]+: *assert\(/
        if (number > 0 && part[1] !~ /-$/)
            count("lines", part[1] !~ /[#=]/)
    }
    /^branch / && !is_assert {
        taken = $3 == "taken" && $4 > 0
        count("branches", taken)
        if (!taken && folder == "src/trust" && last != file ":" number) {
            last = file ":" number
            print last ": a branch that no test takes"
        }
    }
    function count(kind, is_hit) {
        all[folder, kind]++; all["all", kind]++
        hit[folder, kind] += is_hit; hit["all", kind] += is_hit
    }
    function percent(f, kind) {
        return all[f, kind] ? int(1000 * hit[f, kind] / all[f, kind]) / 10 : 100
    }
    function line(f) {
        return sprintf("%-14s %6d lines %5.1f %%   %6d branches %5.1f %%", f, all[f, "lines"], percent(f, "lines"),
            all[f, "branches"], percent(f, "branches"))
    }
    END {
        if (!all["all", "lines"]) { print "coverage: nothing was run, or gcov is missing"; exit 1 }
        for (f in folders) if (folders[f]) print line(f) | "sort"
        close("sort")
        print line("all")
    }'
