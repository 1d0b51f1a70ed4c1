# shellcheck shell=bash
# shellcheck disable=SC2154  # repository, plain and logs are run.sh's
# Stages of tests/run.sh: what is installed, fuzzing, other people's programs, other versions of OpenSSL. Functions only.

only_the_entry_point() {
    local names
    names=$(nm -D --defined-only "$1" | awk '{ sub("@.*", "", $3); if ($2 != "A") print $3 }') || return
    echo "exported: ${names//$'\n'/ }"
    [[ $names == OSSL_provider_init ]]
}

installation() {
    local destination=$plain/destination directory
    rm -rf "$destination"
    check "meson install" env DESTDIR="$destination" meson install -C "$plain" --no-rebuild
    directory=$(openssl version -m | sed 's/^MODULESDIR: "\(.*\)"$/\1/')
    check "hsmzke.so is in $directory" test -f "$destination$directory/hsmzke.so"
    check "it exports OSSL_provider_init and nothing else" only_the_entry_point "$destination$directory/hsmzke.so"
    check "openssl loads it from there" openssl list -providers -provider-path "$destination$directory" -provider hsmzke
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
fuzzers() { with_counts fuzzers tests/fuzz/run.sh 20; }

quickstart() { check "examples/quickstart.sh" examples/quickstart.sh; }

# OpenSSL 3.5: the quick form once more, in a chroot of Debian 13.

newer_openssl() {
    local status=0 log=$plain/matrix/3.5.log counts
    # On a busy machine the rest takes long, and continuous integration has an hour for all of it.
    if [[ ${CI-} == true ]] && ((SECONDS > 2400)); then
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
