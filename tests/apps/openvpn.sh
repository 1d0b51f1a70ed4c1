#!/usr/bin/env bash
# OpenVPN with a static key: two peers on the loopback, without a tunnel device, that ping each other. One has a
# reference in its key file, the other the real key; a packet is taken if it was authenticated and decrypted.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

find_program /usr/sbin/openvpn openvpn || leave_out "openvpn is not installed and could not be fetched"

# A key file has 256 bytes: twice 64 for a cipher key and 64 for an HMAC key. Only the first of each is used here.
hmac_key=$(openssl rand -hex 64)
key_file() { # AES-KEY
    local half
    half=$1$(printf '%064d' 0)$hmac_key
    printf '%s\n' '-----BEGIN OpenVPN Static key V1-----'
    fold -w 32 <<<"$half$half"
    printf '%s\n' '-----END OpenVPN Static key V1-----'
}
key_file "$reference" >key-reference
key_file "$key" >key-real
key_file "$other_key" >key-other
key_file "$nothing" >key-nothing

free_port() {
    /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
left=$(free_port) right=$(free_port)

peer() { # HOW NAME KEY-FILE OWN-PORT OTHER-PORT
    serve "$2.log" "$1" "${program[@]}" --dev null --proto udp --local 127.0.0.1 --lport "$4" --remote 127.0.0.1 "$5" \
        --secret "$work/$3" --cipher AES-256-CBC --auth SHA256 --ping 1 --verb 4
}
connected() { grep -q 'Peer Connection Initiated' "$1.log"; }
both() { eventually connected left && eventually connected right; }
refused_packets() { grep -qE 'cipher final failed|Authenticate/Decrypt packet error' "$1.log"; }

# self_test HOW KEY-FILE: OpenVPN's own test, which encrypts and decrypts
self_test() {
    "$1" "${program[@]}" --test-crypto --secret "$work/$2" --cipher AES-256-CBC --auth SHA256 --verb 3
}
check "openvpn --test-crypto, the key a reference" self_test hsm key-reference
check "and with a key that is not there: an error" refused "$no_such_key" none self_test hsm key-nothing

peer hsm left key-reference "$left" "$right"
peer software right key-real "$right" "$left"
check "a peer with a reference and a peer of software with the real key" both
stop TERM
stop TERM
peer hsm left key-reference "$left" "$right"
peer software right key-other "$right" "$left"
check "the packets of a peer with another key are not decrypted" eventually refused_packets left
check "nor does that peer decrypt ours" eventually refused_packets right
check "no connection comes of it" not connected left
stop TERM
stop TERM

# One peer, and a listener in the place of the other that writes down what comes, in hexadecimal. The first packet is a
# ping, whose text is always the same.
ping_text=2a187bf3641eb4cb07ed2d0a981fc748
listen() { # PORT FILE
    serve listener.log software /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
out = open(sys.argv[2], "w")
while True:
    print(s.recv(65536).hex(), file=out, flush=True)' "$1" "$2"
    eventually test -e "$2"
}
attempt() {
    listen "$right" out.packets
    peer faulty left key-reference "$left" "$right"
    comes_up test -s out.packets || cat left.log
    stop TERM
    stop TERM
    [[ -s out.packets ]]
}
# A packet is the HMAC of 32 bytes, the IV and the ciphertext.
opened_by() {
    local packet
    while read -r packet; do
        if xxd -r -p <<<"${packet:96}" | software /usr/bin/openssl enc -d "-aes-$((${#1} * 4))-cbc" -nopad -K "$1" \
            -iv "${packet:64:32}" 2>/dev/null | xxd -p -c 0 | grep "$ping_text" >/dev/null; then return 0; fi
    done < <(cat out.packets)
    return 1
}
shows_plaintext() { grep -q "$ping_text" out.packets; }
matrix
