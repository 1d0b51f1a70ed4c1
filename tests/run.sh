#!/usr/bin/env bash
# All tests, in order:
#
#     tests/run.sh [--quick]
#
# --quick: formatting, scripts, documentation, unit tests, the fuzzers' corpora, conformance, integration and other
# modules, the last three with fewer repetitions; without coverage, sanitizers, valgrind, the installation, fuzzing, the
# quickstart, the applications and OpenSSL 3.5.
#
# As root it installs the Debian packages that are missing; else it names them. On Debian 12 it also fetches and
# builds Debian 13's p11-kit, once (tests/hsm/p11-kit.sh). Apart from the packages everything stays in build*/ and
# examples/work/, and a chroot of Debian 13 for OpenSSL 3.5 in tests/matrix.sh's cache; without root or debootstrap that
# is skipped. The output of each stage is kept in build-tests/logs/.
#
# Lines of a test's standard output that begin with "table: " are shown with its stage, as they are, without that.
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

# SoftHSM's tokens are files that it reads and writes all the time, and waits for the disk. In memory that takes half as
# long; a mount namespace of this run's own leaves nothing behind.
if [[ -z ${HSMZKE_RUN_IN_NAMESPACE-} ]] && ((EUID == 0)) && unshare --mount true 2>/dev/null; then
    HSMZKE_RUN_IN_NAMESPACE=1 exec unshare --mount "${BASH_SOURCE[0]}" "$@"
fi
own_namespace=${HSMZKE_RUN_IN_NAMESPACE:-}

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
        what_failed "$log" | while read -r line; do echo "$name: $line"; done >>"$logs/failures"
    else
        sed -n 's/^skipped: /    skipped: /p; s/^table: /    /p' "$log"
    fi
    printf '    %d passed, %d failed, %d skipped; %d s (%d s in all)\n' "$passed" "$failed" "$skipped" \
        $((SECONDS - begun)) "$SECONDS"
    ((failed == 0))
}

# What failed, in a line each; where nothing is named, the last thing that the stage said.
what_failed() { # LOG
    grep '^failed: ' "$1" || grep -v '^[[:space:]]*$' "$1" | tail -n 1
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

# in_memory DIRECTORY: what is written there stays in memory; where that cannot be, on the disk
in_memory() {
    mkdir -p "$1"
    if [[ -n $own_namespace ]] && ! mountpoint -q "$1"; then
        mount -t tmpfs -o size=50%,mode=0755 tmpfs "$1" || echo "$1 stays on the disk"
    fi
}

# meson_tests DIRECTORY LOG-NAME ARGUMENT...: runs tests that meson knows and counts them
meson_tests() {
    local build=$1 name=$2 counted
    shift 2
    in_memory "$build/tests/support/work"
    # With a wrapper meson adds its name to the log's. What it prints of a failure has at most 100 lines.
    rm -f "$build/meson-logs/$name"*
    meson test -C "$build" --no-rebuild --print-errorlogs --logbase "$name" "$@"
    cp "$build/meson-logs/$name"*.txt "$logs/$stage_number-meson-$name.txt"
    counted=$(tests/count-results.py "$build/meson-logs/$name"*.json) || return
    # Sanitizers run the quick form once more: its tables say nothing new.
    if [[ $build == "$plain" ]]; then printf '%s\n' "$counted"; else grep -v '^table: ' <<<"$counted"; fi
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

# --- All of it

finish() { # SENTENCE
    # Once more at the end, as who reads a long log sees that first.
    if [[ -s $logs/failures ]]; then
        printf '\nWhat failed:\n'
        sed 's/^/  /' "$logs/failures"
    fi
    printf '\n%s\n%d passed, %d failed, %d skipped\n' "$1" "$all_passed" "$all_failed" "$all_skipped"
    ((all_failed == 0)) || exit 1
    exit 0
}

for file in sources sanitizers valgrind programs; do
    # shellcheck source=/dev/null
    source "tests/stages/$file.sh"
done

packages=("${packages_to_build[@]}" "${packages_to_try[@]}" libcmocka-dev python3-cryptography-vectors python3-cryptography
    python3-jsonschema clang-format shellcheck libnss3 libnss3-tools p11-kit p11-kit-modules)
# What tests/forensics/live/ tries the scanner on: libraries, and compilers for their programs.
holders=(libnss3-dev libgnutls28-dev nettle-dev libgcrypt20-dev libmbedtls-dev libwolfssl-dev libsodium-dev
    libtomcrypt-dev g++ libbotan-2-dev libcrypto++-dev golang-go cargo rustc librust-aes-dev aeskeyfind)
# HSMs that are left out of the quick form: a TPM, and openCryptoki, which is for root only.
slow_hsms=(swtpm swtpm-tools tpm2-tools libtss2-tcti-swtpm0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools)
if ((EUID == 0)); then
    slow_hsms+=(opencryptoki)
fi
$quick || packages+=(valgrind "${packages_to_fuzz[@]}" "${packages_to_cover[@]}" "${holders[@]}" "${slow_hsms[@]}")
if ! $quick && ((EUID == 0)); then
    packages+=(debootstrap debian-archive-keyring)
fi
need_packages "${packages[@]}" || exit 1
mapfile -t packages < <(tests/hsm/p11-kit.sh packages | tr ' ' '\n')
need_packages "${packages[@]}" || exit 1
mkdir -p "$plain"
rm -rf "$logs" "$plain/tmp"
mkdir "$logs"
in_memory "$plain/tmp"
export TMPDIR=$plain/tmp

stage "build" build_stage "$plain" -Dwerror=true ||
    finish "The build failed, so nothing else was tried."
stage "p11-kit 0.25 or newer, for an HSM in another process" remote_hsm || true
stage "formatting" formatting || true
stage "scripts" scripts || true
stage "documentation" documentation || true
for suite in unit fuzz conformance integration forensics; do
    stage "$suite" meson_tests "$plain" "$suite" --suite "$suite" || true
done
suites=(--suite modules)
$quick || suites+=(--suite modules-whole)
stage "other PKCS#11 modules" meson_tests "$plain" modules "${suites[@]}" || true
if ! $quick; then
    stage "coverage: which lines of provider/ are run" coverage || true
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
    stage "fuzzers" fuzzers || true
    stage "quickstart" quickstart || true
    stage "applications" applications || true
    stage "OpenSSL 3.5, the quick form in a chroot of Debian 13" newer_openssl || true
fi
if [[ -n $own_namespace ]]; then umount -l "$plain/tmp" || true; fi
rm -rf "$plain/tmp"

what="All tests"
if $quick; then what="The quick part of the tests (no coverage, sanitizers, valgrind, installation, fuzzing, quickstart, applications, OpenSSL 3.5)"; fi
if ((all_failed > 0)); then
    finish "$what ran in $SECONDS s, and some failed: their output is above and in build-tests/logs/."
elif ((all_skipped > 0)); then
    finish "$what ran in $SECONDS s and nothing failed, but some were skipped, for the reasons given above."
else
    finish "$what ran in $SECONDS s and nothing failed."
fi
