# shellcheck shell=bash
# A server of p11-kit's, in a process of its own and of another user where root starts it: for the scripts here to source.
# It has its files in DIRECTORY/hsm/, where its socket is too, and its number in DIRECTORY/pid.

server_user=nobody
start_seconds=20

# Becomes a command of the user that the server has.
exec_as() { # USER COMMAND...
    local user=$1
    shift
    [[ $user == "$(id -un)" ]] || exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    exec "$@"
}

as_server() ( exec_as "$@" ) # USER COMMAND...

# Makes DIRECTORY and the server's own in it; prints the latter's path.
make_store() { # DIRECTORY
    local store
    mkdir -m 0711 "$1" 2>/dev/null || die "$1: cannot be made, or is there already (stop $1?)"
    store=$(cd "$1" && pwd -P)/hsm
    ((${#store} < 100)) || die "the path of a socket has at most 107 bytes: $store/socket"
    mkdir -m 0700 "$store"
    printf '%s\n' "$store"
}

# Another user where root can be one that gets at the program and the module; else ours. The store becomes that user's.
choose_user() { # PROGRAM MODULE STORE
    local user
    user=$(id -un)
    if ((EUID == 0)) && id "$server_user" >/dev/null 2>&1; then
        chown "$server_user" "$3"
        if as_server "$server_user" test -x "$1" -a -r "$2" -a -w "$3"; then
            user=$server_user
        else
            chown root "$3"
            echo "${0##*/}: the server runs as root: $server_user cannot get at $1, $2 or $3" >&2
        fi
    fi
    printf '%s\n' "$user"
}

# In a session of its own: it and the processes that it makes for its clients are ended together.
start_server() { # DIRECTORY USER COMMAND...
    local directory=$1 waited=0
    shift
    directory=$(cd "$directory" && pwd -P)
    (
        cd /
        exec_as "$1" setsid "${@:2}" </dev/null >"$directory/log" 2>&1 &
        echo $! >"$directory/pid"
    )
    until [[ -S $directory/hsm/socket ]]; do
        sleep 0.05
        waited=$((waited + 1))
        if ((waited >= start_seconds * 20)) || [[ ! -d /proc/$(<"$directory/pid") ]]; then
            echo "${0##*/}: the server does not start: $(cat "$directory/log")" >&2
            stop_server "$directory"
            exit 1
        fi
    done
}

# Ends the server; its files stay, and another can start there.
end_server() { # DIRECTORY SIGNAL
    local directory pid waited=0
    [[ -f $1/pid && -d $1/hsm ]] || die "no server was started in $1"
    directory=$(cd "$1" && pwd -P)
    pid=$(<"$directory/pid")
    # The process of that number may be another by now; of one that nobody has waited for this is empty.
    if grep -qsF "$directory/hsm" "/proc/$pid/cmdline"; then
        kill "-$2" -- "-$pid"
        while grep -qsF "$directory/hsm" "/proc/$pid/cmdline" && ((waited < 100)); do
            sleep 0.05
            waited=$((waited + 1))
        done
    fi
    rm -f -- "$directory/hsm/socket"
}

# Ends the server and removes all.
stop_server() { # DIRECTORY
    end_server "$1" "${stop_signal:-TERM}"
    rm -rf -- "$(cd "$1" && pwd -P)"
}

# Where p11-kit 0.25 or newer is: P11_KIT_BUILD is the build directory in which p11-kit.sh has built one. Sets prefix and
# client.
# shellcheck disable=SC2034,SC2154  # they, and here, are the scripts'
find_p11_kit() {
    prefix=$("$here/p11-kit.sh" where ${P11_KIT_BUILD:+"$P11_KIT_BUILD"}) || exit
    client=$("$here/p11-kit.sh" client ${P11_KIT_BUILD:+"$P11_KIT_BUILD"})
}

# What a program needs that is the server's client: of this user only, as the server is of another.
write_client_environment() { # DIRECTORY USER NAME=VALUE...
    local directory
    directory=$(cd "$1" && pwd -P)
    write_pin "$directory"
    write_environment "$directory" "HSMZKE_PKCS11_MODULE=$client" \
        "P11_KIT_SERVER_ADDRESS=unix:path=$directory/hsm/socket" "P11_KIT_SERVER_USER=$2" \
        "HSMZKE_PIN_SOURCE=file:$directory/pin" "${@:3}"
    print_environment "$directory"
}

p11_kit_version() {
    find_p11_kit
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --modversion p11-kit-1
}
