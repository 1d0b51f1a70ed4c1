#!/usr/bin/env bash
# The tests on several versions of OpenSSL, each with the compiler and the packages of the Debian that has it:
#
#     tests/matrix.sh [--cache DIRECTORY] [--whole] [--fresh] [OPENSSL...]
#
# OPENSSL is 3.0 (Debian 12), 3.5 (Debian 13), 3.6 (forky) or 4.0 (sid, with OpenSSL of experimental); all four if
# none is named. Each is a chroot that debootstrap makes in DIRECTORY, outside the repository: hsmzke-matrix in
# $XDG_CACHE_HOME or ~/.cache if not given. It is made once; --fresh makes it anew. In it a copy of the sources is
# built and tests/run.sh --quick runs, with --whole tests/run.sh. That needs root, debootstrap and a Debian mirror,
# which is the one that apt uses here. A row that cannot be made is skipped, and says why.
#
# The last lines are a table of the rows. The status is 1 if anything failed, 77 if nothing ran. What each run printed
# is in build-tests/matrix/.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=examples/packages.sh
source "$repository/examples/packages.sh"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
logs=$repository/build-tests/matrix
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hsmzke-matrix
fresh=false
run=(tests/run.sh --quick)
all_rows=(3.0 3.5 3.6 4.0)
rows=()
skip_status=77

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

say() { printf 'matrix.sh: %s\n' "$*" >&2; }

die() {
    say "$@"
    exit 1
}

leave_out() {
    echo "skipped: $*"
    exit "$skip_status"
}

suite_of() { # ROW
    case $1 in
    3.0) echo bookworm ;;
    3.5) echo trixie ;;
    3.6) echo forky ;;
    4.0) echo sid ;;
    esac
}

# --- A chroot

# Runs a command in the chroot, with file systems that are gone when it ends, and whatever it left running with them.
inside() { # ROOT COMMAND...
    local root=$1
    shift
    # shellcheck disable=SC2016  # for the inner shell
    unshare --mount --pid --fork --kill-child bash -euc '
        mount -t proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            chroot "$0" "$@"' "$root" "$@"
}

# What a chroot needs to be one: reasons for skipping, else nothing.
missing_here() {
    ((EUID == 0)) || leave_out "chroots are made by root only"
    command -v debootstrap >/dev/null || leave_out "there is no debootstrap (its package has that name)"
    [[ -f $keyring ]] || leave_out "there is no $keyring (package debian-archive-keyring)"
    debian_mirror >/dev/null || leave_out "apt has no Debian mirror here"
    # Also where root is not quite root, as in many containers.
    unshare --mount --pid --fork --kill-child mount --bind "$repository" "$repository" 2>/dev/null ||
        leave_out "this root may not mount anything"
}

apt_sources() { # ROOT SUITE ROW
    local mirror
    mirror=$(debian_mirror)
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$2" >"$1/etc/apt/sources.list"
    rm -f "$1"/etc/apt/sources.list.d/*
    # They are as good as gone if the machine crashes.
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
    printf 'path-exclude=/usr/share/%s/*\n' doc man locale >"$1/etc/dpkg/dpkg.cfg.d/exclude"
    # A mirror may be a snapshot, whose index files of forky, sid and experimental are soon out of date. Their
    # signatures are checked all the same.
    printf '%s "false";\n' APT::Install-Recommends Acquire::Check-Valid-Until >"$1/etc/apt/apt.conf.d/matrix"
    if [[ $3 == 4.0 ]]; then
        printf 'deb [signed-by=%s] %s experimental main\n' "$keyring" "$mirror" >>"$1/etc/apt/sources.list"
        printf 'Package: src:openssl\nPin: release a=experimental\nPin-Priority: 990\n' \
            >"$1/etc/apt/preferences.d/openssl"
    fi
}

# All of it, in a directory of another name until it is complete.
make_chroot() { # ROW ROOT
    local suite root=$2.part script
    suite=$(suite_of "$1")
    script=/usr/share/debootstrap/scripts/$suite
    # An older debootstrap has no script for a newer suite; sid's is that of all of them.
    [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid
    rm -rf "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase --keyring="$keyring" --include=ca-certificates,debian-archive-keyring \
        "$suite" "$root" "$(debian_mirror)" "$script" || return
    apt_sources "$root" "$suite" "$1"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    inside "$root" apt-get update -q &&
        inside "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y openssl libssl-dev || return
    rm -rf "$2"
    mv "$root" "$2"
}

# The sources as they are here, without what was built from them.
copy_sources() { # ROOT
    rm -rf "$1/src"
    mkdir "$1/src"
    tar -C "$repository" --exclude='./build*' --exclude=./.git --exclude=./examples/work -cf - . | tar -C "$1/src" -xf -
}

version_in() { inside "$1" openssl version | awk '{ print $2 }'; } # ROOT

# --- A row

row() { # ROW
    local root=$cache/$1 version
    if $fresh || [[ ! -d $root ]]; then
        make_chroot "$1" "$root" || leave_out "a chroot of $(suite_of "$1") could not be made"
    fi
    version=$(version_in "$root") || return
    [[ $version == "$1".* ]] || leave_out "Debian's $(suite_of "$1") has OpenSSL $version by now"
    copy_sources "$root" || return
    inside "$root" bash -c 'cd /src && exec "$@"' bash "${run[@]}" || return
}

# What the row was, for the table.
describe() { # ROW
    # shellcheck disable=SC2016  # for the inner shell
    inside "$cache/$1" bash -c '
        printf "%s|%s|%s|%s\n" "$(openssl version | cut -d " " -f 2)" "$1" "$(gcc -dumpfullversion)" \
            "$(dpkg-query -W -f "\${Version}" softhsm2)"' bash "$(suite_of "$1")" 2>/dev/null || true
}

# Writes the row's line of the table; the status is the row's.
judge() { # ROW STATUS LOG SECONDS
    local counts what versions
    counts=$(sed -nE 's/^([0-9]+ passed, [0-9]+ failed, [0-9]+ skipped)$/\1/p' "$3" | tail -n 1)
    if (($2 == skip_status)); then
        printf '%s|%s|||skipped: %s|\n' "$1" "$(suite_of "$1")" "$(sed -n 's/^skipped: //p' "$3" | tail -n 1)"
        return "$skip_status"
    fi
    what=passed
    (($2 == 0)) || what=FAILED
    versions=$(describe "$1")
    printf '%s|%s: %s|%s s\n' "${versions:-$1|$(suite_of "$1")||}" "$what" "${counts:-no result}" "$4"
    return $(($2 != 0))
}

# --- All of them

while (($# > 0)); do
    case $1 in
    --cache)
        (($# > 1)) || die "--cache needs a directory"
        cache=$2
        shift
        ;;
    --whole) run=(tests/run.sh) ;;
    --fresh) fresh=true ;;
    3.0 | 3.5 | 3.6 | 4.0) rows+=("$1") ;;
    --help)
        usage
        exit 0
        ;;
    *)
        usage
        exit 1
        ;;
    esac
    shift
done
((${#rows[@]} > 0)) || rows=("${all_rows[@]}")
mkdir -p "$logs" "$cache"
cache=$(cd "$cache" && pwd -P)
[[ $cache/ != "$repository"/* ]] || die "the cache must be outside the repository"

table=$logs/table
failed=0 ran=0
echo 'OpenSSL|Debian|gcc|SoftHSM|result|time' >"$table"
for name in "${rows[@]}"; do
    log=$logs/$name.log begun=$SECONDS status=0
    printf '\n=== OpenSSL %s\n' "$name"
    (
        missing_here
        row "$name"
    ) </dev/null 2>&1 | tee "$log" || status=$?
    status_of_row=0
    judge "$name" "$status" "$log" $((SECONDS - begun)) >>"$table" || status_of_row=$?
    case $status_of_row in
    0) ran=$((ran + 1)) ;;
    "$skip_status") ;;
    *) ran=$((ran + 1)) failed=$((failed + 1)) ;;
    esac
done

echo
column -t -s '|' "$table" 2>/dev/null || cat "$table"
((failed == 0)) || exit 1
((ran > 0)) || exit "$skip_status"
