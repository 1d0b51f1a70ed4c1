#!/usr/bin/env bash
# Fuzzes, with clang's libFuzzer under ASan and UBSan:
#
#     tests/fuzz/run.sh [SECONDS [TARGET...]]
#
# Each target (fuzz-NAME.c beside this script), or those that are named, for so many seconds (20). It builds in
# build-fuzz/ and keeps there what it learns: new inputs in build-fuzz/corpus/, findings in build-fuzz/findings/. A table
# tells what was run; the last line has how many targets had no finding, how many had one, and 0. Its status is not 0 if
# there was a finding. tests/fuzz/README.md says what to do then.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repository"
# shellcheck source=examples/packages.sh
source examples/packages.sh
build=$repository/build-fuzz

if [[ ${1-} == --help ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit 0
fi
seconds=${1:-20}
targets=("${@:2}")
if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
    echo "SECONDS must be a number: tests/fuzz/run.sh --help" >&2
    exit 1
fi
if ((${#targets[@]} == 0)); then
    for file in tests/fuzz/fuzz-*.c; do
        file=${file##*/fuzz-}
        targets+=("${file%.c}")
    done
fi

for variable in "${!HSMZKE_@}" "${!OPENSSL_@}" SOFTHSM2_CONF; do
    unset "$variable"
done
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS=suppressions=$repository/tests/sanitizers/lsan.supp:print_suppressions=0

build_targets() {
    local programs=("${targets[@]/#/tests/fuzz/fuzz-}")
    if [[ ! -f $build/build.ninja ]]; then
        CC=clang meson setup "$build" -Dwerror=true -Dfuzzing=true -Db_sanitize=address,undefined -Db_lundef=false
    fi
    ninja -C "$build" "${programs[@]}"
}

count_files() { find "$1" -type f | wc -l; }

# fuzz TARGET: one line of the table
fuzz() {
    local target=$1 corpus=$build/corpus/$1 log=$build/logs/$1.log before after runs found status=0
    mkdir -p "$corpus"
    before=$(count_files "$corpus")
    "$build/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=4096 \
        -entropic=0 -print_final_stats=1 -artifact_prefix="$build/findings/$target-" "$corpus" "tests/fuzz/corpus/$target" \
        >"$log" 2>&1 || status=$?
    after=$(count_files "$corpus")
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    found=none
    if ((status != 0)); then
        found="see ${log#"$repository"/}"
    fi
    printf '%-15s %12s %12d   %s\n' "$target" "${runs:-0}" $((after - before)) "$found"
    ((status == 0)) || sed -n '/finding:\|ERROR\|runtime error/s/^/    /p' "$log" | head -n 5
    ((status == 0 && ${runs:-0} > 0))
}

# Two at a time, say, where there are two processors.
fuzz_all() {
    local good=0 bad=0 running=0 target
    printf '%-15s %12s %12s   %s\n' target executions "new inputs" findings
    for target in "${targets[@]}"; do
        if ((running == $(nproc))); then
            if wait -n; then good=$((good + 1)); else bad=$((bad + 1)); fi
            running=$((running - 1))
        fi
        fuzz "$target" &
        running=$((running + 1))
    done
    for (( ; running > 0; running--)); do
        if wait -n; then good=$((good + 1)); else bad=$((bad + 1)); fi
    done
    echo "$good $bad 0"
    ((bad == 0))
}

need_packages "${packages_to_build[@]}" "${packages_to_fuzz[@]}" libcmocka-dev softhsm2 || exit 1
mkdir -p "$build/logs"
build_targets >"$build/logs/build.log" 2>&1 || {
    cat "$build/logs/build.log" >&2
    exit 1
}
rm -rf "$build/findings"
mkdir "$build/findings"
fuzz_all
