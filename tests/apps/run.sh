#!/usr/bin/env bash
# Unmodified programs of Debian 12 encrypt through the HSM, with nothing but openssl.cnf:
#
#     tests/apps/run.sh BUILD-DIRECTORY [APPLICATION...]
#
# All of them, or those that are named: python, node, php, ... as the scripts beside this one are. The provider and
# token-tool are the build directory's, all files go into BUILD-DIRECTORY/apps. Each check has a line; then comes the
# fail-closed matrix (matrix.sh) as a table, and the last line has how many passed, failed and were skipped. As root it
# installs the programs that are missing, except those whose installation would start a server or replace something:
# these are unpacked in BUILD-DIRECTORY/apps-debian, which is kept. APPS_KEEP=1 keeps BUILD-DIRECTORY/apps as well, to
# look at.
set -euo pipefail

APPS_SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$APPS_SCRIPTS/../.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"

if (($# == 0)) || [[ $1 == --help ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1-} == --help ]] || exit 1
    exit 0
fi
build=$(cd "$1" && pwd)
shift
applications=("$@")
if ((${#applications[@]} == 0)); then
    applications=(enc cms python node node-own php ruby sqlcipher pgcrypto mariadb nginx haproxy openvpn tls tools
        systemd unguarded guards)
fi

# Nothing from the caller's own OpenSSL, SoftHSM or hsmzke set-up may get in here, nor a home directory's settings.
for variable in "${!HSMZKE_@}" "${!OPENSSL_@}" SOFTHSM2_CONF LD_LIBRARY_PATH NODE_OPTIONS PYTHONPATH RUBYOPT; do
    unset "$variable"
done
export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

APPS_WORK=$build/apps
APPS_UNPACKED=$build/apps-debian # kept, so that nothing is fetched twice
export APPS_WORK APPS_UNPACKED APPS_SCRIPTS
export HOME=$APPS_WORK
APPS_CNF=$repository/examples/gateway.cnf
APPS_PKCS11=$(find_softhsm)
APPS_TOKEN_TOOL=$(find "$build/tests" -name token-tool -type f | head -n 1)
APPS_SPY=$(find "$build/tests" -name spy.so -type f | head -n 1)
APPS_UNGUARDED=$(find "$build/tests" -name unguarded -type f | head -n 1)
export APPS_CNF APPS_PKCS11 APPS_TOKEN_TOOL APPS_SPY APPS_UNGUARDED
# shellcheck source=tests/apps/place.sh
source "$APPS_SCRIPTS/place.sh"

install_programs() {
    local node=()
    if package_is_there nodejs && ! ldd /usr/bin/node | grep -q libcrypto; then
        # Another's Node.js. Debian's is unpacked; it wants these in their place.
        node=(node-acorn node-cjs-module-lexer node-undici)
    else
        node=(nodejs)
    fi
    need_packages "${node[@]}" openssl opensc xxd curl python3-cryptography php-cli ruby sqlcipher \
        mariadb-server-core mariadb-client-core ||
        echo "What is missing is skipped."
}

passed=0 failed=0 skipped=0

run_application() { # NAME
    local log=$APPS_WORK/$1.log status=0 count_failed begun=$SECONDS
    timeout -k 10 240 bash "$APPS_SCRIPTS/$1.sh" >"$log" 2>&1 </dev/null || status=$?
    cat "$log"
    count_failed=$(grep -c '^failed: ' "$log" || true)
    if ((status != 0 && count_failed == 0)) || ! grep -qE '^(passed|failed|skipped): ' "$log"; then
        echo "failed: $1: the script itself (status $status)"
        count_failed=$((count_failed + 1))
    fi
    passed=$((passed + $(grep -c '^passed: ' "$log" || true)))
    skipped=$((skipped + $(grep -c '^skipped: ' "$log" || true)))
    failed=$((failed + count_failed))
    echo "$1: $((SECONDS - begun)) s"
}

# The table of all cells that were run. What the documentation says of these applications must be the same, line by line.
print_matrix() {
    local line documentation=$repository/docs/applications.md logs=()
    for application in "${applications[@]}"; do logs+=("$APPS_WORK/$application.log"); done
    bash "$APPS_SCRIPTS/matrix-table.sh" "${logs[@]}" >"$APPS_WORK/matrix"
    [[ -s $APPS_WORK/matrix ]] || return 0
    printf '\nok: fails and makes nothing, or in column 0 works; sw: not preventable, encrypts in software\n'
    cat "$APPS_WORK/matrix"
    while IFS= read -r line; do
        if ! grep -qxF -- "$line" "$documentation"; then
            printf 'failed: docs/applications.md does not have this line of the matrix:\n%s\n' "$line"
            failed=$((failed + 1))
            return
        fi
    done <"$APPS_WORK/matrix"
    echo "passed: docs/applications.md has these lines"
    passed=$((passed + 1))
}

install_programs
make_place
for application in "${applications[@]}"; do
    run_application "$application"
done
print_matrix
[[ -n ${APPS_KEEP-} ]] || rm -rf "$APPS_WORK"
echo "$passed $failed $skipped"
((failed == 0))
