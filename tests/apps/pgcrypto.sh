#!/usr/bin/env bash
# PostgreSQL: pgcrypto's encrypt() and decrypt(), a column under an HSM key. A private cluster, on a Unix socket only.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

bin=/usr/lib/postgresql/15/bin
libraries=
if [[ ! -x $bin/postgres || ! -e ${bin%/bin}/lib/pgcrypto.so ]]; then
    unpack postgresql-15 || leave_out "postgresql-15 is not installed and could not be fetched"
    bin=$APPS_UNPACKED$bin
    libraries=$APPS_UNPACKED/usr/lib/$(gcc -print-multiarch)
fi

# PostgreSQL does not run as root. The user of Debian's package, else one who owns nothing.
as=()
place=$work/cluster
mkdir "$place"
if ((EUID == 0)); then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
    # shellcheck source=tests/apps/place.sh
    source "$APPS_SCRIPTS/place.sh"
    copy_hsm "$place/hsm"
    chown -R "$user" "$place"
    use_hsm "$place/hsm"
    "${as[@]}" test -r "$at/pin" -a -r "$APPS_MODULES/hsmzke.so" -a -r "$APPS_CNF" ||
        leave_out "the user $user cannot read $place: a directory above it is closed"
fi
as+=(env "LD_LIBRARY_PATH=$libraries" "HOME=$place")

start() { # HOW [SETTING...]
    serve server.log "$@" "${as[@]}" "$bin/postgres" -D "$place/data" -k "$place" -c listen_addresses= \
        -c fsync=off -c logging_collector=off -c shared_buffers=2MB
    comes_up grep -q 'ready to accept connections' server.log || { tail server.log && return 1; }
}
# The path of a socket is short: it is named from its directory.
sql() { (cd "$place" && LD_LIBRARY_PATH=$libraries "$bin/psql" -h "$place" -U apps -d postgres -qAtX -v ON_ERROR_STOP=1 -c "$1"); }

((${#place} < 90)) || leave_out "the path $place is too long for a socket"
"${as[@]}" "$bin/initdb" -D "$place/data" -U apps -A trust --no-sync >initdb.log 2>&1 || {
    cat initdb.log
    exit 1
}

text="the salary of row"
table="CREATE EXTENSION IF NOT EXISTS pgcrypto;
    CREATE TABLE staff (id int, iv bytea, salary bytea);
    INSERT INTO staff SELECT i, iv, encrypt_iv(convert_to('$text ' || i, 'UTF8'), '\\x$reference', iv, 'aes-cbc')
        FROM (SELECT i, gen_random_bytes(16) AS iv FROM generate_series(1, 500) i) rows;"
decrypted="SELECT count(*) FROM staff WHERE
    convert_from(decrypt_iv(salary, '\\x$reference', iv, 'aes-cbc'), 'UTF8') = '$text ' || id;"

opened_by_software() {
    local id iv sealed rows=0
    while IFS='|' read -r id iv sealed; do
        [[ $(xxd -r -p <<<"$sealed" | software /usr/bin/openssl enc -d -aes-256-cbc -K "$key" -iv "$iv") == "$text $id" ]] ||
            return
        rows=$((rows + 1))
    done < <(sql "SELECT id, encode(iv, 'hex'), encode(salary, 'hex') FROM staff ORDER BY id LIMIT 5;")
    ((rows == 5))
}
made_by_software() {
    local iv sealed
    iv=$(openssl rand -hex 16)
    sealed=$(printf '%s' "$text 501" | software /usr/bin/openssl enc -aes-256-cbc -K "$key" -iv "$iv" | xxd -p -c 0)
    sql "INSERT INTO staff VALUES (501, '\\x$iv', '\\x$sealed');"
}
# encrypt() takes no IV: it is zero.
same_as_software() {
    local sealed
    sealed=$(sql "SELECT encode(encrypt('$text', '\\x$reference', 'aes-cbc/pad:pkcs'), 'hex');") && [[ $sealed == \
        "$(printf '%s' "$text" | software /usr/bin/openssl enc -aes-256-cbc -K "$key" -iv "$(printf '%032d' 0)" | xxd -p -c 0)" ]]
}
in_files() { grep -raq "$1" "$place/data/base"; }

check "the server starts" start hsm
check "a column is encrypted under the HSM key" sql "$table"
check "and decrypted again, 500 rows" says '^500$' sql "$decrypted"
check "openssl enc opens it with the real key" opened_by_software
check "a row that software made" made_by_software
check "is decrypted too" says '^501$' sql "$decrypted"
check "encrypt() and decrypt() without an IV: the bytes of software" same_as_software
check "decrypt(encrypt())" says "^$text\$" sql "SELECT convert_from(decrypt(encrypt('$text', '\\x$reference', 'aes'),
    '\\x$reference', 'aes'), 'UTF8');"
sql "CREATE TABLE plain AS SELECT 'what is not encrypted' AS text; CHECKPOINT;"
check "there is no plaintext in the data files" not in_files "$text"
check "where that of a plain column is" in_files "what is not encrypted"
check "a key that is not there: an error" refused "ERROR" none \
    sql "INSERT INTO staff VALUES (502, '', encrypt('x', '\\x$nothing', 'aes'));"
check "the 11 characters of the reference, which would be an AES-128 key, are refused" refused "ERROR" none \
    sql "INSERT INTO staff VALUES (502, '', encrypt('x', 'hsmzke:gold', 'aes'));"
check "a raw key is refused" refused "ERROR" none \
    sql "INSERT INTO staff VALUES (502, '', encrypt('x', '\\x$key', 'aes'));"
check "no row came of these" says '^0$' sql "SELECT count(*) FROM staff WHERE id = 502;"
stop INT
check "the server starts again" start hsm
check "the rows are still there" says '^501$' sql "$decrypted"
stop INT
check "the server starts without the token" start hsm HSMZKE_TOKEN=pkcs11:token=gone
check "nothing is encrypted" refused "ERROR" none sql "SELECT encrypt('x', '\\x$reference', 'aes');"
check "nothing is decrypted" refused "ERROR" none sql "$decrypted"
stop INT

attempt() {
    local status=0 sealed=
    if start faulty; then
        sealed=$(sql "SELECT encode(encrypt_iv(convert_to(repeat('$matrix_text. ', 50), 'UTF8'), '\\x$reference',
            '\\x$matrix_iv', 'aes-cbc'), 'hex');") || status=$?
    else
        status=1
    fi
    stop INT
    xxd -r -p <<<"$sealed" >out.cbc
    return "$status"
}
matrix
