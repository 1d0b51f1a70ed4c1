# shellcheck shell=bash
# What the applications' tests share; tests/apps/run.sh exports the APPS_ variables and runs them.
#
# A program runs either by `hsm` (openssl.cnf is examples/gateway.cnf, the key is a reference) or by `software` (the
# default provider, the key is the real one); matrix.sh has what can be wrong, servers.sh and programs.sh what runs longer
# and what is not installed. Each line that begins with "passed: ", "failed: " or "skipped: " is one test.
#
# shellcheck disable=SC2034  # not every script uses every variable
set -euo pipefail

application=$(basename "$0" .sh)
work=$APPS_WORK/$application
key=$APPS_KEY
other_key=$APPS_OTHER_KEY
reference=$APPS_REFERENCE   # of the key `gold`, whose value is $key
nothing=$APPS_NOTHING       # a reference to a key that is not there

# use_hsm DIRECTORY: the tokens and PINs that programs get to see: those that run.sh made, or a copy of them
use_hsm() {
    at=$1
    settings=(OPENSSL_CONF="$APPS_CNF" OPENSSL_MODULES="$APPS_MODULES"
        HSMZKE_PKCS11_MODULE="$APPS_PKCS11" HSMZKE_TOKEN=pkcs11:token=apps "HSMZKE_PIN_SOURCE=file:$at/pin"
        SOFTHSM2_CONF="$at/softhsm2-right.conf")
}
use_hsm "$APPS_HSM"

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
    case $mode in *gcm*)
        # A first byte that is not the one that is there
        { printf '%02x' $((0x$(xxd -p -l 1 sealed) ^ 1)) | xxd -r -p && tail -c +2 sealed; } >forged
        check "$mode: a forged message is refused" refused . none \
            into none from forged hsm "$@" "$mode" dec "$reference" "$iv"
        ;;
    esac
}

same_by_enc() { # MODE SEALED PLAIN IV
    software /usr/bin/openssl enc -d "-$1" -K "$key" -iv "$4" -in "$2" | cmp - "$3"
}

same_by_software() { # MODE IN IV SEALED COMMAND...
    local mode=$1 in=$2 iv=$3 sealed=$4
    shift 4
    software "$@" "$mode" enc "$reference" "$iv" <"$in" | cmp -s - "$sealed"
}

# shellcheck source=tests/apps/servers.sh
source "$APPS_SCRIPTS/servers.sh"
# shellcheck source=tests/apps/programs.sh
source "$APPS_SCRIPTS/programs.sh"
# shellcheck source=tests/apps/matrix.sh
source "$APPS_SCRIPTS/matrix.sh"
