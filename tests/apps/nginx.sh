#!/usr/bin/env bash
# nginx: session tickets under an HSM key (an ssl_session_ticket_key file of 80 bytes), workers that are forked, reload.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

find_program /usr/sbin/nginx nginx || leave_out "nginx is not installed and could not be fetched"
socket=$work/socket
((${#socket} < 100)) || leave_out "the path $socket is too long for a socket"

# 16 bytes of name, 32 of the HMAC key, 32 of the AES key. The HMAC key is an ordinary one.
hmac_key=$(openssl rand -hex 32)
ticket_key() { printf '%s%s%s' "$(printf 'hsmzke-apps-test' | xxd -p)" "$hmac_key" "$1" | xxd -r -p; }
ticket_key "$reference" >ticket-reference
ticket_key "$key" >ticket-real
ticket_key "$other_key" >ticket-other
ticket_key "$nothing" >ticket-nothing

software /usr/bin/openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout tls.key -out tls.crt -days 2 \
    2>/dev/null

configure() { # TICKET-KEY PROTOCOL TEXT
    cat >nginx.conf <<CONF
daemon off;
worker_processes 2;
pid $work/nginx.pid;
error_log $work/error.log info;
$( ((EUID != 0)) || echo "user root;")
# nginx takes the environment from its workers; this one SoftHSM reads there, hsmzke's were read before.
env SOFTHSM2_CONF;
$(for name in MODULE LOG FILE SCRIPT; do echo "env HSMZKE_SPY_$name;"; done)
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server {
        listen unix:$socket ssl;
        ssl_certificate $work/tls.crt;
        ssl_certificate_key $work/tls.key;
        ssl_protocols $2;
        ssl_session_cache off;
        ssl_session_tickets on;
        ssl_session_ticket_key $work/$1;
        location / { default_type text/plain; return 200 "$3\n"; }
    }
}
CONF
}
start() { # HOW TICKET-KEY PROTOCOL
    rm -f "$socket"
    configure "$2" "$3" first
    serve server.log "$1" "${program[@]}" -c "$work/nginx.conf" -e "$work/error.log"
    comes_up test -S "$socket" || { cat server.log error.log && return 1; }
}
with_raw_keys() { hsm HSMZKE_RAW_KEYS=software "$@"; }

# The client has nothing to do with hsmzke.
client() { # OPTION...: prints what s_client says
    printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' |
        software timeout 5 /usr/bin/openssl s_client -unix "$socket" -servername localhost -ign_eof "$@" 2>&1
}
new_session() { # FILE
    rm -f "$1"
    client -sess_out "$1" >client.log
    cat client.log
    grep -q '^New, ' client.log && grep -q '^first\|^second' client.log && [[ -s $1 ]]
}
reused() { # FILE
    client -sess_in "$1" >client.log
    cat client.log
    grep -q '^Reused, ' client.log && grep -q '^first\|^second' client.log
}
# The ticket is name, IV, ciphertext, HMAC. Under it is the session, a DER sequence.
opened_by_openssl_enc() { # FILE KEY
    local ticket size
    take_ticket "$1" || return
    xxd -r -p <<<"${ticket:64:size-128}" |
        software /usr/bin/openssl enc -d "-aes-$((${#2} * 4))-cbc" -K "$2" -iv "${ticket:32:32}" >session.der &&
        [[ $(xxd -p -l 1 session.der) == 30 ]]
}
take_ticket() { # FILE: sets `ticket`, in hexadecimal, and `size`
    # s_client -sess_out writes PEM; sess_id -text shows the ticket as a hex dump.
    ticket=$(software /usr/bin/openssl sess_id -in "$1" -noout -text |
        sed -n '/TLS session ticket:/,/^$/s/^ *[0-9a-f]* - \(.\{48\}\).*/\1/p' | tr -d ' \n-')
    size=${#ticket}
    ((size > 160)) || return
    [[ ${ticket:0:32} == "$(printf 'hsmzke-apps-test' | xxd -p)" ]]
}
reloads() {
    configure ticket-reference "$1" second
    kill -HUP "${servers[-1]}"
    eventually answers second
}
answers() { client | grep -q "^$1"; }
all_reused() {
    local times
    for ((times = 0; times < 8; times++)); do reused session-hsm || return; done
}

for protocol in TLSv1.2 TLSv1.3; do
    check "$protocol: it starts, its ticket key a reference" start with_raw_keys ticket-reference $protocol
    check "$protocol: a client gets a ticket" new_session session-hsm
    check "$protocol: openssl enc with the real key opens the ticket" opened_by_openssl_enc session-hsm "$key"
    check "$protocol: the reference's bytes do not" not opened_by_openssl_enc session-hsm "$reference"
    check "$protocol: the ticket is taken, by whichever worker, eight times" all_reused
    check "$protocol: it reloads" reloads $protocol
    check "$protocol: new workers take the ticket" all_reused
    stop QUIT
    check "$protocol: it ends in order" test "$ended" = 0
    check "$protocol: software starts with the real key" start software ticket-real $protocol
    check "$protocol: and takes the ticket of the HSM key" reused session-hsm
    check "$protocol: and gives one out" new_session session-software
    stop QUIT
    check "$protocol: software starts with another key" start software ticket-other $protocol
    check "$protocol: and does not take the ticket" not reused session-hsm
    stop QUIT
    check "$protocol: it starts with the HSM key again" start with_raw_keys ticket-reference $protocol
    check "$protocol: the ticket of software is taken" reused session-software
    stop QUIT
    check "$protocol: it starts with a key that is not there" start with_raw_keys ticket-nothing $protocol
    check "$protocol: no ticket comes from it" not new_session session-none
    check "$protocol: and the error log says why" grep -q "$no_such_key" error.log
    stop QUIT
done

with_raw_keys_faulty() { faulty env HSMZKE_RAW_KEYS=software "$@"; }
attempt() {
    local status=0
    { start with_raw_keys_faulty ticket-reference TLSv1.3 && new_session out.session; } || status=1
    stop QUIT
    return "$status"
}
opened_by() { [[ -s out.session ]] && opened_by_openssl_enc out.session "$1"; }
# The session's own secret in the ticket, which stands in the clear on the wire
shows_plaintext() {
    local ticket size master
    [[ -s out.session ]] && take_ticket out.session || return
    master=$(software /usr/bin/openssl sess_id -in out.session -noout -text |
        sed -n 's/^ *\(Master-Key\|Resumption PSK\): *//p' | tr 'A-F' 'a-f')
    ((${#master} >= 64)) && [[ $ticket == *"$master"* ]]
}
matrix
