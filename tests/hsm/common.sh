# shellcheck shell=bash
# What the scripts of this directory share.  Each makes a token for trying and testing hsmzke, with all of its files in
# a directory that is given, and nothing anywhere else.  For them to source: they define start, version (which one is
# installed), and stop where there is more to it than removing the directory, and end in `main "$@"`.

# shellcheck disable=SC2034  # the scripts use them
# The user PIN of all these tokens, unless a test wants another. They hold keys for tests, and no others.
token_pin=${HSMZKE_TEST_TOKEN_PIN:-1234} token_so_pin=12345678 token_label=prod # where the module lets one choose

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# What is not there leaves tests out: meson's status for that, and the reason.
leave_out() {
    echo "${0##*/}: $*" >&2
    exit 77
}

# The comment at the top of the script, without its first line.
show_help() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }

# first_file PATTERN...: the first that there is
first_file() {
    local file
    for file in "$@"; do
        if [[ -e $file ]]; then
            printf '%s\n' "$file"
            return
        fi
    done
    leave_out "there is no ${1##*/} in the usual places: install the Debian packages that docs/hsm-setup.md names"
}

# need_programs NAME...
need_programs() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null ||
            leave_out "there is no $name: install the Debian packages that docs/hsm-setup.md names"
    done
}

# make_directory DIRECTORY: a new private one; prints its absolute path
make_directory() {
    mkdir -m 0700 "$1" 2>/dev/null || die "$1: cannot be made, or is there already (stop $1?)"
    (cd "$1" && pwd)
}

# The name of a socket has little room.
room_for_socket() { # DIRECTORY
    ((${#1} < 90)) || die "$1: too long a name for a socket in it"
}

write_pin() { (umask 077 && printf '%s\n' "$token_pin" >"$1/pin"); }

# write_environment DIRECTORY NAME=VALUE...: what a program that uses the token must have in its environment
write_environment() {
    local directory=$1
    shift
    printf '%s\n' "$@" >"$directory/environment"
}

# The same for a shell: lines for eval.
print_environment() {
    local line
    while IFS= read -r line; do
        printf 'export %s=%q\n' "${line%%=*}" "${line#*=}"
    done <"$1/environment"
}

# remove_directory DIRECTORY: only one that a script here has made
remove_directory() {
    [[ -f $1/environment ]] || die "$1: not a directory of these scripts"
    rm -rf -- "$1"
}

stop() { remove_directory "$1"; } # DIRECTORY

# package_version PACKAGE: the upstream part of what is installed
package_version() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | sed -E 's/^[0-9]+://; s/[-+~].*//' || echo unknown
}

# main start DIRECTORY | stop DIRECTORY | version | --help
main() {
    case "$#${1-}" in
    1version) version ;;
    2start) start "$2" ;;
    2stop) stop "$2" ;;
    *)
        show_help
        [[ ${1-} == --help ]]
        ;;
    esac
}
