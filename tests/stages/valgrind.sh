# shellcheck shell=bash
# shellcheck disable=SC2154  # repository, plain and logs are run.sh's
# Stages of tests/run.sh: valgrind. Functions and what they share.

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
