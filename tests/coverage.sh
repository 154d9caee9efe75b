#!/bin/bash
# coverage.sh - sums up what the tests reached, by folder (make coverage calls it in the build directory)
set -eu

# gcov prints per file: File 'src/util/buf.c', Lines executed:97.50% of 80, Branches executed:..., Taken at least once:...
find . -path '*src*' -name '*.gcda' -print0 | sort -z | xargs -0 gcov -n -b 2> /dev/null | awk '
    /^(Calls executed|No calls)/ { take = 0 } # its last line; the sum of all stands alone
    /^File / {
        file = $0; sub(/^File ./, "", file); sub(/.$/, "", file)
        take = match(file, /src\/([a-z]+\/)?[a-z0-9-]+\.c$/)
        folder = substr(file, RSTART, RLENGTH); sub(/\/[^\/]*$/, "", folder)
    }
    take && /^(Lines executed|Branches executed|Taken at least once):/ {
        kind = $0; sub(/ .*|:.*/, "", kind)
        percent = $0; sub(/^[^:]*:/, "", percent); sub(/%.*/, "", percent)
        n = $NF
        if (kind != "Branches") { all[folder, kind] += n; hit[folder, kind] += percent * n / 100; folders[folder] = 1
            all["all", kind] += n; hit["all", kind] += percent * n / 100 }
    }
    function line(f) {
        return sprintf("%-14s %6d lines %5.1f %%   %6d branches %5.1f %%", f, all[f, "Lines"],
            all[f, "Lines"] ? 100 * hit[f, "Lines"] / all[f, "Lines"] : 100, all[f, "Taken"],
            all[f, "Taken"] ? 100 * hit[f, "Taken"] / all[f, "Taken"] : 100)
    }
    END {
        if (!all["all", "Lines"]) { print "coverage: nothing was run, or gcov is missing"; exit 1 }
        for (f in folders) print line(f) | "sort"
        close("sort")
        print line("all")
    }'
