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
