#!/usr/bin/env bash
# A Node.js that carries an OpenSSL of its own, as those from nodejs.org do, if one is on hand: it works with the same
# file, and errors still have words there.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

own_node() {
    local node
    while read -r node; do
        if [[ $("$node" -p process.config.variables.node_shared_openssl 2>/dev/null) == false &&
            $("$node" -p process.versions.openssl) == 3.* ]]; then
            printf '%s\n' "$node"
            return 0
        fi
    done < <(type -aP node)
    return 1
}
node=$(own_node) || leave_out "no Node.js with an OpenSSL 3 of its own is in PATH"
echo "$node: Node.js $("$node" --version), OpenSSL $("$node" -p process.versions.openssl)"

for mode in aes-256-gcm aes-256-cbc aes-256-ctr webcrypto-gcm; do
    both_ways "$mode" "$node" "$APPS_SCRIPTS/node-crypt.js"
done

refuses=8b # "OpenSSL configuration error: ... Permission denied"
matrix_of "aes-256-gcm aes-256-cbc" "$node" "$APPS_SCRIPTS/node-crypt.js"
