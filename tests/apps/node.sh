#!/usr/bin/env bash
# Node.js as Debian packages it, with the system's OpenSSL: createCipheriv and WebCrypto.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

debian_version() { apt-cache madison nodejs 2>/dev/null | awk '$3 ~ /dfsg/ { print $3; exit }'; }

# Debian's has the library in libnode.so.
node_of_debian() {
    if [[ -x /usr/bin/node ]] && uses_libcrypto /usr/bin/node; then
        program=(/usr/bin/node)
        return 0
    fi
    find_program /usr/bin/node nodejs "$(debian_version)" && "${program[@]}" -p 1
}
node_of_debian || leave_out "Debian's package nodejs is not installed and could not be fetched"
check "it has no OpenSSL of its own" says true "${program[@]}" -p process.config.variables.node_shared_openssl

for mode in aes-256-gcm aes-256-gcm-whole aes-256-cbc aes-256-ctr webcrypto-gcm webcrypto-cbc webcrypto-ctr; do
    both_ways "$mode" "${program[@]}" "$APPS_SCRIPTS/node-crypt.js"
done

refuses=8b # "OpenSSL configuration error: ... Permission denied"
matrix_of "aes-256-gcm aes-256-cbc" "${program[@]}" "$APPS_SCRIPTS/node-crypt.js"
