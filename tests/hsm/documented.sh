#!/usr/bin/env bash
# docs/hsm-setup.md is true: its command lines ("    $ ...") are run, those of its first block with each script that the
# table above it names.
#
#     tests/hsm/documented.sh BUILD
#
# BUILD is a build directory. What the lines put into /tmp/ goes into a directory of this run, and their build/ is BUILD.
# The output is TAP. With HSMZKE_TEST_QUICK set, a TPM and openCryptoki are left out.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
page=$repository/docs/hsm-setup.md
slow='tpm2 opencryptoki'
count=0 failed=0

if (($# != 1)) || [[ $1 == --help ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1-} == --help ]] && exit 0
    exit 1
fi
build=$(cd "$1" && pwd)

# The scripts that the first table names.
# shellcheck disable=SC2016  # the page's own
scripts() { sed -n 's/^| `\([a-z0-9-]*\)\.sh` |.*/\1/p' "$page"; }

# commands SECTION: those of a section, with this run's paths
commands() {
    awk -v section="## $1" '
        /^## / { here = $0 == section }
        here && (more || sub(/^    \$ /, "")) { print; more = /\\$/ }' "$page" |
        sed "s#/tmp/#$work/#g; s#build/provider#$build/provider#g"
}

# Ends what a failed run has left.
tidy() {
    if [[ -d $work/hsm ]]; then "$repository/tests/hsm/$1.sh" stop "$work/hsm" >/dev/null 2>&1 || true; fi
    rm -rf -- "$work"
}

# run NAME SCRIPT SED-EXPRESSION SECTION: one test
run() {
    local status=0 log
    count=$((count + 1))
    work=$(mktemp -d)
    chmod 0711 "$work" # for another user's server
    log=$work/log
    { echo 'set -euo pipefail' && commands "$4" | sed "$3"; } >"$work/commands"
    (($(wc -l <"$work/commands") > 2)) || status=99
    ((status != 0)) || (cd "$repository" && P11_KIT_BUILD=$build bash "$work/commands") >"$log" 2>&1 || status=$?
    if ((status == 0)); then
        echo "ok $count $1"
    elif ((status == 77)); then
        echo "ok $count $1 # SKIP $(tail -n 1 "$log")"
    else
        sed 's/^/# /' "$work/commands" "$log"
        echo "not ok $count $1"
        failed=$((failed + 1))
    fi
    tidy "$2"
}

for variable in "${!HSMZKE_PKCS11@}" "${!OPENSSL_@}" SOFTHSM2_CONF HSMZKE_TOKEN HSMZKE_PIN_SOURCE; do
    unset "$variable"
done
export HSMZKE_KEY_POLICY=off
mapfile -t names < <(scripts)
for name in "${names[@]}"; do
    if [[ -n ${HSMZKE_TEST_QUICK-} && " $slow " == *" $name "* ]]; then
        echo "# not in the quick form: $name"
        continue
    fi
    edit="s/^hsm=.*/hsm=$name/"
    [[ $name != tpm2 ]] || edit="$edit;/genpkey/d"
    run "a key and a message: $name" "$name" "$edit" "Tokens to try it with"
done
run "another user's process" remote '' "SoftHSM as another user's process"
[[ -n ${HSMZKE_TEST_QUICK-} ]] || run "a known key in a TPM" tpm2 '' "TPM"
echo "1..$count"
((failed == 0 && count >= 6))
