#!/usr/bin/env bash
# NSS's software token (softokn) in a directory of its own: label "NSS Certificate DB", PIN 1234. It computes inside the
# process that uses it.
#
#     tests/hsm/nss.sh start DIRECTORY    makes DIRECTORY and the token in it; prints the environment for it:
#                                         eval "$(tests/hsm/nss.sh start DIRECTORY)"
#     tests/hsm/nss.sh stop DIRECTORY     removes both
#     tests/hsm/nss.sh version            prints the version of what is installed
#
# Debian packages: libnss3, libnss3-tools.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"

start() {
    local directory module
    module=$(first_file /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so)
    need_programs certutil
    directory=$(make_directory "$1")
    mkdir "$directory/db"
    write_pin "$directory"
    # Keys are encrypted on the disk under the PIN. Making that dear to guess takes some ten milliseconds for each key, in
    # tests with thousands of them minutes, and guards nothing here.
    export NSS_MAX_MP_PBE_ITERATION_COUNT=1
    certutil -N -d "sql:$directory/db" -f "$directory/pin" >"$directory/log"
    write_environment "$directory" "NSS_MAX_MP_PBE_ITERATION_COUNT=$NSS_MAX_MP_PBE_ITERATION_COUNT" \
        "HSMZKE_PKCS11_MODULE=$module" \
        "HSMZKE_PKCS11_INIT_ARGS=configdir='sql:$directory/db' certPrefix='' keyPrefix='' secmod='secmod.db'" \
        "HSMZKE_TOKEN=pkcs11:token=NSS%20Certificate%20DB" "HSMZKE_PIN_SOURCE=file:$directory/pin"
    print_environment "$directory"
}

version() { package_version libnss3; }

main "$@"
