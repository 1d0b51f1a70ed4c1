#!/usr/bin/env bash
# What no provider can prevent, beside the last columns of the matrix: programs that get past openssl.cnf. They are run,
# and what they do is said. And each place at which openssl.cnf can be cut off.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

make_text
way() { # WAY SETTING...
    into out.cbc from text hsm "${@:2}" "$APPS_UNGUARDED" "$1" "$reference" "$matrix_iv"
}
# comes_to WORD COMMAND...: as a cell of the matrix has it
comes_to() {
    local wanted=$1 status=0 came
    shift
    rm -f out.*
    "$@" || status=$?
    came=$(what_came "$status")
    echo "it comes to: $came"
    [[ $came == "$wanted" ]]
}
in_software="not preventable: encrypts in software under the reference's bytes"

check "a program that lets openssl.cnf decide: encrypts under the HSM key" comes_to hsm way file
check "and without hsmzke.so: fails" comes_to fails way file "OPENSSL_MODULES=$APPS_WORK/modules-without"
check "a program with an OSSL_LIB_CTX of its own and no load_config: $in_software" comes_to software way context
check "a program with OPENSSL_INIT_NO_LOAD_CONFIG: $in_software" comes_to software way no-config
check "a program that loads default and sets the default properties to it: $in_software" comes_to software way default
# Default properties that are taken away leave no other provider than those of the file.
check "a program that only clears the default properties: encrypts under the HSM key" comes_to hsm way properties
check "and without hsmzke.so: fails" comes_to fails way properties "OPENSSL_MODULES=$APPS_WORK/modules-without"

# What is left of a file that was cut off decides: once the null provider is active, nothing is encrypted in software.
cut_after() { # LINES
    head -n "$1" "$APPS_CNF" >cut.cnf
    into out.cbc from text hsm OPENSSL_CONF="$work/cut.cnf" /usr/bin/openssl enc -aes-256-cbc -K "$reference" \
        -iv "$matrix_iv"
}
try_cuts() {
    local status lines
    while read -r lines; do
        status=0
        rm -f out.*
        cut_after "$lines" 2>>cut.log || status=$?
        echo "$lines $(what_came "$status")"
    done
}
safe=$(awk '/^\[null_sect\]/ { there = 1 } there && /^activate/ { print NR; exit }' "$APPS_CNF")
grep -nE '^[^#]' "$APPS_CNF" | cut -d: -f1 >lines
try_cuts <lines >cuts
cat cuts
never_in_software() { awk -v safe="$safe" '$1 >= safe { count++; if ($2 != "hsm" && $2 != "fails") exit 1 } END { exit count < 3 }' cuts; }
in_software_before() { awk -v safe="$safe" '$1 < safe && $2 == "software" { count++ } END { exit count == 0 }' cuts; }
check "gateway.cnf cut off before null's activate = 1: $in_software" in_software_before
check "gateway.cnf cut off behind any line from there on: never in software" never_in_software
check "gateway.cnf whole: encrypts under the HSM key" test "$(tail -n 1 cuts | cut -d' ' -f2)" = hsm
