#!/usr/bin/env bash
# A SoftHSM token in a directory of its own: label prod, PIN 1234. It computes inside the process that uses it.
#
#     tests/hsm/softhsm.sh start DIRECTORY    makes DIRECTORY and the token in it; prints the environment for it:
#                                             eval "$(tests/hsm/softhsm.sh start DIRECTORY)"
#     tests/hsm/softhsm.sh stop DIRECTORY     removes both
#     tests/hsm/softhsm.sh version            prints the version of what is installed
#
# Debian package: softhsm2.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"

start() {
    local directory module
    module=$(first_file /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so)
    need_programs softhsm2-util
    directory=$(make_directory "$1")
    mkdir "$directory/tokens"
    printf '%s\n' "directories.tokendir = $directory/tokens" "objectstore.backend = file" "log.level = ERROR" \
        "slots.removable = false" >"$directory/softhsm2.conf"
    write_pin "$directory"
    SOFTHSM2_CONF=$directory/softhsm2.conf softhsm2-util --init-token --free --label "$token_label" \
        --so-pin "$token_so_pin" --pin "$token_pin" >"$directory/log"
    write_environment "$directory" "SOFTHSM2_CONF=$directory/softhsm2.conf" "HSMZKE_PKCS11_MODULE=$module" \
        "HSMZKE_TOKEN=pkcs11:token=$token_label" "HSMZKE_PIN_SOURCE=file:$directory/pin"
    print_environment "$directory"
}

version() { package_version softhsm2; }

main "$@"
