# shellcheck shell=bash
# The fail-closed matrix, sourced by lib.sh: each application is a row, each column something that is wrong. A script
# that has a row defines `attempt` and calls `matrix`. Each cell is one test, "APPLICATION: matrix COLUMN: ...";
# matrix-table.sh makes the table of them.
#
#   attempt             encrypts $work/text under the reference, started by `faulty` where other scripts have `hsm`,
#                       and is true where the program says that all went well. What comes out is in out.*
#   opened_by KEY       whether anything that came out is opened under that key by the default provider. As it
#                       stands here: by CBC, CTR and GCM with $matrix_iv, whichever was meant
#   shows_plaintext     whether plaintext stands in what came out
#
# shellcheck disable=SC2034,SC2154  # other files' variables

matrix_text="what nobody may read"
columns=(0 1 2a 2b 3a 3b 3c 3d 4 5 6 7a 7b 7c 7d 7e 7f 7g 8a 8b 8c)
logins=1 # by one attempt with a wrong PIN: one in each process
refuses= # what of columns 8 the program refuses by itself
fault=() # variables, and then perhaps a command that runs another
matrix_iv=

faulty() { ${run:+exec} env "${settings[@]}" "${fault[@]}" "$@"; }

# what_is_wrong COLUMN: in words
what_is_wrong() {
    case $1 in
    0) echo "nothing is wrong" ;;
    1) echo "OPENSSL_CONF=examples/gateway.cnf with the .so removed" ;;
    2a) echo "hsmzke.so is garbage" ;;
    2b) echo "hsmzke.so is no provider" ;;
    3a) echo "the HSM is down: the module answers CKR_DEVICE_ERROR to everything" ;;
    3b) echo "the path of the PKCS#11 module is wrong" ;;
    3c) echo "the HSM fails once the key is found: CKR_DEVICE_ERROR to all data" ;;
    3d) echo "the token is not there" ;;
    4) echo "the PIN is wrong" ;;
    5) echo "the key was deleted" ;;
    6) echo "the token was replaced by one with another key of the same label, and the identity is pinned" ;;
    7a) echo "the module gives too few bytes" ;;
    7b) echo "the module gives too many bytes" ;;
    7c) echo "the module gives objects' handles that name nothing" ;;
    7d) echo "the module gives sessions' handles that name nothing" ;;
    7e) echo "the module counts more than there was room for" ;;
    7f) echo "the module gives back what went in" ;;
    7g) echo "the module writes nothing and says CKR_OK" ;;
    8a) echo "the file that OPENSSL_CONF names is missing" ;;
    8b) echo "the file that OPENSSL_CONF names cannot be read" ;;
    8c) echo "the file that OPENSSL_CONF names is cut off before the provider lines" ;;
    esac
}

set_fault() { # COLUMN
    local spied=("HSMZKE_PKCS11_MODULE=$APPS_SPY" "HSMZKE_SPY_MODULE=$APPS_PKCS11" "HSMZKE_SPY_LOG=$at/spy.log")
    local call all_data=
    rm -f "$at/spy.log"
    case $1 in
    0) fault=() ;;
    1) fault=("OPENSSL_MODULES=$APPS_WORK/modules-without") ;;
    2a) fault=("OPENSSL_MODULES=$APPS_WORK/modules-garbage") ;;
    2b) fault=("OPENSSL_MODULES=$APPS_WORK/modules-no-symbol") ;;
    3a) fault=("${spied[@]}" "HSMZKE_SPY_FILE=$at/gone") ;;
    3b) fault=("HSMZKE_PKCS11_MODULE=$APPS_WORK/no-such-module.so") ;;
    3c)
        # All but the first C_Encrypt, which is the key's identity
        for call in Encrypt:2 EncryptUpdate:1 EncryptFinal:1 Decrypt:1 DecryptUpdate:1 DecryptFinal:1; do
            all_data+="fail C_$call+:0x30;"
        done
        fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=$all_data")
        ;;
    3d) fault=(HSMZKE_TOKEN=pkcs11:token=gone) ;;
    4) fault=("${spied[@]}" "HSMZKE_PIN_SOURCE=file:$at/pin-wrong") ;;
    5) fault=("SOFTHSM2_CONF=$at/softhsm2-deleted.conf") ;;
    6) fault=("SOFTHSM2_CONF=$at/softhsm2-replaced.conf" "OPENSSL_CONF=$APPS_WORK/pinned.cnf") ;;
    7a) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense short 1") ;;
    7b) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense long 1") ;;
    7c) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense objects") ;;
    7d) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense sessions") ;;
    7e) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense counts") ;;
    7f) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense echo 1") ;;
    7g) fault=("${spied[@]}" "HSMZKE_SPY_SCRIPT=nonsense silent 1") ;;
    8a) fault=("OPENSSL_CONF=$APPS_WORK/no-such.cnf") ;;
    8b) fault=("OPENSSL_CONF=$APPS_WORK/unreadable.cnf" "${bound[@]}") ;;
    8c) fault=("OPENSSL_CONF=$APPS_WORK/cut.cnf") ;;
    esac
}

# Root reads every file, unless it gives that up.
bound=()
((EUID != 0)) || bound=(setpriv "--bounding-set=-dac_override,-dac_read_search")

# --- What came of an attempt

sizes_of() { # KEY: it, and what programs that pad or cut a reference make AES keys of 192 and 128 bits of
    printf '%s\n' "$1"
    [[ $1 == "$key" ]] || printf '%s\n' "${1:0:48}" "${1:0:32}"
}

opened_by() {
    local out start size
    for out in out.*; do
        [[ -s $out ]] || continue
        size=$((${#1} * 4))
        # From its start, or behind a tag in front
        for start in 1 17; do
            tail -c "+$start" "$out" >part
            if finds_text "aes-$size-ctr" "$1" "$matrix_iv" || finds_text "aes-$size-ctr" "$1" "${matrix_iv:0:24}00000002"
            then return 0; fi
            truncate -s $(($(stat -c %s part) / 16 * 16)) part
            if finds_text "aes-$size-cbc" "$1" "$matrix_iv"; then return 0; fi
        done
    done
    return 1
}
finds_text() { # CIPHER KEY IV
    software /usr/bin/openssl enc -d "-$1" -nopad -K "$2" -iv "$3" -in part 2>/dev/null | grep -a "$matrix_text" >/dev/null
}

opened_by_public() {
    local form
    while read -r form; do
        if opened_by "$form"; then return 0; fi
    done < <(sizes_of "$reference")
    return 1
}

shows_plaintext() { grep -aqs "$matrix_text" out.*; }

# what_came STATUS: one word
what_came() {
    if shows_plaintext; then
        echo plaintext
    elif opened_by_public; then
        echo software
    elif (($1 == 125 || $1 == 126 || $1 == 127)); then
        echo "status-$1"
    elif (($1 != 0)); then
        echo fails
    elif opened_by "$key"; then
        echo hsm
    else
        echo lost-in-silence
    fi
}

# Where the spy was in between it must have been asked, and with a wrong PIN there is one try.
spy_agrees() { # COLUMN
    local count
    [[ " ${fault[*]-} " == *HSMZKE_SPY_MODULE* ]] || return 0
    [[ -s $at/spy.log ]] || { echo "the module was not asked" && return 1; }
    [[ $1 == 4 ]] || return 0
    count=$(grep -c '^C_Login ' "$at/spy.log" || true)
    ((count == logins)) || { echo "there were $count logins, not $logins" && return 1; }
}

# --- Cells

cell() { # COLUMN EXPECTED: hsm, fails or software
    local status=0 came words log=$work/cell-$1.log
    set_fault "$1"
    rm -rf out.*
    attempt >"$log" 2>&1 </dev/null || status=$?
    came=$(what_came "$status")
    words="$application: matrix $1: $(what_is_wrong "$1")"
    if [[ $came != "$2" ]] || ! spy_agrees "$1" >>"$log"; then
        echo "failed: $words: $came, expected was $2"
        tail -n 30 "$log" | sed 's/^/    | /'
        return
    fi
    case $came in
    hsm) echo "passed: $words: encrypts under the HSM key" ;;
    fails) echo "passed: $words: fails" ;;
    software) echo "passed: $words: not preventable: encrypts in software under the reference's bytes" ;;
    esac
}

# Is there a file that the program could not read?
can_be_unreadable() { ! env "${bound[@]}" cat "$APPS_WORK/unreadable.cnf" >/dev/null 2>&1; }

make_text() { # the plaintext, and an IV for it
    local line
    for ((line = 1; line <= 200; line++)); do echo "$matrix_text, line $line"; done >text
    matrix_iv=$(openssl rand -hex 16)
}

# matrix: the row
matrix() {
    local column expected
    make_text
    for column in "${columns[@]}"; do
        case $column in
        0) expected=hsm ;;
        "$refuses") expected=fails ;;
        8?) expected=software ;;
        *) expected=fails ;;
        esac
        if [[ $column == 8b ]] && ! can_be_unreadable; then
            left_out "matrix $column" "no file can be made unreadable here"
        else
            cell "$column" "$expected"
        fi
    done
}

# --- Programs that take MODE enc KEY IV, as for both_ways

# matrix_of MODES COMMAND...: all modes in each cell, and all must come to the same
matrix_of() {
    modes=$1
    shift
    crypt=("$@")
    logins=$(wc -w <<<"$modes")
    matrix
}
modes=
crypt=()

attempt() {
    local mode status iv good=0 bad=0
    for mode in $modes; do
        status=0
        iv=$matrix_iv
        [[ $mode != *gcm* ]] || iv=${iv:0:24}
        into "out.$mode" from text faulty "${crypt[@]}" "$mode" enc "$reference" "$iv" || status=$?
        ((status != 126 && status != 127)) || return "$status"
        if ((status == 0)); then good=$((good + 1)); else bad=$((bad + 1)); fi
    done
    ((good == 0 || bad == 0)) || return 125
    ((bad == 0))
}
