# shellcheck shell=bash
# What the applications' tests share; tests/apps/run.sh exports the APPS_ variables and runs them.
#
# A program runs either by `hsm` (openssl.cnf is examples/gateway.cnf, the key is a reference) or by `software` (the
# default provider, the key is the real one). Each line that begins with "passed: ", "failed: " or "skipped: " is one test.
#
# shellcheck disable=SC2034  # not every script uses every variable
set -euo pipefail

application=$(basename "$0" .sh)
work=$APPS_WORK/$application
key=$APPS_KEY
other_key=$APPS_OTHER_KEY
reference=$APPS_REFERENCE   # of the key `gold`, whose value is $key
nothing=$APPS_NOTHING       # a reference to a key that is not there
settings=(OPENSSL_CONF="$APPS_CNF" OPENSSL_MODULES="$APPS_MODULES"
    HSMZKE_PKCS11_MODULE="$APPS_PKCS11" HSMZKE_TOKEN=pkcs11:token=apps "HSMZKE_PIN_SOURCE=file:$APPS_WORK/pin"
    SOFTHSM2_CONF="$APPS_WORK/softhsm2.conf")
servers=()
ended=

rm -rf "$work"
mkdir -p "$work"
cd "$work"
head -c 100003 /dev/urandom >plain

# --- Two ways to run a program. More variables can go before it: hsm HSMZKE_RAW_KEYS=software COMMAND...

hsm() { ${run:+exec} env "${settings[@]}" "$@"; }
software() { ${run:+exec} env OPENSSL_CONF=/dev/null "$@"; }
run= # set where the process is to be the server itself

# --- Checks

# check WHAT COMMAND...: one test; what the command says is shown if it fails
check() {
    local what=$1
    shift
    if "$@" >"$work/last.log" 2>&1 </dev/null; then
        echo "passed: $application: $what"
    else
        echo "failed: $application: $what"
        tail -n 30 "$work/last.log" | sed 's/^/    | /'
    fi
}

# left_out WHAT REASON
left_out() { echo "skipped: $application: $1: $2"; }

# The whole application is left out.
leave_out() {
    left_out "all" "$1"
    exit 0
}

# refused WORDS OUT COMMAND...: the command fails, says the words, and nothing stands in OUT
refused() {
    local words=$1 out=$2 status=0
    shift 2
    rm -f "$out"
    "$@" >"$work/refused.log" 2>&1 || status=$?
    cat "$work/refused.log"
    ((status != 0 && status < 126)) || return
    [[ ! -s $out ]] && grep -qE -- "$words" "$work/refused.log"
}

# stops OUT COMMAND...: the command was there, failed or crashed in its own way, and nothing stands in OUT
stops() {
    local out=$1 status=0
    shift
    rm -f "$out"
    "$@" || status=$?
    ((status != 0 && status != 126 && status != 127)) && [[ ! -s $out ]]
}

# says WORDS COMMAND...: the command succeeds and says the words
says() {
    local words=$1
    shift
    "$@" >"$work/says.log" 2>&1 || {
        cat "$work/says.log"
        return 1
    }
    cat "$work/says.log"
    grep -qE -- "$words" "$work/says.log"
}

not() { ! "$@"; }

# into OUT COMMAND..., from IN COMMAND...: redirections, for check
into() {
    local out=$1
    shift
    "$@" >"$out"
}
from() {
    local in=$1
    shift
    "$@" <"$in"
}

# --- Programs that take MODE enc|dec KEY IV, all in hexadecimal, and turn standard input into standard output

no_such_key="key not found"
no_token="no token|token not available"

# both_ways MODE COMMAND...: what it makes in the HSM is opened by software, and the other way round
both_ways() {
    local mode=$1 iv
    shift
    iv=$(openssl rand -hex 16)
    case $mode in
    *gcm*) iv=${iv:0:24} ;;
    *wrap*) iv=a6a6a6a6a6a6a6a6 ;;
    esac
    rm -f sealed expected back
    local in=plain
    case $mode in *wrap*) head -c 32 plain >piece && in=piece ;; esac
    check "$mode: encrypts in the HSM" into sealed from "$in" hsm "$@" "$mode" enc "$reference" "$iv"
    check "$mode: software with the real key opens that" from sealed into back software "$@" "$mode" dec "$key" "$iv"
    check "$mode: to what went in" cmp "$in" back
    case $mode in aes-256-cbc | aes-256-ctr)
        check "$mode: and so does openssl enc" same_by_enc "$mode" sealed "$in" "$iv"
        ;;
    esac
    check "$mode: software encrypts with the real key" into expected from "$in" software "$@" "$mode" enc "$key" "$iv"
    check "$mode: to the same bytes" cmp expected sealed
    rm -f back
    check "$mode: decrypts in the HSM what software made" into back from expected hsm "$@" "$mode" dec "$reference" "$iv"
    check "$mode: to what went in, too" cmp "$in" back
    check "$mode: software with the reference's bytes makes something else" \
        not same_by_software "$mode" "$in" "$iv" sealed "$@"
    check "$mode: a key that is not there" refused "$no_such_key" none \
        into none from "$in" hsm "$@" "$mode" enc "$nothing" "$iv"
    $absence_shown || absence "$mode" "$in" "$iv" "$@"
    case $mode in *gcm*)
        { printf 'X' && tail -c +2 sealed; } >forged
        check "$mode: a forged message is refused" refused . none \
            into none from forged hsm "$@" "$mode" dec "$reference" "$iv"
        ;;
    esac
}

# What is the same in all modes is shown with the first.
absence_shown=false
absence() { # MODE IN IV COMMAND...
    local mode=$1 in=$2 iv=$3
    shift 3
    absence_shown=true
    check "$mode: a token that is not there" refused "$no_token" none \
        into none from "$in" hsm HSMZKE_TOKEN=pkcs11:token=gone "$@" "$mode" enc "$reference" "$iv"
    check "$mode: without hsmzke.so" stops none \
        into none from "$in" hsm "OPENSSL_MODULES=$APPS_WORK/modules-without" "$@" "$mode" enc "$reference" "$iv"
}

same_by_enc() { # MODE SEALED PLAIN IV
    software /usr/bin/openssl enc -d "-$1" -K "$key" -iv "$4" -in "$2" | cmp - "$3"
}

same_by_software() { # MODE IN IV SEALED COMMAND...
    local mode=$1 in=$2 iv=$3 sealed=$4
    shift 4
    software "$@" "$mode" enc "$reference" "$iv" <"$in" | cmp -s - "$sealed"
}

# --- Servers. Whatever happens, they end with the script.

# serve LOG hsm|software COMMAND...: in the background
serve() {
    local log=$1
    shift
    run=yes "$@" >"$log" 2>&1 </dev/null &
    servers+=($!)
}

# stop SIGNAL: the server that was started last, and waits for its end; `ended` is its status
stop() {
    local last=$((${#servers[@]} - 1))
    kill "-$1" "${servers[last]}" 2>/dev/null || true
    ends "${servers[last]}"
    unset "servers[last]"
}

# ends PID: within ten seconds, or it is made to
ends() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if ! kill -0 "$1" 2>/dev/null; then
            ended=0
            wait "$1" || ended=$?
            return 0
        fi
        sleep 0.1
    done
    ended=hung
    echo "$1 did not stop"
    kill -KILL "$1" 2>/dev/null || true
}

# eventually COMMAND...: tried again for up to 15 seconds
eventually() {
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    return 1
}

stop_servers() {
    local pid
    for pid in "${servers[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
        ends "$pid"
    done
}
trap stop_servers EXIT
trap 'exit 1' TERM INT

# --- Programs

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
