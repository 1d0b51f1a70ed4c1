#!/usr/bin/env bash
# NSS's software token (softokn) behind p11-kit's server, 0.25 or newer, in a directory of its own: label "NSS Certificate
# DB", PIN 1234. The key is in a process of the server's, which is another user's where root starts it.
#
#     tests/hsm/nss-remote.sh start DIRECTORY    makes DIRECTORY and the token, starts the server; prints the environment:
#                                                eval "$(tests/hsm/nss-remote.sh start DIRECTORY)"
#     tests/hsm/nss-remote.sh stop DIRECTORY     ends the server, removes all
#     tests/hsm/nss-remote.sh version            prints the version of what is installed
#
# `tests/hsm/p11-kit.sh build` makes p11-kit 0.25 where the system's is older; P11_KIT_BUILD names the build directory if
# that is not build-tests. No client may be at work when it is stopped: p11-kit's raises SIGPIPE.
# Debian packages: libnss3, libnss3-tools, p11-kit, p11-kit-modules.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"
# shellcheck source=tests/hsm/server.sh
source "$here/server.sh"

token_uri=pkcs11:token=NSS%20Certificate%20DB

# NSS wants an init string, and the server's command line has none: it comes from a configuration of p11-kit's for the
# server alone, in place of the system's.
write_configuration() { # STORE MODULE
    mkdir -p "$1/config/pkcs11/modules" "$1/db"
    echo 'user-config: only' >"$1/config/pkcs11/pkcs11.conf"
    printf '%s\n' "module: $2" \
        "x-init-reserved: configdir='sql:$1/db' certPrefix='' keyPrefix='' secmod='secmod.db'" \
        >"$1/config/pkcs11/modules/nss.module"
    printf '%s\n' "$token_pin" >"$1/pin"
    chown -R --reference="$1" "$1"
}

start() {
    local module store user
    module=$(first_file /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so)
    need_programs certutil
    find_p11_kit
    store=$(make_store "$1")
    user=$(choose_user "$prefix/bin/p11-kit" "$module" "$store")
    if [[ $user == root ]]; then
        rm -rf -- "$1"
        leave_out "p11-kit reads no configuration of root's own, and there is no other user for the server"
    fi
    write_configuration "$store" "$module"
    # As in nss.sh: keys are read fast, and the PIN is cheap to guess.
    export NSS_MAX_MP_PBE_ITERATION_COUNT=1 HOME=$store XDG_CONFIG_HOME=$store/config
    as_server "$user" certutil -N -d "sql:$store/db" -f "$store/pin" >/dev/null
    start_server "$1" "$user" "$prefix/bin/p11-kit" server -f --name "$store/socket" "$token_uri"
    write_client_environment "$1" "$user" "HSMZKE_TOKEN=$token_uri"
}

stop() { stop_server "$1"; }

version() { p11_kit_version; }

main "$@"
