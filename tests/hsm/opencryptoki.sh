#!/usr/bin/env bash
# openCryptoki's software token behind p11-kit's server, 0.25 or newer: label prod, PIN 1234. For root only. openCryptoki
# has its places all over the system (/var/lib/opencryptoki, /run, /dev/shm, shared memory) and a daemon, pkcsslotd:
# daemon and server run in namespaces of their own, where these are empty and in memory, and are gone when they end.
#
#     tests/hsm/opencryptoki.sh start DIRECTORY    makes DIRECTORY and the token, starts the server; prints the
#                                                  environment: eval "$(tests/hsm/opencryptoki.sh start DIRECTORY)"
#     tests/hsm/opencryptoki.sh stop DIRECTORY     ends the server, removes all
#     tests/hsm/opencryptoki.sh version            prints the version of what is installed
#
# `tests/hsm/p11-kit.sh build` makes p11-kit 0.25 where the system's is older; P11_KIT_BUILD names the build directory if
# that is not build-tests. No client may be at work when it is stopped: p11-kit's raises SIGPIPE.
# Debian packages: opencryptoki, opensc, p11-kit, p11-kit-modules.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"
# shellcheck source=tests/hsm/server.sh
source "$here/server.sh"

# What a token of openCryptoki's begins with.
first_so_pin=87654321 first_pin=12345
stop_signal=KILL # TERM does not end the first process of a namespace

# --- In the namespaces

make_places() {
    local place
    for place in /run /dev/shm /var/log /var/lib/opencryptoki /etc/opencryptoki; do
        mount -t tmpfs -o mode=0755 tmpfs "$place"
    done
    chmod 1777 /dev/shm
    printf 'version opencryptoki-3.1\nslot 3\n{\nstdll = libpkcs11_sw.so\n}\n' >/etc/opencryptoki/opencryptoki.conf
    install -d -m 0770 -g pkcs11 /run/lock /run/lock/opencryptoki /run/lock/opencryptoki/swtok /var/log/opencryptoki \
        /var/lib/opencryptoki /var/lib/opencryptoki/swtok /var/lib/opencryptoki/swtok/TOK_OBJ
    chmod 0755 /run/lock
}

# openCryptoki's users are root and those who are named in the group pkcs11.
admit() { # USER
    getent group | sed "/^pkcs11:/{s/:\$/:$1/;t;s/\$/,$1/}" >/run/group
    mount --bind /run/group /etc/group
}

# A user PIN that the SO has set must be changed before the token does anything.
make_token() { # MODULE
    local tool=(pkcs11-tool --module "$1" --slot 3)
    "${tool[@]}" --init-token --label "$token_label" --so-pin "$first_so_pin"
    "${tool[@]}" --login --login-type so --so-pin "$first_so_pin" --change-pin --new-pin "$token_so_pin"
    "${tool[@]}" --login --login-type so --so-pin "$token_so_pin" --init-pin --new-pin "$first_pin"
    "${tool[@]}" --login --pin "$first_pin" --change-pin --new-pin "$token_pin"
}

inside() { # DIRECTORY/hsm PREFIX MODULE USER
    make_places
    pkcsslotd
    make_token "$3"
    admit "$4"
    exec setpriv --reuid="$4" --regid=pkcs11 --clear-groups -- \
        "$2/bin/p11-kit" server -f --provider "$3" --name "$1/socket" "pkcs11:token=$token_label"
}

# --- Outside

start() {
    local module store user
    ((EUID == 0)) || leave_out "openCryptoki's daemon is for root only"
    module=$(first_file /usr/lib/*/opencryptoki/libopencryptoki.so.0 /usr/lib64/opencryptoki/libopencryptoki.so)
    need_programs pkcsslotd pkcs11-tool
    unshare --mount --ipc --pid --fork true 2>/dev/null || leave_out "this root may make no namespaces"
    find_p11_kit
    store=$(make_store "$1")
    user=$(choose_user "$prefix/bin/p11-kit" "$module" "$store")
    start_server "$1" root unshare --mount --ipc --pid --mount-proc --fork --kill-child \
        "$here/opencryptoki.sh" inside "$store" "$prefix" "$module" "$user"
    # openCryptoki does not count an imported key's bytes, and hsmzke wants to know that it has 32.
    write_client_environment "$1" "$user" "HSMZKE_TOKEN=pkcs11:token=$token_label" TOKEN_TOOL_LENGTH=yes
}

stop() { stop_server "$1"; }

version() { package_version opencryptoki; }

if [[ ${1-} == inside ]]; then
    inside "${@:2}"
fi
main "$@"
