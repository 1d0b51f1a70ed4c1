# shellcheck shell=bash
# shellcheck disable=SC2154  # repository, plain and logs are run.sh's
# Stages of tests/run.sh: how the sources are written. Functions only.

formatting() {
    local files
    if ! clang-format --version | grep -q 'version 14\.'; then
        left_out "clang-format" "its version is not 14, and others format differently"
        return
    fi
    mapfile -d '' files < <(find . \( -path './build*' -o -path ./.git -o -path ./examples/work \) -prune -o \
        -type f \( -name '*.c' -o -name '*.h' \) -print0)
    check "clang-format of ${#files[@]} files" clang-format --dry-run -Werror "${files[@]}"
}

scripts() {
    local files
    mapfile -d '' files < <(find . \( -path './build*' -o -path ./.git -o -path ./examples/work \) -prune -o \
        -type f \( -name '*.sh' -o -path './.ci/run' \) -print0)
    check "shellcheck of ${#files[@]} scripts" shellcheck -x "${files[@]}"
}
