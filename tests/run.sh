#!/usr/bin/env bash
# All tests, in order:
#
#     tests/run.sh [--quick]
#
# --quick: formatting, scripts, unit tests, conformance, integration and other modules, the last three with fewer
# repetitions; without sanitizers, valgrind, the installation, the quickstart, the applications and OpenSSL 3.5.
#
# As root it installs the Debian packages that are missing; else it names them. On Debian 12 it also fetches and
# builds Debian 13's p11-kit, once (tests/hsm/p11-kit.sh). Apart from the packages everything stays in build*/ and
# examples/work/, and a chroot of Debian 13 for OpenSSL 3.5 in tests/matrix.sh's cache; without root or debootstrap that
# is skipped. The output of each stage is kept in build-tests/logs/.
#
# What the last line counts: each cmocka test of each program and each program that is no cmocka program, once
# for every build it runs in (plain, sanitized, under valgrind); in the other stages each check that has a line
# of its own in the stage's log. A build that succeeds counts for nothing, one that fails is one failure.
#
# shellcheck disable=SC2317,SC2329  # the functions are called by name, through stage and check
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"
# shellcheck source=examples/packages.sh
source examples/packages.sh

quick=false
case "$#${1-}" in
0) ;;
1--quick) quick=true ;;
*)
    sed -n '2,/^set/{/^# shellcheck/q;/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1-} == --help ]] || exit 1
    exit 0
    ;;
esac

plain=$repository/build-tests
logs=$plain/logs
all_passed=0 all_failed=0 all_skipped=0
stage_number=0

# Nothing from the caller's own OpenSSL, SoftHSM or hsmzke set-up may get in here.
for variable in "${!HSMZKE_@}" "${!OPENSSL_@}" SOFTHSM2_CONF DESTDIR; do
    unset "$variable"
done
if $quick; then
    export HSMZKE_TEST_QUICK=1
fi

# --- Stages. A stage is a function that calls tally (or check and left_out, which do). It runs in a subshell with its
# --- output in a log; the counts come back through a file.

# stage NAME FUNCTION [ARGUMENT...]; is true unless something failed
stage() {
    local name=$1 log counts begun=$SECONDS passed failed skipped status=0
    shift
    stage_number=$((stage_number + 1))
    log=$logs/$stage_number-${name//[^a-zA-Z0-9]/-}.log
    counts=$logs/counts
    : >"$counts"
    printf '%2d. %s ...\n' "$stage_number" "$name"
    (
        set +e
        "$@"
    ) >"$log" 2>&1 </dev/null || status=$?
    read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$counts")
    if ((status != 0 && failed == 0)); then
        failed=1
        echo "the stage itself failed (status $status)" >>"$log"
    fi
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
    if ((failed > 0)); then
        sed 's/^/    | /' "$log"
        echo "    the whole output is in ${log#"$repository"/}"
    else
        sed -n 's/^skipped: /    skipped: /p' "$log"
    fi
    printf '    %d passed, %d failed, %d skipped; %d s (%d s in all)\n' "$passed" "$failed" "$skipped" \
        $((SECONDS - begun)) "$SECONDS"
    ((failed == 0))
}

tally() { echo "$1 $2 $3" >>"$logs/counts"; }

# check WHAT COMMAND...: one test
check() {
    local what=$1
    shift
    if "$@"; then
        echo "passed: $what"
        tally 1 0 0
    else
        echo "failed: $what"
        tally 0 1 0
    fi
}

# left_out WHAT REASON: one test
left_out() {
    echo "skipped: $1: $2"
    tally 0 0 1
}

# configure DIRECTORY OPTION...
configure() {
    local build=$1
    shift
    if [[ -f $build/build.ninja ]]; then
        meson setup --reconfigure "$build" "$@"
    else
        meson setup "$build" "$@"
    fi
}

build_stage() { # DIRECTORY OPTION...
    configure "$@" && meson compile -C "$1" && [[ -f $1/provider/hsmzke.so ]]
}

# meson_tests DIRECTORY LOG-NAME ARGUMENT...: runs tests that meson knows and counts them
meson_tests() {
    local build=$1 name=$2 counted
    shift 2
    # With a wrapper meson adds its name to the log's. What it prints of a failure has at most 100 lines.
    rm -f "$build/meson-logs/$name"*
    meson test -C "$build" --no-rebuild --print-errorlogs --logbase "$name" "$@"
    cp "$build/meson-logs/$name"*.txt "$logs/$stage_number-meson-$name.txt"
    counted=$(tests/count-results.py "$build/meson-logs/$name"*.json) || return
    printf '%s\n' "$counted"
    if [[ ${counted##*$'\n'} == "0 0 0" ]]; then
        echo "there was no test"
        return 1
    fi
    # shellcheck disable=SC2086  # three numbers
    tally ${counted##*$'\n'}
}

# The only thing that is downloaded beside packages, and only by this. Where it cannot be had, the tests that need it
# say so and count as skipped.
remote_hsm() {
    local status=0
    tests/hsm/p11-kit.sh build "$plain" || status=$?
    ((status == 0 || status == 77))
}

# --- Sources

formatting() {
    local files
    if ! clang-format --version | grep -q 'version 14\.'; then
        left_out "clang-format" "its version is not 14, and others format differently"
        return
    fi
    mapfile -d '' files < <(find . \( -path './build*' -o -path ./.git -o -path ./examples/work \) -prune -o \
        -type f \( -name '*.c' -o -name '*.h' \) -print0)
    check "clang-format of ${#files[@]} files" clang-format --dry-run -Werror "${files[@]}"
}

scripts() {
    local files
    mapfile -d '' files < <(find . \( -path './build*' -o -path ./.git -o -path ./examples/work \) -prune -o \
        -type f \( -name '*.sh' -o -path './.ci/run' \) -print0)
    check "shellcheck of ${#files[@]} scripts" shellcheck -x "${files[@]}"
}

# --- Sanitizers. Only programs that are sanitized themselves load the sanitized provider; openssl is not, valgrind
# --- looks after that. What of other people's libraries has to be overlooked is in tests/sanitizers/.

# Does a program built with these compiler flags start and end here?
works_here() {
    local program=$logs/probe
    echo 'int main(void) { return 0; }' >"$program.c"
    gcc "$@" "$program.c" -o "$program" && "$program"
}

address_tests() {
    local suppressions=$repository/tests/sanitizers leaks=1
    if ! ASAN_OPTIONS=detect_leaks=1 works_here -fsanitize=address; then
        leaks=0
        left_out "leak detection" "LeakSanitizer does not work on this machine (it needs ptrace); valgrind looks for leaks too"
    fi
    local options=halt_on_error=1:abort_on_error=1:strict_string_checks=1
    export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1"
    export LSAN_OPTIONS="suppressions='$suppressions/lsan.supp':print_suppressions=0"
    ASAN_OPTIONS=$options:detect_leaks=$leaks \
        meson_tests "$1" address --timeout-multiplier 4 --suite unit
    # The quick form: thousands of tokens' keys take minutes here.
    HSMZKE_TEST_QUICK=1 ASAN_OPTIONS=$options:detect_leaks=$leaks \
        meson_tests "$1" address-conformance --timeout-multiplier 4 --suite conformance
    # These end processes with threads inside, under which LeakSanitizer itself now and then crashes ("Tracer
    # caught signal 11"); leaks are looked for above and by valgrind.
    ASAN_OPTIONS=$options:detect_leaks=0 \
        meson_tests "$1" address-integration --timeout-multiplier 4 --suite integration
}

thread_tests() {
    local names suppressions=$repository/tests/sanitizers
    local run=()
    if ! works_here -fsanitize=thread; then
        # Too much randomness in the addresses for this ThreadSanitizer.
        run=(setarch -R)
        if ! setarch -R true || ! setarch -R "$logs/probe"; then
            left_out "threads" "ThreadSanitizer does not work on this machine"
            return
        fi
    fi
    mapfile -t names < <(meson test -C "$1" --no-rebuild --list | sed 's#^.* / ##' | grep -E 'lifecycle|life-cycle|exit-race|^audit$')
    if ((${#names[@]} == 0)); then
        echo "there is no test by the name of lifecycle or exit-race"
        return 1
    fi
    # libcrypto, SoftHSM and cmocka are not built for it: what they do with memory looks like races.
    export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1:atexit_sleep_ms=200"
    TSAN_OPTIONS+=":suppressions='$suppressions/tsan.supp'"
    if ((${#run[@]} > 0)); then
        meson_tests "$1" threads --timeout-multiplier 8 --wrapper "${run[*]}" "${names[@]}"
    else
        meson_tests "$1" threads --timeout-multiplier 8 "${names[@]}"
    fi
}

# --- valgrind

valgrind_options=(--quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
    --error-exitcode=99 --num-callers=40 --keep-debuginfo=yes "--suppressions=$repository/tests/sanitizers/valgrind.supp")

# Valgrind takes some GCM tags that OpenSSL's AVX code makes for uninitialised, also in software alone; it does not where
# OpenSSL computes without AVX.
without_avx='~0x1000000000000000'

valgrind_tests() { # SUITE...
    local -x OPENSSL_ia32cap=$without_avx
    local wrapper suite suites=()
    wrapper=$(printf '%q ' valgrind "${valgrind_options[@]}")
    for suite in "$@"; do
        suites+=(--suite "$suite")
    done
    HSMZKE_TEST_QUICK=1 meson_tests "$plain" "valgrind-$1" --timeout-multiplier 20 "${suites[@]}" --wrapper "$wrapper"
}

# The softhsm2.conf, the token with a known key called gold, and the settings for it.
make_token() { # DIRECTORY KEY
    local module pin=13579246
    module=$(find_softhsm) || return
    rm -rf "$1"
    mkdir -p "$1/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$1/tokens" >"$1/softhsm2.conf"
    printf '%s\n' "$pin" >"$1/pin"
    export SOFTHSM2_CONF=$1/softhsm2.conf
    "$token_tool" "$module" init hsmzke-valgrind 97531864 "$pin" &&
        printf 'gold %s\n' "$2" | "$token_tool" "$module" import hsmzke-valgrind "$pin" || return
    export HSMZKE_PKCS11_MODULE=$module HSMZKE_TOKEN=pkcs11:token=hsmzke-valgrind HSMZKE_PIN_SOURCE=file:$1/pin
}

# Each part of the data path once. The tests with thousands of keys or messages run with ASan.
valgrind_conformance() {
    local -x OPENSSL_ia32cap=$without_avx
    HSMZKE_TEST_QUICK=1 meson_tests "$plain" valgrind-conformance --timeout-multiplier 20 \
        --wrapper "$(printf '%q ' valgrind "${valgrind_options[@]}")" \
        nist random rfc3686 gcm-paths random-whole mac-vectors mac-random gmac-random
}

valgrind_enc() {
    local work=$plain/valgrind cipher key iv reference enc
    key=$(openssl rand -hex 32) iv=$(openssl rand -hex 16) reference=$(printf hsmzke:gold | xxd -p -c 64)
    token_tool=$(find "$plain/tests" -name token-tool -type f | head -n 1)
    make_token "$work" "$key" || return
    enc=(valgrind "${valgrind_options[@]}" openssl enc -provider-path "$plain/provider" -provider hsmzke)
    head -c 100003 /dev/urandom >"$work/plain"
    for cipher in aes-256-cbc aes-256-ctr aes-256-ecb; do
        openssl enc "-$cipher" -K "$key" -iv "$iv" -in "$work/plain" -out "$work/expected"
        check "$cipher, enciphering, under valgrind" \
            "${enc[@]}" "-$cipher" -K "$reference" -iv "$iv" -in "$work/plain" -out "$work/out"
        check "$cipher, the bytes of software with the same key" cmp "$work/expected" "$work/out"
        check "$cipher, deciphering, under valgrind" \
            "${enc[@]}" -d "-$cipher" -K "$reference" -iv "$iv" -in "$work/expected" -out "$work/back"
        check "$cipher, the file that went in" cmp "$work/plain" "$work/back"
    done
    rm -f "$work/out"
    check "a key that is not there, under valgrind" fails_cleanly "$work/out" "${enc[@]}" -aes-256-cbc \
        -K "$(printf hsmzke:nothing | xxd -p -c 64)" -iv "$iv" -in "$work/plain" -out "$work/out"
    rm -rf "$work"
}

# fails_cleanly OUT COMMAND...: status 1 (99 would be valgrind's), and nothing written
fails_cleanly() {
    local out=$1 status=0
    shift
    "$@" || status=$?
    ((status == 1)) && [[ ! -s $out ]]
}

# --- Installation

only_the_entry_point() {
    local names
    names=$(nm -D --defined-only "$1" | awk '{ sub("@.*", "", $3); if ($2 != "A") print $3 }') || return
    echo "exported: ${names//$'\n'/ }"
    [[ $names == OSSL_provider_init ]]
}

installation() {
    local destination=$plain/destination directory
    rm -rf "$destination"
    check "meson install" env DESTDIR="$destination" meson install -C "$plain" --no-rebuild
    directory=$(openssl version -m | sed 's/^MODULESDIR: "\(.*\)"$/\1/')
    check "hsmzke.so is in $directory" test -f "$destination$directory/hsmzke.so"
    check "it exports OSSL_provider_init and nothing else" only_the_entry_point "$destination$directory/hsmzke.so"
    check "openssl loads it from there" openssl list -providers -provider-path "$destination$directory" -provider hsmzke
    rm -rf "$destination"
}

# --- Applications: programs of Debian's packages, with nothing but openssl.cnf.

applications() {
    local counted
    tests/apps/run.sh "$plain" | tee "$logs/applications" || true
    counted=$(tail -n 1 "$logs/applications")
    [[ $counted =~ ^[0-9]+\ [0-9]+\ [0-9]+$ ]] || return
    # shellcheck disable=SC2086  # three numbers
    tally $counted
}

quickstart() { check "examples/quickstart.sh" examples/quickstart.sh; }

# --- OpenSSL 3.5: the quick form once more, in a chroot of Debian 13.

newer_openssl() {
    local status=0 log=$plain/matrix/3.5.log counts
    # On a busy machine the rest takes long, and continuous integration has an hour for all of it.
    if [[ ${CI-} == true ]] && ((SECONDS > 2400)); then
        left_out "OpenSSL 3.5" "the run has taken $SECONDS s of its hour already; tests/matrix.sh 3.5 runs it alone"
        return
    fi
    tests/matrix.sh 3.5 || status=$?
    if ((status == 77)); then
        left_out "OpenSSL 3.5" "$(sed -n 's/^skipped: //p' "$log" | tail -n 1)"
        return
    fi
    sed -n 's/^    skipped: /skipped: with OpenSSL 3.5: /p' "$log"
    counts=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log" | tail -n 1)
    # shellcheck disable=SC2086  # three numbers
    tally ${counts:-0 1 0}
    return "$status"
}

# --- All of it

finish() { # SENTENCE
    printf '\n%s\n%d passed, %d failed, %d skipped\n' "$1" "$all_passed" "$all_failed" "$all_skipped"
    ((all_failed == 0)) || exit 1
    exit 0
}

packages=("${packages_to_build[@]}" "${packages_to_try[@]}" libcmocka-dev python3-cryptography-vectors clang-format
    shellcheck libnss3 libnss3-tools p11-kit p11-kit-modules)
$quick || packages+=(valgrind)
if ! $quick && ((EUID == 0)); then
    packages+=(debootstrap debian-archive-keyring)
fi
need_packages "${packages[@]}" || exit 1
mapfile -t packages < <(tests/hsm/p11-kit.sh packages | tr ' ' '\n')
need_packages "${packages[@]}" || exit 1
mkdir -p "$plain"
rm -rf "$logs" "$plain/tmp"
mkdir "$logs" "$plain/tmp"
export TMPDIR=$plain/tmp

stage "build" build_stage "$plain" -Dwerror=true ||
    finish "The build failed, so nothing else was tried."
stage "p11-kit 0.25 or newer, for an HSM in another process" remote_hsm || true
stage "formatting" formatting || true
stage "scripts" scripts || true
for suite in unit conformance integration; do
    stage "$suite" meson_tests "$plain" "$suite" --suite "$suite" || true
done
stage "other PKCS#11 modules" meson_tests "$plain" modules --suite modules || true
if ! $quick; then
    if stage "build with ASan and UBSan" build_stage "$repository/build-asan" \
        -Db_sanitize=address,undefined -Db_lundef=false; then
        stage "all of these with ASan and UBSan" address_tests "$repository/build-asan" || true
    fi
    if stage "build with TSan" build_stage "$repository/build-tsan" -Db_sanitize=thread -Db_lundef=false; then
        stage "threads with TSan" thread_tests "$repository/build-tsan" || true
    fi
    stage "unit tests under valgrind" valgrind_tests unit || true
    stage "conformance under valgrind, the quick form" valgrind_conformance || true
    stage "openssl enc under valgrind" valgrind_enc || true
    stage "installation" installation || true
    stage "quickstart" quickstart || true
    stage "applications" applications || true
    stage "OpenSSL 3.5, the quick form in a chroot of Debian 13" newer_openssl || true
fi
rm -rf "$plain/tmp"

what="All tests"
if $quick; then what="The quick part of the tests (no sanitizers, valgrind, installation, quickstart, applications, OpenSSL 3.5)"; fi
if ((all_failed > 0)); then
    finish "$what ran in $SECONDS s, and some failed: their output is above and in build-tests/logs/."
elif ((all_skipped > 0)); then
    finish "$what ran in $SECONDS s and nothing failed, but some were skipped, for the reasons given above."
else
    finish "$what ran in $SECONDS s and nothing failed."
fi
