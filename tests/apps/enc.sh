#!/usr/bin/env bash
# openssl enc, with a configuration file and no option for the provider.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

cat >crypt.sh <<'SCRIPT'
direction=()
[[ $2 == enc ]] || direction=(-d)
exec /usr/bin/openssl enc "${direction[@]}" "-$1" -K "$3" -iv "$4"
SCRIPT

for mode in aes-256-cbc aes-256-ctr aes-256-cfb; do
    both_ways "$mode" bash crypt.sh
done

short=$(printf hsmzke:gold | xxd -p)
by_short_key() {
    hsm /usr/bin/openssl enc -aes-256-ctr -K "$short" -iv "$iv" -in plain -out short
    software /usr/bin/openssl enc -aes-256-ctr -K "$key" -iv "$iv" -in plain | cmp - short
}
iv=$(openssl rand -hex 16)
check "a reference without its NULs" by_short_key
check "a 16-byte piece of a reference is refused by AES-128-CBC" refused "reference to an HSM key" none \
    hsm /usr/bin/openssl enc -aes-128-cbc -K "${reference:0:32}" -iv "$iv" -in plain -out none
check "a raw key is refused" refused "raw key" none \
    hsm /usr/bin/openssl enc -aes-256-cbc -K "$key" -iv "$iv" -in plain -out none

matrix_of "aes-256-cbc aes-256-ctr" bash crypt.sh

# What each error says to the person before the terminal
while read -r column words; do
    check "the error in column $column says why" grep -qE "$words" "cell-$column.log"
done <<'WORDS'
1 unsupported
2a unsupported
2b unsupported
3a C_Initialize: the HSM, or the way to it, is broken \(CKR_DEVICE_ERROR\)
3b PKCS#11 module cannot be loaded: .*check pkcs11-module
3c the HSM, or the way to it, is broken \(CKR_DEVICE_ERROR\)
3d no token matches .token.; there are: 'apps'
4 the PIN was not accepted
5 no secret key 'gold'
6 is not the one that .identities. names
7a answered with another length
7b answered with another length
7c is no AES key
7d CKR_SESSION_HANDLE_INVALID
7e the slots cannot be listed
7f gave back what went in, or nothing
7g gave back what went in, or nothing
WORDS

# What pins are for
sealed_by() { # SETTING...
    rm -f out.*
    into out.cbc from text hsm "$@" /usr/bin/openssl enc -aes-256-cbc -K "$reference" -iv "$matrix_iv"
}
check "the right token fits the pin" sealed_by "OPENSSL_CONF=$APPS_WORK/pinned.cnf"
check "and its key is used" opened_by "$key"
check "a replaced token without a pin: encrypts" sealed_by "SOFTHSM2_CONF=$at/softhsm2-replaced.conf"
check "under the other key" opened_by "$other_key"
