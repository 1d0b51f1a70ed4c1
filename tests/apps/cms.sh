#!/usr/bin/env bash
# openssl cms with a secret key for its recipient: the message's own key is wrapped in the HSM.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

cms=(/usr/bin/openssl cms -binary -secretkeyid 0102)
seal() { # HOW KEY CONTENT OUT
    "$1" "${cms[@]}" -encrypt "-$3" -secretkey "$2" -in plain -outform DER -out "$4"
}
opens() { # HOW KEY SEALED
    "$1" "${cms[@]}" -decrypt -secretkey "$2" -inform DER -in "$3" -out back && cmp plain back
}
raw() { hsm HSMZKE_RAW_KEYS=software "$@"; }

check "a message under the HSM key, its content in AES-128-CBC" seal hsm "$reference" aes-128-cbc sealed
check "software with the real key opens it" opens software "$key" sealed
check "it is opened with the HSM key" opens hsm "$reference" sealed
check "software with the reference's bytes does not open it" not opens software "$reference" sealed
check "a message of software" seal software "$key" aes-128-cbc sealed
check "the HSM key opens it" opens hsm "$reference" sealed
check "content in AES-256-CBC needs raw-keys = software" refused "raw key" none \
    seal hsm "$reference" aes-256-cbc none
check "and goes with it" seal raw "$reference" aes-256-cbc sealed
check "software with the real key opens that" opens software "$key" sealed
check "a key that is not there" refused "$no_such_key" none seal hsm "$nothing" aes-128-cbc none
check "a key that is not there opens nothing" refused "$no_such_key" back opens hsm "$nothing" sealed

attempt() { faulty "${cms[@]}" -encrypt -aes-128-cbc -secretkey "$reference" -in text -outform DER -out out.cms; }
opened_by() {
    [[ -s out.cms ]] && software "${cms[@]}" -decrypt -secretkey "$1" -inform DER -in out.cms 2>/dev/null |
        grep -a "$matrix_text" >/dev/null
}
matrix
