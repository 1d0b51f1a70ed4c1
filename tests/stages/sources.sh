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
    check "shellcheck of ${#files[@]} scripts" shellcheck_all "${files[@]}"
    check "no names of modules in provider/" no_makers_names
}

# A few at a time: it takes one processor only.
shellcheck_all() { printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -n 6 shellcheck -x; }

documentation() { check "pages and sources agree: links, names, settings, reasons" tests/check-docs.py; }

# What a module can do is learnt from it. Comments may say where something was seen.
no_makers_names() {
    local file found=0
    while IFS= read -r file; do
        if gcc -w -fpreprocessed -dD -E -P -x c "$file" |
            grep -iE 'softhsm|softokn|\<nss\>|tpm2|opencryptoki|cloudhsm|yubi|luna|nshield|utimaco|kmsp11'; then
            echo "$file names a module or its maker"
            found=1
        fi
    done < <(find provider -name '*.[ch]')
    return "$found"
}
