#!/usr/bin/env bash
# Which lines of provider/ are run by the unit tests and by replaying the fuzzers' corpora:
#
#     tests/fuzz/coverage.sh [CORPUS-DIRECTORY]
#
# Builds in build-coverage/ with gcc's --coverage. For each file: lines that were run, lines that there are, per cent; the
# last line is the total. CORPUS-DIRECTORY is replayed in addition: build-fuzz/corpus, say, after tests/fuzz/run.sh.
# Most of provider/ is for the conformance and integration tests, which are not among these.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repository"
build=$repository/build-coverage

if [[ ${1-} == --help ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit 0
fi
more=${1-}

run_tests() {
    local target
    if [[ ! -f $build/build.ninja ]]; then
        mkdir -p "$build"
        meson setup "$build" -Db_coverage=true -Dbuildtype=debug >"$build/setup.log" || return
    fi
    ninja -C "$build" >"$build/compile.log" || return
    find "$build" -name '*.gcda' -delete
    meson test -C "$build" --no-rebuild --suite unit --suite fuzz >"$build/tests.log" || return
    [[ -n $more ]] || return 0
    for target in "$more"/*/; do
        target=$(basename "$target")
        "$build/tests/fuzz/fuzz-$target" "$more/$target" >>"$build/tests.log" 2>&1 || return
    done
}

# gcov's lines "File '...'" and "Lines executed:97.37% of 114", as they come.
count_lines() {
    (cd "$build" && find provider -name '*.gcda' -path '*libprovider*' -print0 | xargs -0 gcov -n) 2>/dev/null |
        awk '
            /^File / { file = $2; gsub(/\047/, "", file); sub(/^(\.\.\/)+/, "", file) }
            /^Lines executed:/ && file ~ /provider\/.*\.c$/ {
                split($0, part, /[:% ]+/)
                sub(/^.*provider\//, "provider/", file)
                there = part[5]; ran = int(part[3] * there / 100 + 0.5)
                printf "%-36s %5d %5d %6.1f\n", file, ran, there, part[3]
                all += there; done += ran
                file = ""
            }
            END { if (all > 0) printf "%-36s %5d %5d %6.1f\n", "total", done, all, 100 * done / all; else exit 1 }
        ' | LC_ALL=C sort
}

run_tests
count_lines
