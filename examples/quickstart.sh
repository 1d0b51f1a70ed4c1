#!/usr/bin/env bash
# From a fresh Debian 12 to a file encrypted under a key that stays in a token:
#
#     examples/quickstart.sh
#
# It builds hsmzke in build/, makes a private SoftHSM token with an AES-256 key under examples/work/, and
# encrypts and decrypts a file with it, twice: with `openssl enc` and with a plain EVP program.  As root it
# installs the Debian packages that are missing; else it names them.  Nothing else outside of this directory
# is touched, and each run starts anew.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"

if (($# > 0)); then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ $1 == --help ]] || exit 1
    exit 0
fi

work=$repository/examples/work
build=$repository/build
label=hsmzke-quickstart
step_name="the beginning"
step_hint="the message above"
steps=0

step() { # step NAME WHAT-TO-LOOK-AT
    steps=$((steps + 1))
    step_name=$1 step_hint=$2
    printf '\n%d. %s\n' "$steps" "$1"
}

say() { printf '   %s\n' "$@"; }

failed() {
    trap - ERR
    ((BASH_SUBSHELL == 0)) || exit 1 # the shell above this one says it
    printf '\nThis step failed: %d. %s\nWhat to look at: %s\n' "$steps" "$step_name" "$step_hint" >&2
    exit 1
}

# Runs a command quietly; what it says is shown if it fails.
quietly() {
    "$@" >"$work/last.log" 2>&1 </dev/null && return 0
    cat "$work/last.log" >&2
    return 1
}

same() { cmp -s "$1" "$2"; }

fail() {
    printf '   %s\n' "$@" >&2
    failed
}

# Nothing from the caller's own OpenSSL, SoftHSM or hsmzke set-up may get in here.
for variable in "${!HSMZKE_@}" "${!OPENSSL_@}" SOFTHSM2_CONF; do
    unset "$variable"
done
umask 022
trap failed ERR
set -E

step "Debian packages" "the messages of apt-get above"
need_packages "${packages_to_build[@]}" "${packages_to_try[@]}" || {
    ((EUID != 0)) || failed
    exit 1
}

step "Building the provider in build/" \
    "the compiler's messages above; if build/ came from elsewhere, remove it and run this again"
rm -rf "$work"
mkdir -m 0700 "$work"
if [[ ! -f $build/build.ninja ]]; then
    quietly meson setup "$build" "$repository" -Dtests=false
fi
quietly meson compile -C "$build" hsmzke encrypt
provider=$build/provider/hsmzke.so
example=$build/examples/encrypt
[[ -f $provider && -x $example ]] || fail "meson built no $provider and $example"
say "$provider"

step "A private SoftHSM token in examples/work/tokens" \
    "examples/work/softhsm2.conf, and whether the package softhsm2 is whole"
module=$(find_softhsm)
umask 077
mkdir "$work/tokens"
cat >"$work/softhsm2.conf" <<END
directories.tokendir = $work/tokens
objectstore.backend = file
log.level = ERROR
END
export SOFTHSM2_CONF=$work/softhsm2.conf
# The PINs travel in the environment: a command line can be read by every user of the machine.
PIN=$(openssl rand -hex 12)
SO_PIN=$(openssl rand -hex 12)
printf '%s\n' "$PIN" >"$work/pin"
token() { PIN=$PIN SO_PIN=$SO_PIN quietly pkcs11-tool --module "$module" "$@"; }
token --slot-index 0 --init-token --label "$label" --so-pin env:SO_PIN
token --token-label "$label" --login --login-type so --so-pin env:SO_PIN --init-pin --new-pin env:PIN
say "token '$label', its PIN is random and in examples/work/pin (mode 0600)"

step "An AES-256 key called gold, generated in the token" \
    "the error messages above; docs/configuration.md explains the settings"
export HSMZKE_PKCS11_MODULE=$module
export HSMZKE_TOKEN=pkcs11:token=$label
export HSMZKE_PIN_SOURCE=file:$work/pin
by_token=(-provider-path "$build/provider" -provider hsmzke)
quietly openssl genpkey "${by_token[@]}" -algorithm HSMZKE-AES -pkeyopt label:gold -out "$work/gold.pem"
say "sensitive, not extractable: this script has never seen it"

step "Encrypting 8 MiB with openssl enc, by reference" \
    "the error messages above; docs/configuration.md explains the settings"
reference=$(printf hsmzke:gold | xxd -p -c 64)
iv=$(openssl rand -hex 16)
head -c $((8 * 1024 * 1024)) /dev/urandom >"$work/plain"
quietly openssl enc "${by_token[@]}" -aes-256-cbc -K "$reference" -iv "$iv" \
    -in "$work/plain" -out "$work/encrypted"
if same "$work/plain" "$work/encrypted"; then fail "The encrypted file is the plain file."; fi
say "key:  $reference (the text 'hsmzke:gold', no key)" "file: examples/work/encrypted"

step "Decrypting it again" "the error messages above"
quietly openssl enc -d "${by_token[@]}" -aes-256-cbc -K "$reference" -iv "$iv" \
    -in "$work/encrypted" -out "$work/decrypted"
same "$work/plain" "$work/decrypted" || fail "What came back is not the file that went in."
say "what came back is the file that went in, byte for byte"

step "The same 32 bytes as a key in software, without hsmzke" \
    "examples/work/software: the bytes of the reference must not be the key"
if openssl enc -d -aes-256-cbc -K "$reference" -iv "$iv" \
    -in "$work/encrypted" -out "$work/software" >"$work/last.log" 2>&1 </dev/null; then
    outcome="it gives other bytes"
elif grep -q 'bad decrypt' "$work/last.log"; then
    outcome="it fails (bad decrypt)"
else
    cat "$work/last.log" >&2
    fail "openssl enc did not get as far as decrypting."
fi
if same "$work/plain" "$work/software"; then fail "Software decrypted the file with the reference."; fi
say "$outcome: the reference is no key"

step "A plain EVP program (examples/encrypt.c), by openssl.cnf alone" \
    "examples/work/openssl.cnf and docs/configuration.md"
quoted() { # a value of openssl.cnf, whatever is in it
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}
cat >"$work/openssl.cnf" <<END
openssl_conf = openssl_init

[openssl_init]
providers = provider_sect
alg_section = algorithm_sect

[algorithm_sect]
# What is not hsmzke's is not used: without the provider nothing encrypts.
default_properties = provider=hsmzke

[provider_sect]
null = null_sect
hsmzke = hsmzke_sect

[null_sect]
activate = 1

[hsmzke_sect]
module = $(quoted "$provider")
activate = 1
pkcs11-module = $(quoted "$module")
token = pkcs11:token=$label
pin-source = $(quoted "file:$work/pin")
END
whole_reference=$reference$(printf '%0*d' $((64 - ${#reference})) 0)
by_config() {
    (
        unset "${!HSMZKE_@}"
        OPENSSL_CONF=$work/openssl.cnf quietly "$@"
    )
}
by_config "$example" enc AES-256-CTR "$whole_reference" "$iv" "$work/plain" "$work/encrypted-ctr"
if same "$work/plain" "$work/encrypted-ctr"; then fail "The encrypted file is the plain file."; fi
by_config "$example" dec AES-256-CTR "$whole_reference" "$iv" "$work/encrypted-ctr" "$work/decrypted-ctr"
same "$work/plain" "$work/decrypted-ctr" || fail "What came back is not the file that went in."
quietly openssl enc -d "${by_token[@]}" -aes-256-ctr -K "$reference" -iv "$iv" \
    -in "$work/encrypted-ctr" -out "$work/decrypted-ctr"
same "$work/plain" "$work/decrypted-ctr" || fail "openssl enc and the program do not agree."
say "encrypted and decrypted with AES-256-CTR; openssl enc decrypts it to the same file"

trap - ERR
set +E
rm -f "$work/last.log"
cat <<END

Done. An AES-256 key was generated in a SoftHSM token. openssl enc, and a program that knows nothing of
tokens, encrypted and decrypted a file with it and were given only its name, where a key would go. The
same bytes used as a key in software did not decrypt that file.

SoftHSM is software: it computes inside the process that uses it, so the key was in that process's memory
while it worked. This is the way to try hsmzke, not the way to protect a key: docs/limits.md says more.

To go on by hand, paste these lines (openssl will warn that the key is short; the reference is meant to be):

export SOFTHSM2_CONF=${SOFTHSM2_CONF@Q}
export HSMZKE_PKCS11_MODULE=${HSMZKE_PKCS11_MODULE@Q}
export HSMZKE_TOKEN=${HSMZKE_TOKEN@Q}
export HSMZKE_PIN_SOURCE=${HSMZKE_PIN_SOURCE@Q}
openssl enc -provider-path ${build@Q}/provider -provider hsmzke -aes-256-cbc \\
    -K "\$(printf hsmzke:gold | xxd -p -c 64)" -iv "\$(openssl rand -hex 16 | tee iv.txt)" \\
    -in ${repository@Q}/README.md -out README.enc

It keeps the IV in iv.txt; with -d and -iv "\$(cat iv.txt)" it decrypts. Programs need no such variables
with the configuration in examples/work/openssl.cnf: OPENSSL_CONF=${work@Q}/openssl.cnf
END
