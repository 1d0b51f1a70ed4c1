#!/usr/bin/env bash
# An HSM out of process for tests: SoftHSM behind p11-kit's server, in a process of its own, and of another user
# where root starts it. What uses the client module holds no key.
#
#     tests/hsm/p11-kit.sh packages             names the Debian packages that `build` or `start` need
#     tests/hsm/p11-kit.sh build [BUILD]        p11-kit 0.25 or newer: the system's, or built in BUILD/p11-kit/
#     tests/hsm/p11-kit.sh where [BUILD]        the prefix of what there is; status 77 and a reason if there is none
#     tests/hsm/p11-kit.sh client [BUILD]       its client, the PKCS#11 module of programs
#     eval "$(tests/hsm/p11-kit.sh start DIRECTORY [BUILD])"
#     tests/hsm/p11-kit.sh kill DIRECTORY           the server dies, as in a crash
#     tests/hsm/p11-kit.sh restart DIRECTORY [BUILD]
#     tests/hsm/p11-kit.sh stop DIRECTORY
#
# BUILD is build-tests/ if not given. Only `build` downloads, and only where the system's p11-kit is older, as
# Debian 12's is, which carries no AES but ECB: the source package of Debian 13, from the mirror that apt uses here.
#
# `start` makes DIRECTORY, begins with an empty token store, and prints what a shell then has to set:
# HSMZKE_PKCS11_MODULE, the client module, and P11_KIT_SERVER_ADDRESS. A token is made through it:
#
#     softhsm2-util --module "$HSMZKE_PKCS11_MODULE" --init-token --free --label prod
#
# `kill` leaves the tokens, and `restart` begins a server with them where the old one was. `stop` ends the server and
# removes DIRECTORY. With a token made and its PIN in a file: remote.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"
# shellcheck source=tests/hsm/common.sh
source "$here/common.sh"
# shellcheck source=tests/hsm/server.sh
source "$here/server.sh"

release=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'p11-kit.sh: %s\n' "$*" >&2; }

system_is_new() { pkg-config --atleast-version=0.25 p11-kit-1 2>/dev/null; }

packages() {
    if system_is_new; then
        echo p11-kit p11-kit-modules softhsm2
    else
        echo gcc libc6-dev meson ninja-build pkg-config xz-utils libffi-dev libtasn1-6-dev debian-archive-keyring softhsm2
    fi
}

# --- What there is

client_of() { # PREFIX
    if [[ $1 == /usr ]]; then
        printf '%s/p11-kit-client.so\n' "$(pkg-config --variable=p11_module_path p11-kit-1)"
    else
        printf '%s/lib/pkcs11/p11-kit-client.so\n' "$1"
    fi
}

prefix_of() { # BUILD
    if system_is_new; then
        echo /usr
    else
        echo "$1/p11-kit/prefix"
    fi
}

is_there() { [[ -x $1/bin/p11-kit && -f $(client_of "$1") ]]; } # PREFIX

where() { # BUILD
    local prefix
    prefix=$(prefix_of "$1")
    is_there "$prefix" ||
        leave_out "there is no p11-kit 0.25 or newer in $prefix; tests/run.sh or 'tests/hsm/p11-kit.sh build' makes it"
    printf '%s\n' "$prefix"
}

# --- Building it

# The upstream archive of the source package. apt checks it against the index, and that against the keyring.
download() ( # DIRECTORY
    local options mirror
    [[ -f $keyring ]] || leave_out "there is no $keyring to check p11-kit's source with"
    mirror=$(debian_mirror) || leave_out "apt has no Debian mirror here to take p11-kit's source from"
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    cd "$1"
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$mirror" "$release" "$keyring" >debian.sources
    options=(-q -o "Dir::Etc::sourcelist=$PWD/debian.sources" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/cache" -o "APT::Sandbox::User=$(id -un)")
    if ! apt-get "${options[@]}" -o APT::Update::Error-Mode=any update ||
        ! apt-get "${options[@]}" source --download-only --tar-only "p11-kit/$release"; then
        leave_out "p11-kit's source package could not be had"
    fi
)

compile() ( # SOURCE PREFIX
    cd "$1"
    # With the path in them nothing loads the system's older library by mistake.
    LDFLAGS="${LDFLAGS-} -Wl,-rpath,$2/lib" meson setup built --prefix="$2" --libdir=lib \
        -Dsystem_config="$2/etc/pkcs11" -Dtrust_module=disabled -Dsystemd=disabled -Dbash_completion=disabled \
        -Dnls=false -Dtest=false
    meson compile -C built
    meson install -C built
)

build() { # BUILD
    local room=$1/p11-kit prefix source
    prefix=$(prefix_of "$1")
    if is_there "$prefix"; then
        say "p11-kit is in $prefix"
        return
    fi
    if system_is_new; then die "packages are missing: $(packages)"; fi
    rm -rf "$room"
    mkdir -p "$room/source"
    room=$(cd "$room" && pwd)
    download "$room/download"
    tar -xf "$room/download"/p11-kit_*.orig.tar.xz -C "$room/source"
    source=$(echo "$room"/source/*)
    # Into place as a whole, so that what is there is complete.
    compile "$source" "$room/prefix"
    rm -rf "$room/source" "$room/download"
    say "p11-kit $(PKG_CONFIG_PATH=$room/prefix/lib/pkgconfig pkg-config --modversion p11-kit-1) is in $room/prefix"
}

# --- A server

# On the tokens that DIRECTORY has.
serve() { # DIRECTORY PREFIX
    local module store
    module=$(find_softhsm) || leave_out "there is no SoftHSM"
    store=$(cd "$1" && pwd -P)/hsm
    SOFTHSM2_CONF=$store/softhsm2.conf start_server "$1" "$(<"$1/user")" \
        "$2/bin/p11-kit" server -f --provider "$module" --name "$store/socket" pkcs11:
}

start() { # DIRECTORY BUILD
    local prefix module store user
    prefix=$(where "$2")
    module=$(find_softhsm) || leave_out "there is no SoftHSM"
    store=$(make_store "$1")
    user=$(choose_user "$prefix/bin/p11-kit" "$module" "$store")
    as_server "$user" mkdir -m 0700 "$store/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n' \
        "$store/tokens" | as_server "$user" tee "$store/softhsm2.conf" >/dev/null
    printf '%s\n' "$user" >"$1/user"
    serve "$1" "$prefix"
    printf 'export HSMZKE_PKCS11_MODULE=%q\nexport P11_KIT_SERVER_ADDRESS=%q\nexport P11_KIT_SERVER_USER=%q\n' \
        "$(client_of "$prefix")" "unix:path=$store/socket" "$user"
}

case "${1-}/$#" in
packages/1) packages ;;
build/[12]) build "${2:-$repository/build-tests}" ;;
where/[12]) where "${2:-$repository/build-tests}" ;;
client/[12])
    prefix=$(where "${2:-$repository/build-tests}")
    client_of "$prefix"
    ;;
start/[23]) start "$2" "${3:-$repository/build-tests}" ;;
kill/2) end_server "$2" KILL ;;
restart/[23]) serve "$2" "$(where "${3:-$repository/build-tests}")" ;;
stop/2) stop_server "$2" ;;
*)
    show_help
    [[ ${1-} == --help ]]
    ;;
esac
