#!/usr/bin/env bash
# openssl's other commands with the gateway and raw-keys = software: what they make, software reads, and the other way.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

raw() { hsm HSMZKE_RAW_KEYS=software "$@"; }
openssl=/usr/bin/openssl

# by_other HOW OTHER: what one makes the other reads
by_other() {
    local how=$1 other=$2
    check "$how: req" "$how" $openssl req -x509 -newkey rsa:2048 -passout pass:apps -subj /CN=apps -keyout rsa.key \
        -out rsa.crt -days 2
    check "$other: x509 reads and rsa decrypts that" "$other" $openssl rsa -in rsa.key -passin pass:apps -out rsa.plain
    check "$other: verify" "$other" $openssl verify -CAfile rsa.crt rsa.crt
    check "$how: x509" "$how" $openssl x509 -in rsa.crt -noout -text -fingerprint -sha256
    check "$how: pkcs12" "$how" $openssl pkcs12 -export -inkey rsa.plain -in rsa.crt -passout pass:apps -out rsa.p12
    check "$other: pkcs12 reads that" "$other" $openssl pkcs12 -in rsa.p12 -passin pass:apps -nodes -out rsa.pem
    check "$how: pkcs8 in AES-256-CBC" "$how" $openssl pkcs8 -topk8 -v2 aes-256-cbc -in rsa.plain -passout pass:apps -out p8
    check "$other: pkey reads that" "$other" $openssl pkey -in p8 -passin pass:apps -noout
    check "$how: enc with a password" "$how" $openssl enc -aes-256-cbc -pbkdf2 -pass pass:apps -in plain -out sealed
    check "$other: enc decrypts that" "$other" $openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:apps -in sealed -out back
    check "$how: the file that went in" cmp plain back
    check "$how: dgst signs" "$how" $openssl dgst -sha256 -sign rsa.plain -out signature plain
    "$other" $openssl pkey -in rsa.plain -pubout -out rsa.pub
    check "$other: dgst verifies" "$other" $openssl dgst -sha256 -verify rsa.pub -signature signature plain
    check "$how: cms to a certificate, in AES-256-CBC" "$how" $openssl cms -encrypt -binary -aes256 -in plain -outform DER \
        -out sealed rsa.crt
    check "$other: cms decrypts that" "$other" $openssl cms -decrypt -inform DER -in sealed -inkey rsa.plain \
        -recip rsa.crt -out back
    check "$how: the file that went in, once more" cmp plain back
    check "$how: genpkey and pkeyutl agree on a secret" agree "$how"
}
agree() {
    "$1" $openssl genpkey -algorithm X25519 -out a.key && "$1" $openssl genpkey -algorithm X25519 -out b.key &&
        "$1" $openssl pkey -in a.key -pubout -out a.pub && "$1" $openssl pkey -in b.key -pubout -out b.pub &&
        "$1" $openssl pkeyutl -derive -inkey a.key -peerkey b.pub -out ab &&
        software $openssl pkeyutl -derive -inkey b.key -peerkey a.pub -out ba && cmp ab ba
}
by_other raw software
by_other software raw

for name in aes-256-cbc aes-256-gcm aes-128-gcm chacha20-poly1305 sha256; do
    check "speed -evp $name" raw $openssl speed -seconds 1 -bytes 1024 -evp $name
done
check "rand" raw $openssl rand -out random 1000
same_digest() { [[ $(raw $openssl dgst -sha3-256 -r plain) == "$(software $openssl dgst -sha3-256 -r plain)" ]]; }
check "dgst" same_digest
