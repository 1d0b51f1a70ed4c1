#!/usr/bin/env bash
# How fast and how well hsmzke-memscan's scanner searches memory beside aeskeyfind (Debian's package), in one run:
#
#     tests/bench/memscan.sh [BUILD-DIRECTORY [MIB [STREAM-MIB]]]
#
# An image of MIB (1024) mebibytes with 1,900 planted schedules is made in memory and on disk; the scanner searches it
# with one and two threads, beside a plain read of the same bytes; aeskeyfind reads the file. Then STREAM-MIB (10240)
# mebibytes of random bytes and installed programs are searched, in which there is nothing to find. The figures mean
# something on an idle machine. aeskeyfind takes about 100 seconds a gibibyte.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [[ ${1-} == --help ]] || (($# > 3)); then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1-} == --help ]] || exit 1
    exit 0
fi
build=${1:-$repository/build-tests}
mebibytes=${2:-1024}
stream=${3:-10240}

seconds_now() {
    date +%s.%N
}

# Prints how long aeskeyfind took, and how many of the planted keys it names.
run_anchor() {
    local image=$1 scan=$2 start anchor found

    if ! command -v aeskeyfind >/dev/null; then
        echo "aeskeyfind is not installed (apt-get install aeskeyfind): not compared"
        return
    fi
    start=$(seconds_now)
    aeskeyfind -q "$image" >"$image.found"
    anchor=$(awk -v from="$start" -v to="$(seconds_now)" 'BEGIN { print to - from }')
    found=$(sort -u "$image.found" | grep -cxFf "$image.keys" || true)
    awk -v anchor="$anchor" -v scan="$scan" -v found="$found" -v mib="$mebibytes" 'BEGIN {
        printf "aeskeyfind: %.1f s, %.1f MB/s, %d of 1900 schedules; the scanner is %.0f times as fast (1 thread)\n",
            anchor, mib * 1.048576 / anchor, found, anchor / scan }'
}

if [[ ! -f $build/build.ninja ]]; then
    meson setup "$build" "$repository" >/dev/null
fi
meson compile -C "$build" bench-memscan >/dev/null

work=$(mktemp -d "$build/bench-memscan.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$build/tests/bench/bench-memscan" image "$mebibytes" "$work/image" | tee "$work/figures"
run_anchor "$work/image" "$(awk '/^one scan/ { print $(NF - 1) }' "$work/figures")"
"$build/tests/bench/bench-memscan" stream "$stream"
