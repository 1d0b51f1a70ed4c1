#!/usr/bin/env bash
# The drop-in in examples/systemd: systemd knows every line of it, and what it sets works with the provider.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

dropin=$(dirname "$APPS_CNF")/systemd/hsmzke.conf
command -v systemd-analyze >/dev/null || leave_out "systemd-analyze is not there"

mkdir -p units/apps-test.service.d
cat >units/apps-test.service <<'UNIT'
[Unit]
Description=A service for this test
[Service]
ExecStart=/bin/true
UNIT
verify() {
    cp "$1" units/apps-test.service.d/hsmzke.conf
    SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no --recursive-errors=no \
        "$work/units/apps-test.service" >verify.log 2>&1 || true
    cat verify.log
    # Unknown keys and values are told, not failed.
    ! grep -F 'hsmzke.conf' verify.log
}
check "systemd-analyze verify has nothing to say" verify "$dropin"
{ cat "$dropin" && echo 'LimitCOER=0'; } >misspelt
check "and has of a misspelt line" not verify misspelt

# What the lines do, without systemd.
sets() { grep -qx "$1" "$dropin"; }
mkdir -m 0700 credentials
cp "$at/pin" credentials/hsmzke-pin
iv=$(openssl rand -hex 16)
by_credential() {
    hsm "CREDENTIALS_DIRECTORY=$work/$1" HSMZKE_PIN_SOURCE=credential:hsmzke-pin /usr/bin/openssl enc -aes-256-cbc \
        -K "$reference" -iv "$iv" -in plain -out sealed
}
check "it has the credential's line" sets 'Environment=HSMZKE_PIN_SOURCE=credential:hsmzke-pin'
check "the PIN comes from a credential" by_credential credentials
check "software with the real key opens that" same_by_enc aes-256-cbc sealed plain "$iv"
check "without the credential: an error" refused "hsmzke-pin|PIN" sealed by_credential none
