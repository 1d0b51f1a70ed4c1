#!/usr/bin/env bash
# A TPM 2.0 in software (swtpm), with tpm2-pkcs11 in front, in a directory of its own: label prod, PIN 1234. The key is
# in swtpm's process, not in the one that uses it, and cannot be imported: the TPM makes it, labelled gold.
#
#     tests/hsm/tpm2.sh start DIRECTORY    makes DIRECTORY, the TPM, the token and a key; prints the environment for it:
#                                          eval "$(tests/hsm/tpm2.sh start DIRECTORY)"
#     tests/hsm/tpm2.sh stop DIRECTORY     ends swtpm, removes all
#
# Debian packages: swtpm, swtpm-tools, tpm2-tools, libtss2-tcti-swtpm0, libtpm2-pkcs11-1, libtpm2-pkcs11-tools.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"

start_swtpm() { # DIRECTORY
    mkdir "$1/state"
    swtpm_setup --tpm2 --tpmstate "$1/state" >"$1/log" 2>&1 || die "swtpm_setup fails: $(tail -3 "$1/log")"
    swtpm socket --tpm2 --tpmstate "dir=$1/state" --server "type=unixio,path=$1/t" --ctrl "type=unixio,path=$1/t.ctrl" \
        --flags not-need-init,startup-clear --pid "file=$1/pid.swtpm" --daemon >>"$1/log" 2>&1 ||
        die "swtpm does not start: $(tail -3 "$1/log")"
}

# Without a resource manager nobody takes objects out of the TPM that a program before has left there: each tool of
# tpm2-tools does it before its own work.
make_tools() { # DIRECTORY
    local tool
    mkdir "$1/tools"
    for tool in /usr/bin/tpm2_*; do
        [[ $tool != */tpm2_ptool && $tool != */tpm2_flushcontext ]] || continue
        printf '#!/bin/sh\n/usr/bin/tpm2_flushcontext -t >/dev/null 2>&1\nexec %s "$@"\n' "$tool" \
            >"$1/tools/${tool##*/}"
        chmod +x "$1/tools/${tool##*/}"
    done
    printf '#!/bin/sh\n/usr/bin/tpm2_flushcontext -t >/dev/null 2>&1\nexec /usr/bin/tpm2 "$@"\n' >"$1/tools/tpm2"
    chmod +x "$1/tools/tpm2"
}

make_token() { # DIRECTORY
    local ptool=(env "PATH=$1/tools:$PATH" tpm2_ptool)
    "${ptool[@]}" init --path "$1/store"
    "${ptool[@]}" addtoken --path "$1/store" --pid 1 --label "$token_label" --sopin "$token_so_pin" \
        --userpin "$token_pin"
    "${ptool[@]}" addkey --path "$1/store" --label "$token_label" --userpin "$token_pin" --algorithm aes256 \
        --key-label gold
    tpm2_flushcontext -t
}

start() {
    local directory module
    module=$(first_file /usr/lib/*/pkcs11/libtpm2_pkcs11.so /usr/lib/*/libtpm2_pkcs11.so.1)
    directory=$(make_directory "$1")
    # The name of a socket has little room.
    ((${#directory} < 90)) || die "$directory: too long a name for a socket in it"
    write_pin "$directory"
    mkdir "$directory/store"
    start_swtpm "$directory"
    export TPM2_PKCS11_STORE=$directory/store TPM2_PKCS11_TCTI=swtpm:path=$directory/t
    export TPM2TOOLS_TCTI=$TPM2_PKCS11_TCTI
    write_environment "$directory" "TPM2_PKCS11_STORE=$TPM2_PKCS11_STORE" "TPM2_PKCS11_TCTI=$TPM2_PKCS11_TCTI" \
        "TPM2TOOLS_TCTI=$TPM2TOOLS_TCTI" "TPM2_PKCS11_LOG_LEVEL=0" "TSS2_LOG=all+none" "HSMZKE_PKCS11_MODULE=$module" \
        "HSMZKE_TOKEN=pkcs11:token=$token_label" "HSMZKE_PIN_SOURCE=file:$directory/pin"
    make_tools "$directory"
    if ! make_token "$directory" >>"$directory/log" 2>&1; then
        stop_swtpm "$directory"
        die "the token cannot be made: $(tail -5 "$directory/log")"
    fi
    print_environment "$directory"
}

stop_swtpm() { # DIRECTORY
    local pid
    pid=$(cat "$1/pid.swtpm" 2>/dev/null) || return 0
    # The process of that number may be another by now.
    if grep -qsF "$1/state" "/proc/$pid/cmdline"; then
        kill "$pid"
    fi
}

stop() {
    local directory
    directory=$(cd "$1" && pwd)
    stop_swtpm "$directory"
    remove_directory "$directory"
}

case "$#${1-}" in
2start) start "$2" ;;
2stop) stop "$2" ;;
*)
    show_help
    [[ ${1-} == --help ]]
    ;;
esac
