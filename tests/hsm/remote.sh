#!/usr/bin/env bash
# A SoftHSM token behind p11-kit's server, 0.25 or newer, in a directory of its own: label prod, PIN 1234. The key is in
# a process of the server's, which is another user's where root starts it; what uses the client module holds no key.
#
#     tests/hsm/remote.sh start DIRECTORY    makes DIRECTORY and the token, starts the server; prints the environment:
#                                            eval "$(tests/hsm/remote.sh start DIRECTORY)"
#     tests/hsm/remote.sh stop DIRECTORY     ends the server, removes all
#     tests/hsm/remote.sh version            prints the version of what is installed
#
# `tests/hsm/p11-kit.sh build` makes p11-kit 0.25 where the system's is older; P11_KIT_BUILD names the build directory if
# that is not build-tests. No client may be at work when it is stopped: p11-kit's raises SIGPIPE.
# Debian packages: softhsm2, p11-kit, p11-kit-modules.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"
# shellcheck source=tests/hsm/server.sh
source "$here/server.sh"

start() {
    local lines
    need_programs softhsm2-util
    find_p11_kit
    lines=$("$here/p11-kit.sh" start "$1" ${P11_KIT_BUILD:+"$P11_KIT_BUILD"})
    eval "$lines"
    # It looks at the configuration even where the module is another.
    if ! SOFTHSM2_CONF=$1/hsm/softhsm2.conf softhsm2-util --module "$client" --init-token --free \
        --label "$token_label" --so-pin "$token_so_pin" --pin "$token_pin" >>"$1/log" 2>&1; then
        tail -n 3 "$1/log" >&2
        stop_server "$1"
        die "the token cannot be made"
    fi
    write_client_environment "$1" "$P11_KIT_SERVER_USER" "HSMZKE_TOKEN=pkcs11:token=$token_label"
}

stop() { stop_server "$1"; }

version() { p11_kit_version; }

main "$@"
