#!/usr/bin/env bash
# What helps where no provider can: references by id, AssertPathExists= of examples/systemd, files that root owns.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

make_text
dropin=$(dirname "$APPS_CNF")/systemd/hsmzke.conf

# --- By id: what is encrypted by mistake is not under a string that everybody knows.

id_reference=$APPS_ID_REFERENCE
by_id() { # HOW [SETTING...]
    rm -f out.*
    into out.cbc from text "$@" /usr/bin/openssl enc -aes-256-cbc -K "$id_reference" -iv "$matrix_iv"
}
# What somebody may try who knows the format, the key's label and this documentation, cut and padded as programs do
public_strings() {
    local string
    for string in hsmzke: hsmzke:gold hsmzke:AAAAAAAAAAAAAAAAAAAAAAAAA hsmzke:AAECAwQFBgcICQoLDA0ODxARo gold ""; do
        string=$(printf '%s' "$string" | xxd -p -c 64)
        printf '%s%0*d\n' "$string" $((64 - ${#string})) 0
    done
    # All of it but a character, which is another
    string=41
    [[ ${id_reference:14:2} != 41 ]] || string=42
    printf '%s%s%s\n' "${id_reference:0:14}" "$string" "${id_reference:16}"
}
opened_by_what_is_known() {
    local string form
    while read -r string; do
        while read -r form; do
            if opened_by "$form"; then return 0; fi
        done < <(sizes_of "$string")
    done < <(public_strings)
    return 1
}
without_pin() { # the objects that a token shows before the login
    env SOFTHSM2_CONF="$at/softhsm2-right.conf" pkcs11-tool --module "$APPS_PKCS11" --token-label apps --list-objects
}
says_nothing_of_the_id() {
    without_pin >objects 2>&1 || { cat objects && return 1; }
    cat objects
    ! grep -qi -e "$APPS_ID" -e gold objects
}
without_pin_is_more() {
    env SOFTHSM2_CONF="$at/softhsm2-right.conf" pkcs11-tool --module "$APPS_PKCS11" --token-label apps --list-objects \
        --login --pin "$(cat "$at/pin")" | grep -i "$APPS_ID"
}
check "a reference by id: encrypts under the HSM key" by_id hsm
check "software with the real key opens that" opened_by "$key"
check "without openssl.cnf: not preventable: encrypts in software" by_id hsm OPENSSL_CONF="$work/none.cnf"
check "under the reference by id" opened_by "$id_reference"
check "but nothing that is known without the CKA_ID opens it" not opened_by_what_is_known
check "and the token does not say the CKA_ID without the PIN" says_nothing_of_the_id
check "which it does with it" without_pin_is_more
into out.cbc from text hsm OPENSSL_CONF="$work/none.cnf" /usr/bin/openssl enc -aes-256-cbc -K "$reference" -iv "$matrix_iv"
check "what is known opens what was encrypted by mistake with a reference by name" opened_by_what_is_known

# --- AssertPathExists=: systemd does not start the service if a file is missing.

asserted() { sed -n 's/^AssertPathExists=//p' "$dropin"; }
# The files of the assertions are those that are used.
names_the_configuration() {
    asserted | grep -qxF "$(sed -n 's/^Environment=OPENSSL_CONF=//p' "$dropin")"
}
names_the_module() {
    local directory
    directory=$(openssl version -m | sed 's/^MODULESDIR: "\(.*\)"$/\1/')
    asserted | grep -qxF "$directory/hsmzke.so" && grep -qx 'UnsetEnvironment=OPENSSL_MODULES' "$dropin"
}
# would_start: systemd's own judgement, of the drop-in with these paths
would_start() { # CONFIGURATION MODULE
    mkdir -p units/apps-test.service.d
    printf '[Service]\nExecStart=/bin/true\n' >units/apps-test.service
    sed -e "s#^AssertPathExists=.*\.cnf\$#AssertPathExists=$1#" -e "s#^AssertPathExists=.*\.so\$#AssertPathExists=$2#" \
        "$dropin" >units/apps-test.service.d/hsmzke.conf
    SYSTEMD_UNIT_PATH=$work/units: systemd-analyze condition --unit=apps-test.service
}
check "the drop-in's AssertPathExists names the file of its OPENSSL_CONF" names_the_configuration
check "and hsmzke.so where OpenSSL looks for it" names_the_module
if command -v systemd-analyze >/dev/null; then
    check "both are there: the service would start" would_start "$APPS_CNF" "$APPS_MODULES/hsmzke.so"
    check "no openssl.cnf: it would not" refused "Assert" none would_start "$work/none.cnf" "$APPS_MODULES/hsmzke.so"
    check "no hsmzke.so: it would not" refused "Assert" none would_start "$APPS_CNF" "$work/none.so"
else
    left_out "AssertPathExists" "systemd-analyze is not there"
fi

# --- A file that root owns, in a directory that root owns

change() { # FILE COMMAND...: every way to change it that a user has
    local file=$1
    shift
    # shellcheck disable=SC2016  # the other shell expands it
    "$@" bash -c 'echo >>"$1"; : >"$1"; rm -f "$1"; cp --remove-destination /dev/null "$1"; ln -sf /dev/null "$1"; chmod 666 "$1"' change "$file"
    ! cmp -s "$file" "$APPS_CNF"
}
if ((EUID == 0)); then
    as_nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    mkdir -m 0755 owned
    cp "$APPS_CNF" owned/hsmzke.cnf
    chmod 644 owned/hsmzke.cnf
    mkdir -m 0777 open
    cp "$APPS_CNF" open/hsmzke.cnf
    if "${as_nobody[@]}" cat "$work/owned/hsmzke.cnf" >/dev/null 2>&1; then
        check "another user can read a file of root's" "${as_nobody[@]}" cat "$work/owned/hsmzke.cnf"
        check "and cannot change, empty, remove or replace it" not change "$work/owned/hsmzke.cnf" "${as_nobody[@]}"
        check "in a directory where everybody may write it can be" change "$work/open/hsmzke.cnf" "${as_nobody[@]}"
    else
        left_out "a file of root's" "a directory above $work is closed to others"
    fi
else
    left_out "a file of root's" "this does not run as root"
fi
