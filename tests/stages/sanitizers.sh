# shellcheck shell=bash
# shellcheck disable=SC2154  # repository, plain and logs are run.sh's
# Stages of tests/run.sh: sanitizers. Only programs that are sanitized themselves load the sanitized provider; openssl
# is not, valgrind looks after that. What of other people's libraries has to be overlooked is in tests/sanitizers/.

# Does a program built with these compiler flags start and end here?
works_here() {
    local program=$logs/probe
    echo 'int main(void) { return 0; }' >"$program.c"
    gcc "$@" "$program.c" -o "$program" && "$program"
}

address_tests() {
    local suppressions=$repository/tests/sanitizers leaks=1
    if ! ASAN_OPTIONS=detect_leaks=1 works_here -fsanitize=address; then
        leaks=0
        left_out "leak detection" "LeakSanitizer does not work on this machine (it needs ptrace); valgrind looks for leaks too"
    fi
    # As malloc() does: libp11 asks for as much as a module that lies has it ask for.
    local options=halt_on_error=1:abort_on_error=1:strict_string_checks=1:allocator_may_return_null=1
    export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1"
    export LSAN_OPTIONS="suppressions='$suppressions/lsan.supp':print_suppressions=0"
    ASAN_OPTIONS=$options:detect_leaks=$leaks \
        meson_tests "$1" address --timeout-multiplier 4 --suite unit --suite fuzz
    # The quick form: thousands of tokens' keys take minutes here.
    HSMZKE_TEST_QUICK=1 ASAN_OPTIONS=$options:detect_leaks=$leaks \
        meson_tests "$1" address-conformance --timeout-multiplier 4 --suite conformance
    # These end processes with threads inside, under which LeakSanitizer itself now and then crashes ("Tracer
    # caught signal 11"); leaks are looked for above and by valgrind.
    HSMZKE_TEST_QUICK=1 ASAN_OPTIONS=$options:detect_leaks=0 \
        meson_tests "$1" address-integration --timeout-multiplier 4 --suite integration
    # Without those that examine whole processes (a sanitizer's shadow has terabytes) or images of many mebibytes.
    local names
    mapfile -t names < <(tests_by_name "$1" '^forensics-' |
        grep -vE '^forensics-(live.*|program|images|schedules|anchors|source-hostile|run.*)$')
    HSMZKE_TEST_QUICK=1 ASAN_OPTIONS=$options:detect_leaks=0 \
        meson_tests "$1" address-forensics --timeout-multiplier 4 "${names[@]}"
}

# tests_by_name DIRECTORY PATTERN
tests_by_name() {
    meson test -C "$1" --no-rebuild --list | sed 's#^.* / ##' | grep -E "$2"
}

thread_tests() {
    local names suppressions=$repository/tests/sanitizers
    local run=()
    if ! works_here -fsanitize=thread; then
        # Too much randomness in the addresses for this ThreadSanitizer.
        run=(setarch -R)
        if ! setarch -R true || ! setarch -R "$logs/probe"; then
            left_out "threads" "ThreadSanitizer does not work on this machine"
            return
        fi
    fi
    mapfile -t names < <(tests_by_name "$1" \
        'lifecycle|life-cycle|exit-race|^audit$|^ha$|^parallel$|^forensics-(findings|source-(image|parts|places))$')
    if ((${#names[@]} == 0)); then
        echo "there is no test by the name of lifecycle or exit-race"
        return 1
    fi
    # libcrypto, SoftHSM and cmocka are not built for it: what they do with memory looks like races.
    export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1:atexit_sleep_ms=200"
    TSAN_OPTIONS+=":suppressions='$suppressions/tsan.supp'"
    if ((${#run[@]} > 0)); then
        meson_tests "$1" threads --timeout-multiplier 8 --wrapper "${run[*]}" "${names[@]}"
    else
        meson_tests "$1" threads --timeout-multiplier 8 "${names[@]}"
    fi
}
