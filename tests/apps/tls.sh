#!/usr/bin/env bash
# TLS with the gateway and raw-keys = software: openssl s_server and s_client, curl; suites, tickets and resumption.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

raw() { hsm HSMZKE_RAW_KEYS=software "$@"; }

check "openssl req makes a key and a certificate" raw /usr/bin/openssl req -x509 -newkey rsa:2048 -nodes \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout tls.key -out tls.crt -days 2
check "and one on a curve" raw /usr/bin/openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ec.key -out ec.crt -days 2

cat tls.crt ec.crt >ca.crt

start() { # HOW OPTION...
    local how=$1
    shift
    rm -f server.log
    serve server.log "$how" /usr/bin/openssl s_server -accept 127.0.0.1:0 -cert tls.crt -key tls.key -dcert ec.crt \
        -dkey ec.key -www "$@"
    eventually has_port || { cat server.log && return 1; }
}
# The system picks the port, and s_server prints it.
has_port() {
    port=$(sed -n 's/^ACCEPT 127\.0\.0\.1:\([0-9]*\)$/\1/p' server.log 2>/dev/null) && [[ -n $port ]]
}
client() { # HOW OPTION...
    local how=$1
    shift
    printf 'GET / HTTP/1.0\r\n\r\n' | "$how" timeout 20 /usr/bin/openssl s_client -connect "127.0.0.1:$port" -servername localhost \
        -CAfile ca.crt -verify_return_error -ign_eof "$@" >client.log 2>&1
    cat client.log
}
# talks HOW WORDS OPTION...: a page comes, and s_client says the words
talks() {
    local how=$1 words=$2
    shift 2
    client "$how" "$@" && grep -q 'HTTP/1.0 200' client.log && grep -qE "$words" client.log
}
resumes() { # HOW OPTION...
    rm -f session
    talks "$1" '^New, ' -sess_out session "${@:2}" && talks "$1" '^Reused, ' -sess_in session "${@:2}"
}

check "s_server starts" start raw
for suite in TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256; do
    check "TLS 1.3, $suite" talks raw "Cipher is $suite" -tls1_3 -ciphersuites $suite
    check "TLS 1.3, $suite, a client of software" talks software "Cipher is $suite" -tls1_3 -ciphersuites $suite
done
for suite in ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES256-GCM-SHA384 DHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-SHA384 \
    ECDHE-RSA-AES256-SHA ECDHE-RSA-AES128-SHA256 AES256-SHA256 ECDHE-RSA-CHACHA20-POLY1305; do
    check "TLS 1.2, $suite" talks raw "Cipher is $suite" -tls1_2 -cipher $suite
    check "TLS 1.2, $suite, a client of software" talks software "Cipher is $suite" -tls1_2 -cipher $suite
done
for version in -tls1_2 -tls1_3; do
    check "$version: a session is resumed by its ticket" resumes raw $version
    check "$version: by a client of software, too" resumes software $version
    check "$version: a group of its own (X25519)" talks raw 'Server Temp Key: X25519' $version -groups X25519
done
check "curl" raw /usr/bin/curl -sS --fail -o page --resolve "localhost:$port:127.0.0.1" --cacert ca.crt \
    "https://localhost:$port/"
stop TERM
check "s_server starts as software" start software
check "TLS 1.3 to a server of software" talks raw 'Cipher is TLS_AES_256_GCM_SHA384' -tls1_3
check "TLS 1.2 to a server of software" talks raw 'Cipher is ECDHE-RSA-AES256-SHA384' -tls1_2 -cipher ECDHE-RSA-AES256-SHA384
stop TERM
check "s_server starts without tickets, with a cache" start raw -no_ticket
check "a session is resumed by its number" resumes raw -tls1_2
stop TERM

# With raw-keys = refuse, the default: no AES-256, whose keys TLS makes by itself.
check "s_server starts with raw-keys = refuse, without tickets" start hsm -no_ticket -num_tickets 0
check "TLS 1.3 with AES-128-GCM goes" talks software 'Cipher is TLS_AES_128_GCM_SHA256' -tls1_3 \
    -ciphersuites TLS_AES_128_GCM_SHA256
check "with ChaCha20 too" talks software 'Cipher is TLS_CHACHA20_POLY1305_SHA256' -tls1_3 \
    -ciphersuites TLS_CHACHA20_POLY1305_SHA256
check "with AES-256-GCM it does not" not talks software '.' -tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384
stop TERM
check "and says why" grep -q 'raw key' server.log
