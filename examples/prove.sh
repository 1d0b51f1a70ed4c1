#!/usr/bin/env bash
# Shows where the key is, and where it is not: three programs encrypt and decrypt with one AES-256 key while
# hsmzke-memscan searches all of their memory at every PKCS#11 call, with
#
#     (a) the key in software, which must be found: the control
#     (b) the key in SoftHSM, which computes in the program's own process
#     (c) the key in SoftHSM behind p11-kit's server: another process, of another user where root runs this
#     (d) the key in a TPM (swtpm) behind tpm2-pkcs11; the TPM made it, and nobody has ever seen it
#
#     examples/prove.sh
#
# prints a table and writes reports for an auditor into examples/work/proof/. It takes some minutes. As root it installs
# the Debian packages that are missing; else it names them. On Debian 12 it also fetches and builds Debian 13's p11-kit
# (tests/hsm/p11-kit.sh). Each run starts anew.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"

if (($# > 0)); then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ $1 == --help ]] || exit 1
    exit 0
fi

build=$repository/build
work=$repository/examples/work/proof
hsm=$repository/tests/hsm
memscan=$build/tests/forensics/hsmzke-memscan
reference=$(printf hsmzke:gold | xxd -p -c 64)
whole_reference=$reference$(printf '%0*d' $((64 - ${#reference})) 0)
places= # where tokens and sockets are
programs=(openssl gcm python)
declare -A cells

say() { printf '%s\n' "$@"; }

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Runs a command quietly; what it says is shown if it fails.
quietly() {
    "$@" >"$work/last.log" 2>&1 </dev/null && return 0
    cat "$work/last.log" >&2
    return 1
}

stop_all() {
    [[ -n $places ]] || return 0
    ! [[ -d $places/remote ]] || "$hsm/p11-kit.sh" stop "$places/remote" || true
    ! [[ -d $places/tpm ]] || "$hsm/tpm2.sh" stop "$places/tpm" || true
    rm -rf "$places"
}

# --- Packages, the programs, the files

prepare() {
    local packages=("${packages_to_build[@]}" "${packages_to_try[@]}" python3 python3-cryptography p11-kit
        swtpm swtpm-tools tpm2-tools libtss2-tcti-swtpm0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools)
    local more
    read -r -a more <<<"$("$hsm/p11-kit.sh" packages)"
    need_packages "${packages[@]}" "${more[@]}" || exit 1
    rm -rf "$work"
    mkdir -p "$work"
    chmod 0700 "$work"
    if [[ ! -f $build/build.ninja ]]; then
        quietly meson setup "$build" "$repository" -Dtests=false
    fi
    quietly meson compile -C "$build"
    quietly "$hsm/p11-kit.sh" build "$build"
    (umask 077 && openssl rand -hex 32 >"$work/key" && xxd -r -p "$work/key" "$work/key.bin")
    openssl rand -hex 16 >"$work/iv"
    head -c 20000 /dev/urandom >"$work/plain"
    sed -e "s#^activate = 1#&\nmodule = $build/provider/hsmzke.so#" -e '/^pkcs11-module/d' -e '/^token/d' \
        -e '/^pin-source/d' "$repository/examples/gateway.cnf" >"$work/openssl.cnf.all"
    # The module line belongs to hsmzke's section only.
    awk '/^\[/ { section = $1 } /^module = / && section != "[hsmzke_sect]" { next } { print }' \
        "$work/openssl.cnf.all" >"$work/openssl.cnf"
    rm "$work/openssl.cnf.all"
    export HSMZKE_KEY_POLICY=off
}

# --- The four set-ups: each sets the environment

use() { # SCRIPT DIRECTORY [BUILD]: starts an HSM and takes its environment
    local lines
    lines=$("$hsm/$1" start "${@:2}")
    eval "$lines"
}

import_key() { # MODULE
    PIN=1234 quietly pkcs11-tool --module "$1" --token-label prod --login --pin env:PIN \
        --write-object "$work/key.bin" --type secrkey --key-type AES:32 --label gold --usage-decrypt --private --sensitive
}

set_up_softhsm() {
    use softhsm.sh "$places/softhsm"
    import_key "$HSMZKE_PKCS11_MODULE"
}

set_up_remote() {
    use p11-kit.sh "$places/remote" "$build"
    printf '1234\n' >"$places/pin"
    export HSMZKE_TOKEN=pkcs11:token=prod HSMZKE_PIN_SOURCE=file:$places/pin
    quietly softhsm2-util --module "$HSMZKE_PKCS11_MODULE" --init-token --free --label prod \
        --so-pin 12345678 --pin 1234
    import_key "$HSMZKE_PKCS11_MODULE"
}

set_up_tpm() { use tpm2.sh "$places/tpm"; }

# --- The programs

# Runs a command as programs are run that get hsmzke from openssl.cnf. (SoftHSM's own tools must not: they load it into
# themselves, and it computes through OpenSSL.)
with_hsmzke() { OPENSSL_CONF=$work/openssl.cnf "$@"; }

# program_line PROGRAM ACTION SETUP: sets `line`, and `out`, what it writes
program_line() {
    local sealed=$work/$3-$1.sealed opened=$work/$3-$1.opened iv
    local from=$work/plain
    iv=$(<"$work/iv")
    out=$sealed
    [[ $2 == encrypt ]] || from=$sealed out=$opened
    case $1-$2 in
    openssl-encrypt) line=(openssl enc -aes-256-cbc -K "$whole_reference" -iv "$iv" -in "$from" -out "$out") ;;
    openssl-decrypt) line=(openssl enc -d -aes-256-cbc -K "$whole_reference" -iv "$iv" -in "$from" -out "$out") ;;
    gcm-encrypt) line=("$build/examples/gcm" seal "$whole_reference" "$from" "$out") ;;
    gcm-decrypt) line=("$build/examples/gcm" open "$whole_reference" "$from" "$out") ;;
    python-*) line=(/usr/bin/python3 "$repository/examples/seal.py" "$2" "$whole_reference" "$iv" "$from" "$out") ;;
    esac
}

# What a report says, in a few words.
summary() { # JSON
    /usr/bin/python3 - "$1" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
scans = report["scans"]
wanted = [f for f in report["findings"] if f["is"] == "wanted key"]
name = lambda scan: f"{scan['moment']} of {scan['call']}".strip() if scan["call"] else scan["moment"]
if report["verdict"] == "KEY_FOUND" and wanted:
    first = scans[min(f["first_scan"] for f in wanted) - 1]
    last = scans[max(f["last_scan"] for f in wanted) - 1]
    print(f"FOUND, from the {name(first)} to the {name(last)}")
elif report["verdict"] == "KEY_NOT_IN_MEMORY":
    print(f"KEY_NOT_IN_MEMORY in {len(scans)} scans")
else:
    failed = [c["reason"] for c in report["conditions"].values() if c["state"] == "fails"]
    print(report["verdict"] + ": " + " ".join(failed))
END
}

empty_tpm() {
    local what
    for what in --transient-object --loaded-session --saved-session; do
        tpm2_flushcontext "$what"
    done
}

# prove SETUP PROGRAM ACTION OPTION...: one cell of the table
prove() {
    local setup=$1 program=$2 action=$3 report=$work/$1-$2-$3 line out status=0
    shift 3
    program_line "$program" "$action" "$setup"
    # No resource manager takes out of the TPM what programs before have left in it, and it has room for three keys.
    [[ $setup != tpm ]] || empty_tpm
    with_hsmzke "$memscan" run "$@" --json="$report.json" --html "$report.html" -- "${line[@]}" >"$report.log" 2>&1 </dev/null ||
        status=$?
    [[ -s $report.json ]] || fail "hsmzke-memscan gave no report (status $status):" "$(tail -5 "$report.log")"
    cells[$setup,$program,$action]=$(summary "$report.json")
    if [[ $action == decrypt ]] && ! cmp -s "$work/plain" "$out"; then
        fail "$setup, $program: what was decrypted is not what was encrypted; $report.log"
    fi
    printf '  %-8s %-8s %s\n' "$program" "$action" "${cells[$setup,$program,$action]}"
}

# Whether the HSM has what a program asks for; if not, the program fails with words.
offered() { # SETUP PROGRAM
    local line out
    program_line "$2" encrypt "$1"
    with_hsmzke "${line[@]}" >"$work/last.log" 2>&1 </dev/null && return 0
    grep -q 'does not offer' "$work/last.log" || fail "$1, $2 failed:" "$(cat "$work/last.log")"
    cells[$1,$2,encrypt]="not offered" cells[$1,$2,decrypt]="not offered"
    printf '  %-8s %-8s not offered by this HSM: the program fails\n' "$2" both
    return 1
}

prove_all() { # SETUP OPTION...
    local program action
    for program in "${programs[@]}"; do
        offered "$1" "$program" || continue
        for action in encrypt decrypt; do
            prove "$1" "$program" "$action" "${@:2}"
        done
    done
}

# --- The end

# How many cells of a set-up begin as they must.
count_cells() { # SETUP TEXT
    local cell count=0
    for cell in "${!cells[@]}"; do
        if [[ $cell == "$1",* && ${cells[$cell]} == "$2"* ]]; then count=$((count + 1)); fi
    done
    echo "$count"
}

conclude() {
    local found software remote tpm
    software=$(count_cells software FOUND)
    found=$(count_cells softhsm FOUND)
    remote=$(count_cells remote KEY_NOT_IN_MEMORY)
    tpm=$(count_cells tpm KEY_NOT_IN_MEMORY)
    say "" "Found where it must be: $software of 6 with the key in software, $found of 6 with SoftHSM in the process." \
        "Not in memory: $remote of 6 with SoftHSM in another process, $tpm of 4 with the TPM." \
        "The reports for an auditor: ${work#"$repository"/}/*.html" ""
    ((software == 6 && found == 6 && remote == 6 && tpm == 4)) ||
        fail "That is not what was to be shown: the lines above say where."
    say "Proved: with the HSM out of the process the key was in none of the searches, and the same searches find it" \
        "wherever it is. SoftHSM inside the process has the key in the process's memory, whatever hsmzke does."
}

for variable in "${!HSMZKE_@}" "${!OPENSSL_@}" SOFTHSM2_CONF; do
    unset "$variable"
done
prepare
places=$(mktemp -d /tmp/hsmzke-prove.XXXXXX)
chmod 0711 "$places"
trap stop_all EXIT

set_up_softhsm
say "" "(a) The key in software: the same command lines, AES computed in the process"
prove_all software --software --key "$work/key"
say "" "(b) SoftHSM in the process"
prove_all softhsm --no-software --key "$work/key"
say "" "(c) SoftHSM in another process, behind p11-kit's server"
set_up_remote
say "    (its user: $P11_KIT_SERVER_USER; this one: $(id -un))"
prove_all remote --key "$work/key"
say "" "(d) A TPM behind tpm2-pkcs11; by the oracle, for nobody has its key"
set_up_tpm
prove_all tpm --reference hsmzke:gold
conclude
