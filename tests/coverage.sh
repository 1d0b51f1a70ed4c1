#!/usr/bin/env bash
# Which lines of provider/ the tests run:
#
#     tests/coverage.sh [--least PERCENT] [--corpus DIRECTORY] [SUITE...]
#
# Builds in build-coverage/ with gcc's --coverage and runs the suites there, in their quick form: unit, fuzz, conformance
# and integration without some that only do more of the same (see again_and_again), or those that are named, whole. For
# each file: lines that there are, lines that were run, per cent, and the numbers of those that were not; then the total.
# A line counts as run when a process ran it that ended by itself: one that is killed, or leaves by _exit(), leaves no
# counts behind.
#
# --least: a status that is not 0 when a file or the total has less, and names of those that have.
# --corpus: a fuzzer's inputs are replayed as well: build-fuzz/corpus, say, after tests/fuzz/run.sh.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"
# shellcheck source=examples/packages.sh
source examples/packages.sh
build=$repository/build-coverage

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit "$1"
}

least='' corpus=''
while [[ ${1-} == -* ]]; do
    case $1 in
    --help) usage 0 ;;
    --least) least=${2-} ;;
    --corpus) corpus=${2-} ;;
    *) usage 1 ;;
    esac
    (($# >= 2)) || usage 1
    shift 2
done
suites=("$@")
if [[ ! $least =~ ^[0-9]{0,3}$ ]] || [[ -n $corpus && ! -d $corpus ]]; then usage 1; fi
again_and_again=' / (nist-wrap|nist-wrap-native|random-native|gcm-nist|gmac-nist|enc|memory)$'
if ((${#suites[@]} == 0)); then
    suites=(unit fuzz conformance integration)
else
    again_and_again='^$'
fi

for variable in "${!HSMZKE_@}" "${!OPENSSL_@}" SOFTHSM2_CONF; do
    unset "$variable"
done
export HSMZKE_TEST_QUICK=1

build_all() {
    if [[ ! -f $build/build.ninja ]]; then
        meson setup "$build" -Db_coverage=true -Dbuildtype=debug -Dmemscan=false || return
    fi
    ninja -C "$build"
}

run_tests() {
    local target arguments names
    arguments=("${suites[@]/#/--suite=}")
    mapfile -t names < <(meson test -C "$build" --no-rebuild --list "${arguments[@]}" | grep ' / ' |
        grep -vE "$again_and_again" | sed 's#^.* / ##')
    find "$build" -name '*.gcda' -delete
    meson test -C "$build" --no-rebuild --timeout-multiplier 4 "${names[@]}" || return
    [[ -n $corpus ]] || return 0
    for target in "$corpus"/*/; do
        target=$(basename "$target")
        "$build/tests/fuzz/fuzz-$target" "$corpus/$target" || return
    done
}

# The same source is in several programs: gcovr adds their counts up.
show() { # FORMAT
    gcovr --root "$repository" --filter provider/ "$@" "$build/provider"
}

# Fails for files, and a total, with less than $least per cent.
judge() {
    show --csv - | awk -F , -v least="$least" '
        function look(name, ran, there) {
            if (there == 0 || 100 * ran < least * there) {
                printf "less than %d %%: %s (%d of %d lines)\n", least, name, ran, there
                bad = 1
            }
        }
        NR > 1 && $2 > 0 { look($1, $3, $2); all += $2; done += $3 }
        END { look("all of it", done, all); exit bad }'
}

# logged COMMAND...: its output is kept, and shown if it fails
logged() {
    "$@" >>"$build/coverage.log" 2>&1 || {
        tail -n 60 "$build/coverage.log" >&2
        exit 1
    }
}

need_packages "${packages_to_build[@]}" "${packages_to_cover[@]}" libcmocka-dev softhsm2 >&2 || exit 1
mkdir -p "$build"
: >"$build/coverage.log"
logged build_all
logged run_tests
show --txt -
if [[ -n $least ]]; then judge; fi
