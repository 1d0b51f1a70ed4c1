#!/usr/bin/env bash
# SQLCipher: pages of a database in AES-256-CBC, the reference as a raw key. The HMAC of its pages has a key that is
# derived in software from what is given as the key: without the HMAC, or with references-elsewhere = allow.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

[[ -x /usr/bin/sqlcipher ]] || leave_out "sqlcipher is not installed"

# database HOW FILE KEY SETTING SQL: sqlcipher prints errors and exits with 0, so what it answers is looked at
database() {
    local how=$1
    $how /usr/bin/sqlcipher -batch "$2" 2>&1 <<SQL
PRAGMA key = "x'$3'";
$4
$5
SQL
}
allowing() { hsm HSMZKE_REFERENCES_ELSEWHERE=allow "$@"; }

# The rows are in the file: the cache is as small as can be, and each call is a process of its own.
rows=60
make_rows="PRAGMA cache_size = 2; CREATE TABLE secrets (id INTEGER PRIMARY KEY, text TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
    INSERT INTO secrets SELECT i, 'the secret number ' || i || ' ' || hex(zeroblob(100)) FROM n;"
ask="SELECT count(*) || ' rows, ' || max(text) FROM secrets;"
answer="$rows rows, the secret number 9 0000"
no_hmac="PRAGMA cipher_use_hmac = OFF;"

holds() { # HOW FILE KEY SETTING
    database "$@" "$ask" | tee answer.log | grep -F "$answer" || { cat answer.log && return 1; }
}
made() { # HOW FILE KEY SETTING
    rm -f "$2"
    ! database "$@" "$make_rows" | grep -i error
}
plaintext_in() { grep -aq 'secret number' "$1"; }
only_zeros() { # FILE: but for the salt, which it leaves in its buffer, and the IV: 32 bytes of 1024
    [[ $(tr -d '\0' <"$1" | wc -c) -lt $(($(stat -c %s "$1") / 32 + 1)) ]]
}

check "a database is made under the HSM key" made hsm sealed.db "$reference" "$no_hmac"
check "it is read again" holds hsm sealed.db "$reference" "$no_hmac"
check "there is no plaintext in the file" not plaintext_in sealed.db
check "software opens it with the real key" holds software sealed.db "$key" "$no_hmac"
check "software does not open it with the reference's bytes" not holds software sealed.db "$reference" "$no_hmac"
check "software makes one with the real key" made software software.db "$key" "$no_hmac"
check "the HSM key opens that" holds hsm software.db "$reference" "$no_hmac"
check "a key that is not there does not open one" not holds hsm sealed.db "$nothing" "$no_hmac"
# This SQLCipher looks at no answer of libcrypto and writes its empty buffer: the data are lost, but not given away.
database hsm none.db "$nothing" "$no_hmac" "$make_rows" >/dev/null
check "a key that is not there: what is written is nothing but zeros" only_zeros none.db
check "and cannot be read" not holds hsm none.db "$nothing" "$no_hmac"
check "with the HMAC and references-elsewhere = allow one is made" made allowing hmac.db "$reference" ""
check "and read again" holds allowing hmac.db "$reference" ""
check "its HMAC's key is not made of the HSM key" not holds software hmac.db "$key" ""

# What it answers to writing is nothing: the failure shows when what was written, and what is there, is read.
attempt() {
    local good=0
    database faulty out.db "$reference" "$no_hmac" "$make_rows"
    ! holds faulty out.db "$reference" "$no_hmac" || good=$((good + 1))
    ! holds faulty sealed.db "$reference" "$no_hmac" || good=$((good + 1))
    ((good != 1)) || return 125
    ((good == 2))
}
opened_by() { [[ -s out.db ]] && holds software out.db "$1" "$no_hmac" >/dev/null; }
shows_plaintext() { [[ -s out.db ]] && plaintext_in out.db; }
logins=3 # it runs three times
matrix
