# shellcheck shell=bash
# Debian packages that a script here needs.  For scripts to source: examples/quickstart.sh, tests/run.sh,
# tests/matrix.sh, tests/hsm/p11-kit.sh, tests/bench/run.sh, tests/fuzz/run.sh and
# tests/coverage.sh.

# shellcheck disable=SC2034
packages_to_build=(gcc libc6-dev meson ninja-build pkg-config libssl-dev libp11-dev libp11-kit-dev)
# shellcheck disable=SC2034
packages_to_try=(openssl softhsm2 opensc xxd)
# shellcheck disable=SC2034
packages_to_fuzz=(clang libclang-rt-dev llvm)
# shellcheck disable=SC2034
packages_to_cover=(gcovr)

package_is_there() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# need_packages PACKAGE...: installs what is missing.  Only root can: anybody else is told the one command, and
# the answer is 1.  Where there is no dpkg, the reader is trusted to have the same things under other names.
need_packages() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This is not Debian: please have the like of these packages: $*"
        return 0
    fi
    for package in "$@"; do
        package_is_there "$package" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        echo "Nothing is missing."
    elif ((EUID != 0)); then
        printf '%s\n' "Packages are missing. Please run this, and then this script again:" "" \
            "    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" "" >&2
        return 1
    else
        echo "Installing ${missing[*]}"
        apt-get update -q </dev/null &&
            DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
    fi
}

# The mirror that this machine's apt takes Debian from.
debian_mirror() {
    # shellcheck disable=SC2016  # $(REPO_URI) is for apt-get
    apt-get indextargets --format '$(REPO_URI)' |
        awk '/\/debian\/?$/ && !found { print; found = 1 } END { exit !found }'
}

# Where SoftHSM's PKCS#11 module is.
find_softhsm() {
    local module
    for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
        /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so /usr/lib*/libsofthsm2.so \
        /usr/local/lib*/softhsm/libsofthsm2.so; do
        if [[ -f $module ]]; then
            printf '%s\n' "$module"
            return 0
        fi
    done
    echo "SoftHSM's module (libsofthsm2.so) is in none of the usual places" >&2
    return 1
}
