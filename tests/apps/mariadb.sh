#!/usr/bin/env bash
# MariaDB: tables at rest with file_key_management, whose key file holds a reference. A private server, on a socket only.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

[[ -x /usr/sbin/mariadbd && -x /usr/bin/mariadb ]] || leave_out "mariadb-server-core is not installed"
plugins=/usr/lib/mysql/plugin
if [[ ! -e $plugins/file_key_management.so ]]; then
    # It belongs to the package that starts a server.
    unpack_alone mariadb-server mariadb-server || leave_out "the package mariadb-server could not be fetched"
    plugins=$APPS_UNPACKED$plugins
fi

socket=$work/socket
((${#socket} < 100)) || leave_out "the path $socket is too long for a socket"
printf '1;%s\n' "$reference" >keys-reference
printf '1;%s\n' "$key" >keys-real
printf '1;%s\n' "$nothing" >keys-nothing

options=(--no-defaults "--socket=$socket" --skip-networking --skip-grant-tables "--plugin-dir=$plugins"
    --plugin-load-add=file_key_management --innodb-encrypt-tables=FORCE --innodb-encrypt-log=ON
    --innodb-encryption-threads=0 --encrypt-binlog=ON --encrypt-tmp-files=ON --log-bin=binlog --server-id=1
    --innodb-buffer-pool-size=8M --innodb-log-file-size=4M --innodb-flush-log-at-trx-commit=0 --skip-name-resolve)
((EUID != 0)) || options+=(--user=root)

# start HOW KEYS ALGORITHM DIRECTORY [OPTION...]
start() {
    serve server.log "$1" /usr/sbin/mariadbd "${options[@]}" "--datadir=$work/$4" \
        "--file-key-management-filename=$work/$2" "--file-key-management-encryption-algorithm=$3" "${@:5}"
    comes_up answers || { tail -n 20 server.log && return 1; }
}
answers() {
    sql "SELECT 1" >/dev/null 2>&1
}
sql() { /usr/bin/mariadb --no-defaults "--socket=$socket" -BN test -e "$1"; }
fresh() { # DIRECTORY
    rm -rf "$1"
    mkdir "$1"
    # No system tables: this test needs none, and --skip-grant-tables lets everybody in.
    mkdir "$1/test"
}

text="the salary of row"
make_rows="CREATE TABLE test.staff (id INT PRIMARY KEY, salary TEXT) ENGINE=InnoDB;
    INSERT INTO test.staff SELECT seq, CONCAT('$text ', seq, REPEAT('.', 500)) FROM seq_1_to_500;"
rows="SELECT COUNT(*) FROM test.staff WHERE salary = CONCAT('$text ', id, REPEAT('.', 500));"
reads_with() { # KEYS ALGORITHM DIRECTORY
    start hsm "$@" && sql "$rows"
}
plaintext_in_files() { grep -raq "$text" "$work/$1"; }

for algorithm in AES_CTR AES_CBC; do
    fresh data
    check "$algorithm: the server starts" start hsm keys-reference $algorithm data
    check "$algorithm: a table is made under the HSM key" sql "$make_rows"
    check "$algorithm: AES_ENCRYPT() gives NULL for a reference, whose first half it is left with" says '^NULL$' \
        sql "SELECT HEX(AES_ENCRYPT('x', UNHEX('$reference')));"
    check "$algorithm: and read" says '^500$' sql "$rows"
    stop TERM
    check "$algorithm: the server ends in order" test "$ended" = 0
    check "$algorithm: there is no plaintext in data, redo log and binary log" not plaintext_in_files data
    check "$algorithm: the server starts again" start hsm keys-reference $algorithm data
    check "$algorithm: the rows are there" says '^500$' sql "$rows"
    stop TERM
    check "$algorithm: software starts with the real key" start software keys-real $algorithm data
    check "$algorithm: AES_ENCRYPT() works there" says '^[0-9A-F]{32}$' \
        sql "SELECT HEX(AES_ENCRYPT('x', UNHEX('$reference')));"
    check "$algorithm: and reads the rows" says '^500$' sql "$rows"
    stop TERM
    fresh data
    check "$algorithm: software makes a table with the real key" start software keys-real $algorithm data
    check "$algorithm: rows of software" sql "$make_rows"
    stop TERM
    check "$algorithm: the server starts on it with the HSM key" start hsm keys-reference $algorithm data
    check "$algorithm: and reads the rows of software" says '^500$' sql "$rows"
    stop TERM
    cp -r data copy
    check "$algorithm: with a key that is not there it does not start, or reads nothing" \
        not reads_with keys-nothing $algorithm copy
    rm -rf copy
done

# What is looked for above would be found.
fresh data
check "software starts without encryption" start software keys-real AES_CTR data --innodb-encrypt-tables=OFF \
    --innodb-encrypt-log=OFF --encrypt-binlog=OFF
check "a table without encryption" sql "$make_rows"
stop TERM
check "has its plaintext in the files" plaintext_in_files data

attempt() {
    local status=0
    fresh data
    { start faulty keys-reference AES_CTR data && sql "$make_rows"; } || status=1
    stop TERM
    return "$status"
}
# Only where there is a table is there anything to open.
opened_by() {
    local found=1
    [[ -s data/test/staff.ibd ]] || return
    rm -rf copy
    cp -r data copy
    printf '1;%s\n' "$1" >keys-tried
    { start software keys-tried AES_CTR copy && [[ $(sql "$rows") == 500 ]]; } >/dev/null 2>&1 && found=0
    stop TERM
    return "$found"
}
shows_plaintext() { plaintext_in_files data; }
matrix
