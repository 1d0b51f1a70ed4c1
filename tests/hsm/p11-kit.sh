#!/usr/bin/env bash
# An HSM out of process for tests: SoftHSM behind p11-kit's server, in a process of its own, and of another user
# where root starts it. What uses the client module holds no key.
#
#     tests/hsm/p11-kit.sh packages             names the Debian packages that `build` or `start` need
#     tests/hsm/p11-kit.sh build [BUILD]        p11-kit 0.25 or newer: the system's, or built in BUILD/p11-kit/
#     tests/hsm/p11-kit.sh where [BUILD]        the prefix of what there is; status 77 and a reason if there is none
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
# removes DIRECTORY.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"

release=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
server_user=nobody
start_seconds=10

say() { printf 'p11-kit.sh: %s\n' "$*" >&2; }

die() {
    say "$@"
    exit 1
}

# What there is not leaves tests out: meson's status for that.
leave_out() {
    say "$@"
    exit 77
}

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

# Becomes a command of the user that the server has.
exec_as() { # USER COMMAND...
    local user=$1
    shift
    [[ $user == "$(id -un)" ]] || exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    exec "$@"
}

as_server() ( exec_as "$@" ) # USER COMMAND...

# Another user where root can be one that gets at the programs; else ours.
choose_user() { # PREFIX MODULE STORE
    local user
    user=$(id -un)
    if ((EUID == 0)) && id "$server_user" >/dev/null 2>&1; then
        chown "$server_user" "$3"
        if as_server "$server_user" test -x "$1/bin/p11-kit" -a -r "$2" -a -w "$3"; then
            user=$server_user
        else
            chown root "$3"
            say "the server runs as root: $server_user cannot get at $1, $2 or $3"
        fi
    fi
    printf '%s\n' "$user"
}

# In a session of its own: it and the process that it makes for each client are ended together.
serve() { # DIRECTORY PREFIX
    local module store user socket waited=0
    module=$(find_softhsm)
    store=$(cd "$1" && pwd -P)/hsm
    socket=$store/socket
    user=$(<"$1/user")
    (
        cd /
        export SOFTHSM2_CONF=$store/softhsm2.conf
        exec_as "$user" setsid "$2/bin/p11-kit" server -f --provider "$module" --name "$socket" pkcs11: \
            </dev/null >"$1/log" 2>&1 &
        echo $! >"$1/pid"
    )
    until [[ -S $socket ]]; do
        sleep 0.05
        waited=$((waited + 1))
        ((waited < start_seconds * 20)) || die "the server does not start: $(cat "$1/log")"
    done
}

start() { # DIRECTORY BUILD
    local prefix module store user socket
    prefix=$(where "$2")
    module=$(find_softhsm) || leave_out "there is no SoftHSM"
    mkdir -m 0711 "$1" || die "$1 must not be there"
    store=$(cd "$1" && pwd -P)/hsm
    socket=$store/socket
    ((${#socket} < 108)) || die "the path of a socket has at most 107 bytes: $socket"
    mkdir -m 0700 "$store"
    user=$(choose_user "$prefix" "$module" "$store")
    as_server "$user" mkdir -m 0700 "$store/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n' \
        "$store/tokens" | as_server "$user" tee "$store/softhsm2.conf" >/dev/null
    printf '%s\n' "$user" >"$1/user"
    serve "$1" "$prefix"
    printf 'export HSMZKE_PKCS11_MODULE=%q\nexport P11_KIT_SERVER_ADDRESS=%q\nexport P11_KIT_SERVER_USER=%q\n' \
        "$(client_of "$prefix")" "unix:path=$socket" "$user"
}

end_server() { # DIRECTORY SIGNAL
    local pid socket waited=0
    [[ -f $1/pid && -d $1/hsm ]] || die "no server was started in $1"
    pid=$(<"$1/pid")
    socket=$(cd "$1" && pwd -P)/hsm/socket
    # The process of that number may be another by now; of one that nobody has waited for this is empty.
    if grep -qsF "$socket" "/proc/$pid/cmdline"; then
        kill "-$2" -- "-$pid"
        while grep -qsF "$socket" "/proc/$pid/cmdline" && ((waited < 100)); do
            sleep 0.05
            waited=$((waited + 1))
        done
    fi
    # Another starts when this is there again.
    rm -f "$1/hsm/socket"
}

stop() { # DIRECTORY
    end_server "$1" TERM
    rm -rf "$1"
}

case "${1-}/$#" in
packages/1) packages ;;
build/[12]) build "${2:-$repository/build-tests}" ;;
where/[12]) where "${2:-$repository/build-tests}" ;;
start/[23]) start "$2" "${3:-$repository/build-tests}" ;;
kill/2) end_server "$2" KILL ;;
restart/[23]) serve "$2" "$(where "${3:-$repository/build-tests}")" ;;
stop/2) stop "$2" ;;
*)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1-} == --help ]] || exit 1
    ;;
esac
