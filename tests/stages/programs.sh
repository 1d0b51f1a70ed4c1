# shellcheck shell=bash
# shellcheck disable=SC2154  # repository, plain and logs are run.sh's
# Stages of tests/run.sh: coverage, what is installed, fuzzing, other people's programs, other versions of OpenSSL.
# Functions only.

coverage() {
    in_memory "$repository/build-coverage/tests/support/work"
    # Each file has 90 % and more. What threads and dying servers run differs by a line or two from run to run, which in
    # a small file is several per cent.
    check "at least 85 % of the lines of each file of provider/ are run" tests/coverage.sh --least 85
}

exports_only() { # FILE NAME...
    local names
    names=$(nm -D --defined-only "$1" | awk '{ sub("@.*", "", $3); if ($2 != "A") print $3 }') || return
    echo "exported: ${names//$'\n'/ }"
    [[ ${names//$'\n'/ } == "${*:2}" ]]
}

# The example in the documentation, as it stands there.
documented_example() { # DESTINATION
    local pc flags
    pc=$(find "$1" -name hsmzke-memscan.pc) || return
    flags=$(PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$1 pkg-config --cflags hsmzke-memscan) || return
    # shellcheck disable=SC2016  # the quotes are Markdown's
    sed -n '/^```c$/,/^```$/{/^```/!p}' docs/forensics.md >"$1/example.c"
    [[ -s $1/example.c ]] || return
    # shellcheck disable=SC2086  # flags are several words
    cc -Wall -Wextra -Werror -c "$1/example.c" -o "$1/example.o" $flags
}

# A service that is compiled with what was installed, and has itself examined by what was installed.
examined_service() { # DESTINATION
    local prefix pc flags program=$1/service key=$1/key
    prefix=$(meson introspect "$plain" --buildoptions |
        python3 -c 'import json, sys; print({o["name"]: o["value"] for o in json.load(sys.stdin)}["prefix"])') || return
    pc=$(find "$1" -name hsmzke-memscan.pc) || return
    flags=$(PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$1 pkg-config --cflags --libs hsmzke-memscan) || return
    # shellcheck disable=SC2086  # flags are several words
    cc tests/forensics/test/self.c -o "$program" $flags -lcrypto -pthread || return
    openssl rand -out "$key" 32
    HSMZKE_MEMSCAN=$1$prefix/bin/hsmzke-memscan LD_LIBRARY_PATH=$(dirname "${pc%/*}") "$program" "$key" used |
        tee "$1/said" | head -n 5
    [[ $(head -c 1 "$1/said") == 1 ]]
}

memscan_installation() { # DESTINATION
    local file
    for file in bin/hsmzke-memscan share/man/man1/hsmzke-memscan.1 include/hsmzke/memscan.h libhsmzke-memscan.so \
        libhsmzke-memscan.a pkgconfig/hsmzke-memscan.pc hsmzke/memscan-tap.so hsmzke/memscan-software.so; do
        check "$file is installed" test -n "$(find "$1" -path "*/$file*" -print -quit)"
    done
    check "libhsmzke-memscan exports two functions and nothing else" exports_only \
        "$(find "$1" -name libhsmzke-memscan.so)" memscan_free memscan_self
    check "hsmzke-memscan finds what it must from there" "$(find "$1" -path '*/bin/hsmzke-memscan')" self-test
    check "the example in docs/forensics.md compiles" documented_example "$1"
    check "a service built with the library has itself examined" examined_service "$1"
}

installation() {
    local destination=$plain/destination directory
    rm -rf "$destination"
    check "meson install" env DESTDIR="$destination" meson install -C "$plain" --no-rebuild
    directory=$(openssl version -m | sed 's/^MODULESDIR: "\(.*\)"$/\1/')
    check "hsmzke.so is in $directory" test -f "$destination$directory/hsmzke.so"
    check "it exports OSSL_provider_init and nothing else" exports_only "$destination$directory/hsmzke.so" \
        OSSL_provider_init
    check "openssl loads it from there" openssl list -providers -provider-path "$destination$directory" -provider hsmzke
    memscan_installation "$destination"
    rm -rf "$destination"
}

# with_counts NAME COMMAND...: the command's last line has how many passed, failed and were skipped
with_counts() {
    local output=$logs/$1 counted
    shift
    "$@" | tee "$output" || true
    counted=$(tail -n 1 "$output")
    [[ $counted =~ ^[0-9]+\ [0-9]+\ [0-9]+$ ]] || return
    # shellcheck disable=SC2086  # three numbers
    tally $counted
}

# Programs of Debian's packages, with nothing but openssl.cnf.
applications() { with_counts applications tests/apps/run.sh "$plain"; }

# Their corpora were replayed before, in the suite `fuzz`.
fuzzers() { with_counts fuzzers tests/fuzz/run.sh 40; }

quickstart() { check "examples/quickstart.sh" examples/quickstart.sh; }

# OpenSSL 3.5: the quick form once more, in a chroot of Debian 13.

newer_openssl() {
    local status=0 log=$plain/matrix/3.5.log counts
    # On a busy machine the rest takes long, and continuous integration has an hour for all of it.
    if [[ ${CI-} == true ]] && ((SECONDS > 2900)); then
        left_out "OpenSSL 3.5" "the run has taken $SECONDS s of its hour already; tests/matrix.sh 3.5 runs it alone"
        return
    fi
    tests/matrix.sh 3.5 || status=$?
    if ((status == 77)); then
        left_out "OpenSSL 3.5" "$(sed -n 's/^skipped: //p' "$log" | tail -n 1)"
        return
    fi
    sed -n 's/^    skipped: /skipped: with OpenSSL 3.5: /p' "$log"
    counts=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log" | tail -n 1)
    # shellcheck disable=SC2086  # three numbers
    tally ${counts:-0 1 0}
    return "$status"
}
