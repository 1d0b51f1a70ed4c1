#!/usr/bin/env bash
# A TPM 2.0 in software (swtpm), with tpm2-pkcs11 in front, in a directory of its own: label prod, PIN 1234. The key is
# in swtpm's process, not in the one that uses it: the TPM makes it, labelled gold.
#
#     tests/hsm/tpm2.sh start DIRECTORY     makes DIRECTORY, the TPM, the token and a key; prints the environment for it:
#                                           eval "$(tests/hsm/tpm2.sh start DIRECTORY)"
#     tests/hsm/tpm2.sh stop DIRECTORY      ends swtpm, removes all
#     tests/hsm/tpm2.sh version             prints the version of what is installed
#     tests/hsm/tpm2.sh import DIRECTORY    known keys, for tests: lines NAME HEXKEY on its input make AES keys, and NAME
#                                           HEXKEY type=generic HMAC-SHA256 keys. A key of that name goes.
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
        --flags not-need-init,startup-clear --pid "file=$1/pid" --daemon >>"$1/log" 2>&1 ||
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

# Runs tpm2_ptool in the store of DIRECTORY, with the environment for the TPM.
ptool() { # DIRECTORY COMMAND ARGUMENT...
    local directory=$1 command=$2
    env "PATH=$directory/tools:$PATH" tpm2_ptool "$command" --path "$directory/store" "${@:3}"
}

make_token() { # DIRECTORY
    ptool "$1" init
    ptool "$1" addtoken --pid 1 --label "$token_label" --sopin "$token_so_pin" --userpin "$token_pin"
    ptool "$1" addkey --label "$token_label" --userpin "$token_pin" --algorithm aes256 --key-label gold
    tpm2_flushcontext -t
}

# The number that tpm2_ptool has for a key; nothing if there is none.
number_of() { # DIRECTORY NAME
    ptool "$1" listobjects --label "$token_label" |
        awk -v name="$2" '/CKA_LABEL:/ { label = $2 } /^  id:/ && label == name { print $2 }'
}

# tpm2_ptool imports no AES keys, but links those that the TPM itself has imported.
import_aes() ( # DIRECTORY NAME FILE
    local parent
    cd "$1"
    parent=$(tools/tpm2_getcap handles-persistent | awk '{ print $2; exit }')
    tools/tpm2_import -C "$parent" -G aes -i "$3" -u key.pub -r key.priv
    ptool "$1" link --label "$token_label" --userpin "$token_pin" --key-label "$2" key.pub key.priv
)

import_key() { # DIRECTORY NAME HEXKEY [OPTION...]
    local number
    number=$(number_of "$1" "$2")
    [[ -z $number ]] || ptool "$1" objdel "$number"
    xxd -r -p <<<"$3" >"$1/key"
    case " ${*:4} " in
    *" type=generic "*)
        ptool "$1" import --label "$token_label" --userpin "$token_pin" --key-label "$2" --algorithm hmac:sha256 \
            --privkey "$1/key"
        ;;
    *) import_aes "$1" "$2" "$1/key" ;;
    esac
}

import() { # DIRECTORY
    local directory words line
    directory=$(cd "$1" && pwd)
    line=$(print_environment "$directory")
    eval "$line"
    while read -r -a words; do
        import_key "$directory" "${words[@]}" >"$directory/last" 2>&1 </dev/null ||
            die "${words[0]}: cannot be imported: $(tail -n 5 "$directory/last")"
    done
    rm -f "$directory"/key*
    tpm2_flushcontext -t
}

start() {
    local directory module
    module=$(first_file /usr/lib/*/pkcs11/libtpm2_pkcs11.so /usr/lib/*/libtpm2_pkcs11.so.1)
    need_programs swtpm swtpm_setup tpm2 tpm2_ptool
    directory=$(make_directory "$1")
    room_for_socket "$directory"
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
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
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

version() { package_version libtpm2-pkcs11-1; }

if [[ $#${1-} == 2import ]]; then
    import "$2"
    exit
fi
main "$@"
