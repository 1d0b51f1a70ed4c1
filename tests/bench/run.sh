#!/usr/bin/env bash
# What EVP through hsmzke costs beside bare PKCS#11, on SoftHSM, what an audit log costs, and what the gateway costs
# programs with raw keys beside the default provider, in one run:
#
#     tests/bench/run.sh [BUILD-DIRECTORY [ROUNDS [SECONDS]]]
#
# BUILD-DIRECTORY is build-tests/ if not given, and is set up and compiled if need be. A private token with a
# token object as its key is made in it and removed again. The figures mean something on an idle machine.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"

if [[ ${1-} == --help ]] || (($# > 3)); then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1-} == --help ]] || exit 1
    exit 0
fi
build=${1:-$repository/build-tests}

if [[ ! -f $build/build.ninja ]]; then
    meson setup "$build" "$repository" >/dev/null
fi
meson compile -C "$build" >/dev/null
build=$(cd "$build" && pwd)

for variable in "${!HSMZKE_@}" "${!OPENSSL_@}"; do
    unset "$variable"
done
module=$(find_softhsm)
work=$build/bench-work
rm -rf "$work"
mkdir -m 0700 "$work"
trap 'rm -rf "$work"' EXIT
mkdir "$work/tokens"
cat >"$work/softhsm2.conf" <<END
directories.tokendir = $work/tokens
objectstore.backend = file
log.level = ERROR
END
export SOFTHSM2_CONF=$work/softhsm2.conf

pin=$(openssl rand -hex 12)
key=$(openssl rand -hex 32)
printf '%s\n' "$pin" >"$work/pin"
token_tool=$(find "$build/tests" -name token-tool -type f)
"$token_tool" "$module" init hsmzke-bench "$(openssl rand -hex 12)" "$pin" >/dev/null
printf 'bench %s\n' "$key" | "$token_tool" "$module" import hsmzke-bench "$pin" >/dev/null

cat >"$work/openssl.cnf" <<END
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
alg_section = algorithm_sect
[algorithm_sect]
default_properties = provider=hsmzke
[provider_sect]
null = null_sect
hsmzke = hsmzke_sect
[null_sect]
activate = 1
[hsmzke_sect]
module = "$build/provider/hsmzke.so"
activate = 1
pkcs11-module = "$module"
token = pkcs11:token=hsmzke-bench
pin-source = "file:$work/pin"
sessions = 8
END

"$build/tests/bench/bench" "$module" hsmzke-bench "$work/pin" bench "$key" "$work/openssl.cnf" \
    "${@:2}"

# The same with an audit log, in a file.
sed "s|^sessions = 8\$|&\naudit = file:$work/audit.log|" "$work/openssl.cnf" >"$work/audit.cnf"
echo
"$build/tests/bench/bench-audit" "$work/openssl.cnf" "$work/audit.cnf" bench "${@:2}"

# The same with raw keys, in software on both sides.
sed 's/^sessions = 8$/raw-keys = software/' "$work/openssl.cnf" >"$work/raw.cnf"
echo
"$build/tests/bench/bench-gateway" "$work/raw.cnf" "${@:2}"

# starts CONFIG: microseconds for a start of openssl version, the median of 101
starts() {
    local i begin
    for ((i = 0; i < 101; i++)); do
        begin=${EPOCHREALTIME/./}
        OPENSSL_CONF=$1 openssl version >/dev/null
        echo $((${EPOCHREALTIME/./} - begin))
    done | sort -n | sed -n 51p
}

plain=$(starts /dev/null)
gateway=$(starts "$work/raw.cnf")
printf '\nStart of openssl version: %d us, under the gateway %d us: %d us more, goal: at most 3000, %s\n' \
    "$plain" "$gateway" $((gateway - plain)) "$( ((gateway - plain <= 3000)) && echo reached || echo NOT reached)"
