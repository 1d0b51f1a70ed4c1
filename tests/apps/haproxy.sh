#!/usr/bin/env bash
# HAProxy: the converter aes_gcm_dec. It decrypts what another program encrypted; this HAProxy has no aes_gcm_enc.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

find_program /usr/sbin/haproxy haproxy || leave_out "haproxy is not installed and could not be fetched"
socket=$work/socket
((${#socket} < 100)) || leave_out "the path $socket is too long for a socket"

seal() { # HOW KEY TEXT: nonce, tag and ciphertext as lines in base64
    printf '%s' "$3" | "$1" /usr/bin/python3 -c '
import base64, os, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
nonce = os.urandom(12)
sealed = AESGCM(bytes.fromhex(sys.argv[1])).encrypt(nonce, sys.stdin.buffer.read(), None)
for part in nonce, sealed[-16:], sealed[:-16]:
    print(base64.b64encode(part).decode())' "$2"
}
/usr/bin/python3 -c 'import cryptography' 2>/dev/null || leave_out "python3-cryptography, which encrypts, is not installed"

start() { # HOW KEY
    rm -f "$socket"
    cat >haproxy.cfg <<CONF
global
    log stderr local0
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend test
    bind unix@$socket
    http-request set-var(txn.nonce) req.hdr(X-Nonce)
    http-request set-var(txn.tag) req.hdr(X-Tag)
    http-request set-var(txn.key) str($(xxd -r -p <<<"$2" | base64))
    http-request set-var(txn.plain) req.hdr(X-Sealed),b64dec,aes_gcm_dec(256,txn.nonce,txn.key,txn.tag)
    http-request return status 200 content-type text/plain lf-string "%[var(txn.plain)]" if { var(txn.plain) -m found }
    http-request return status 403 content-type text/plain string "not decrypted"
CONF
    serve server.log "$1" "${program[@]}" -W -db -f haproxy.cfg
    comes_up test -S "$socket" || { cat server.log && return 1; }
}
asked() { # SEALED
    local nonce tag sealed
    { read -r nonce && read -r tag && read -r sealed; } <"$1"
    software /usr/bin/curl -sS --max-time 20 --unix-socket "$socket" -H "X-Nonce: $nonce" -H "X-Tag: $tag" \
        -H "X-Sealed: $sealed" -w '\n%{http_code}\n' http://localhost/
}

hsm_without_token() { hsm HSMZKE_TOKEN=pkcs11:token=gone "$@"; }

text="what a cookie may say"
seal software "$key" "$text" >of-software
seal hsm "$reference" "$text" >of-hsm
sed '3s/^..../AAAA/' of-software >forged

check "it starts, its key a reference" start hsm "$reference"
check "it decrypts what software encrypted with the real key" says "^$text\$" asked of-software
check "and what another program encrypted under the HSM key" says "^$text\$" asked of-hsm
check "a forged message is not decrypted" says '^403$' asked forged
check "the next one is" says "^$text\$" asked of-software
stop TERM
check "software starts with the real key" start software "$key"
check "and decrypts what was encrypted under the HSM key" says "^$text\$" asked of-hsm
stop TERM
check "software starts with the reference's bytes" start software "$reference"
check "and decrypts nothing" says '^403$' asked of-hsm
stop TERM
check "it starts with a key that is not there" start hsm "$nothing"
check "and decrypts nothing, too" says '^403$' asked of-software
stop TERM
check "it starts without the token" start hsm_without_token "$reference"
check "and decrypts nothing" says '^403$' asked of-software
stop TERM

# It only decrypts. What it must not do is to decrypt what was encrypted under the reference's bytes.
seal software "$reference" "$text" >of-public
attempt() {
    local status=0
    rm -f answer-*
    if start faulty "$reference"; then
        asked of-hsm >answer-hsm || true
        asked of-public >answer-public || true
    else
        status=1
    fi
    stop TERM
    ((status == 0)) && grep -q "^$text\$" answer-hsm
}
opened_by() {
    case $1 in
    "$key") grep -qs "^$text\$" answer-hsm ;;
    "$reference") grep -qs "^$text\$" answer-public ;;
    *) false ;; # aes_gcm_dec(256, ...) takes no shorter key
    esac
}
shows_plaintext() { false; } # nothing is encrypted
matrix
