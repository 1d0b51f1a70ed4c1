#!/usr/bin/env bash
# A SoftHSM token behind this system's p11-kit server, in a directory of its own: label prod, PIN 1234. The key is in a
# process of the server's, not in the one that uses it. p11-kit before 0.25 (Debian 12 has 0.24.1) carries AES-ECB and
# no other AES: an HSM that has nothing else.
#
#     tests/hsm/remote-ecb.sh start DIRECTORY    makes DIRECTORY and the token, starts the server; prints the
#                                                environment: eval "$(tests/hsm/remote-ecb.sh start DIRECTORY)"
#     tests/hsm/remote-ecb.sh stop DIRECTORY     ends the server, removes all
#     tests/hsm/remote-ecb.sh version            prints the version of what is installed
#
# Keys are put on the token directly: SOFTHSM2_CONF is in the environment too. Debian packages: softhsm2, p11-kit,
# p11-kit-modules.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"

start() {
    local directory client backend
    client=$(first_file /usr/lib/*/pkcs11/p11-kit-client.so /usr/lib64/pkcs11/p11-kit-client.so)
    need_programs p11-kit
    "$here/softhsm.sh" start "$1" >/dev/null
    directory=$(cd "$1" && pwd)
    room_for_socket "$directory"
    backend=$(sed -n 's/^HSMZKE_PKCS11_MODULE=//p' "$directory/environment")
    export SOFTHSM2_CONF=$directory/softhsm2.conf
    write_environment "$directory" "SOFTHSM2_CONF=$SOFTHSM2_CONF" "P11_KIT_SERVER_ADDRESS=unix:path=$directory/socket" \
        "HSMZKE_PKCS11_MODULE=$client" "HSMZKE_TOKEN=pkcs11:token=$token_label" \
        "HSMZKE_PIN_SOURCE=file:$directory/pin"
    p11-kit server -f --provider "$backend" --name "$directory/socket" "pkcs11:token=$token_label" \
        >"$directory/log" 2>&1 </dev/null &
    echo "$!" >"$directory/pid"
    for _ in {1..200}; do
        [[ ! -S $directory/socket ]] || break
        sleep 0.1
    done
    [[ -S $directory/socket ]] || die "the server does not start: $(cat "$directory/log")"
    print_environment "$directory"
}

stop() {
    local directory pid
    directory=$(cd "$1" && pwd)
    pid=$(cat "$directory/pid" 2>/dev/null) || pid=
    # The process of that number may be another by now.
    if [[ -n $pid ]] && grep -qsF "$directory/socket" "/proc/$pid/cmdline"; then
        kill "$pid"
    fi
    remove_directory "$1"
}

version() { package_version p11-kit; }

main "$@"
