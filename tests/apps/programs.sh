# shellcheck shell=bash
# Programs for the applications' tests that are not installed; sourced by lib.sh.
#
# shellcheck disable=SC2034  # not every script uses every variable

# Is OpenSSL a library of its own to this program?
uses_libcrypto() { ldd "$1" 2>/dev/null | grep -q 'libcrypto\.so\.3'; }

# find_program PATH PACKAGE [VERSION]: sets `program` to Debian's: the one that is installed, else one that is unpacked in
# the build directory, for installing would start a server or replace what is there
find_program() {
    local libraries
    program=()
    if [[ -x $1 ]] && uses_libcrypto "$1" && dpkg -S "$(readlink -f "$1")" >/dev/null 2>&1; then
        program=("$1")
        return 0
    fi
    unpack "$2" "${3-}" && [[ -x $APPS_UNPACKED$1 ]] || return
    libraries=$APPS_UNPACKED/usr/lib/$(gcc -print-multiarch):$APPS_UNPACKED/lib/$(gcc -print-multiarch)
    program=(env "LD_LIBRARY_PATH=$libraries" "$APPS_UNPACKED$1")
    ! "${program[@]:0:2}" ldd "$APPS_UNPACKED$1" | grep 'not found'
}

# unpack PACKAGE [VERSION]: the package and what it needs and is not installed, as far as apt can have it
unpack() {
    local wanted=$1${2:+=$2} parts
    [[ ! -e $APPS_UNPACKED/.$1 ]] || return 0
    parts=$(apt-get -s -y --no-install-recommends --allow-downgrades install "$wanted" 2>/dev/null |
        awk '$1 == "Inst" { version = $3 ~ /^\[/ ? $4 : $3; sub(/^\(/, "", version); print $2 "=" version }') || return
    [[ -n $parts ]] || return
    # shellcheck disable=SC2086  # words
    unpack_alone "$1" $parts
}

# unpack_alone NAME PACKAGE...: nothing that these need
unpack_alone() {
    local name=$1 debs=$APPS_UNPACKED/.debs
    shift
    [[ ! -e $APPS_UNPACKED/.$name ]] || return 0
    rm -rf "$debs"
    mkdir -p "$debs"
    (
        cd "$debs"
        apt-get download -q "$@" </dev/null
        for deb in *.deb; do dpkg -x "$deb" "$APPS_UNPACKED"; done
    ) >"$APPS_UNPACKED/.log" 2>&1 || return
    rm -rf "$debs"
    touch "$APPS_UNPACKED/.$name"
}
