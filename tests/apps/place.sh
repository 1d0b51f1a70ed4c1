# shellcheck shell=bash
# What the applications' programs get to see, made once by run.sh: tokens, PINs, OpenSSL's modules; right ones, and
# those of which something is wrong. A fault of matrix.sh picks among them.
#
# shellcheck disable=SC2153,SC2154  # $build, $APPS_SPY: run.sh's

padded() { printf '%s%0*d' "$1" $((64 - ${#1})) 0; }

# id_text HEX: 18 bytes as the 25 characters of a reference: base64url and the check character
id_text() {
    local alphabet=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_
    local text i before r=0
    text=$(xxd -r -p <<<"$1" | base64 | tr '+/' '-_')
    for ((i = 0; i < ${#text}; i++)); do
        before=${alphabet%%"${text:i:1}"*}
        r=$(((r ^ ${#before}) << 1))
        ((!(r & 64))) || r=$((r ^ 0x43))
    done
    printf '%s%s' "$text" "${alphabet:r:1}"
}

choose_keys() {
    local id
    id=$(openssl rand -hex 18)
    APPS_KEY=$(openssl rand -hex 32)
    APPS_OTHER_KEY=$(openssl rand -hex 32)
    APPS_REFERENCE=$(padded "$(printf hsmzke:gold | xxd -p -c 64)")
    APPS_NOTHING=$(padded "$(printf hsmzke:nothing | xxd -p -c 64)")
    APPS_ID=$id
    APPS_ID_REFERENCE=$(printf 'hsmzke:%s' "$(id_text "$id")" | xxd -p -c 64)
    export APPS_KEY APPS_OTHER_KEY APPS_REFERENCE APPS_NOTHING APPS_ID APPS_ID_REFERENCE
}

# OpenSSL's own modules stand beside hsmzke.so, as if it were installed (python3-cryptography wants legacy.so).
module_directory() { # DIRECTORY
    mkdir "$1"
    find "$(openssl version -m | sed 's/^MODULESDIR: "\(.*\)"$/\1/')" -name '*.so' ! -name hsmzke.so \
        -exec ln -s -t "$1" {} +
}

make_modules() {
    APPS_MODULES=$APPS_WORK/modules
    export APPS_MODULES
    module_directory "$APPS_MODULES"
    ln -s "$build/provider/hsmzke.so" "$APPS_MODULES"
    cp -r "$APPS_MODULES" "$APPS_WORK/modules-without"
    rm "$APPS_WORK/modules-without/hsmzke.so"
    module_directory "$APPS_WORK/modules-garbage"
    head -c 100000 /dev/urandom >"$APPS_WORK/modules-garbage/hsmzke.so"
    # A library that can be loaded and is no provider
    module_directory "$APPS_WORK/modules-no-symbol"
    ln -s "$APPS_SPY" "$APPS_WORK/modules-no-symbol/hsmzke.so"
}

# softhsm DIRECTORY NAME: a store of tokens, NAME, and its softhsm2-NAME.conf
softhsm() {
    mkdir -p "$1/$2"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$1/$2" >"$1/softhsm2-$2.conf"
}
token_tool() { # STORE COMMAND [ARGUMENT...]
    SOFTHSM2_CONF=$APPS_HSM/softhsm2-$1.conf "$APPS_TOKEN_TOOL" "$APPS_PKCS11" "${@:2}"
}
# make_token STORE KEY: a token called apps with that key, called gold
make_token() {
    softhsm "$APPS_HSM" "$1"
    token_tool "$1" init apps 97531864 "$pin"
    printf 'gold %s id=%s\n' "$2" "$APPS_ID" | token_tool "$1" import apps "$pin"
}

make_hsm() {
    local pin=13579246
    APPS_HSM=$APPS_WORK/hsm
    export APPS_HSM
    mkdir "$APPS_HSM"
    printf '%s\n' "$pin" >"$APPS_HSM/pin"
    printf '%s\n' 24680135 >"$APPS_HSM/pin-wrong"
    printf 'fail *:1+:0x30\n' >"$APPS_HSM/gone" # CKR_DEVICE_ERROR, for the spy
    make_token right "$APPS_KEY"
    make_token replaced "$APPS_OTHER_KEY"
    softhsm "$APPS_HSM" deleted
    cp -r "$APPS_HSM/right/." "$APPS_HSM/deleted"
    token_tool deleted destroy apps "$pin" gold
}

# copy_hsm DIRECTORY: for a program that may not read the first
copy_hsm() {
    cp -r "$APPS_HSM" "$1"
    sed -i "s#$APPS_HSM/#$1/#" "$1"/*.conf
}

# identity KEY: the first 8 bytes of one block under it, as docs/configuration.md says
identity() {
    printf 'hsmzke-id-v1\0\0\0\2' | openssl enc -aes-256-ecb -nopad -K "$1" | head -c 8 | xxd -p
}

# Configuration files: examples/gateway.cnf with a pin, and what is left of it after an accident.
make_configurations() {
    local lines
    {
        cat "$APPS_CNF"
        printf '%s\n' 'identities = apps_identities' '[apps_identities]' "gold = $(identity "$APPS_KEY")"
    } >"$APPS_WORK/pinned.cnf"
    lines=$(grep -n '^providers *=' "$APPS_CNF" | cut -d: -f1)
    head -n $((lines - 1)) "$APPS_CNF" >"$APPS_WORK/cut.cnf"
    cp "$APPS_CNF" "$APPS_WORK/unreadable.cnf"
    chmod 0 "$APPS_WORK/unreadable.cnf"
}

make_place() {
    rm -rf "$APPS_WORK"
    mkdir -p "$APPS_WORK"
    choose_keys
    make_modules
    make_hsm
    make_configurations
}
