#!/usr/bin/env bash
# python3-cryptography: the hazmat ciphers, AESGCM and the key wrap.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

python=/usr/bin/python3
"$python" -c 'import cryptography' 2>/dev/null || leave_out "python3-cryptography is not installed"

cat >crypt.py <<'SCRIPT'
import sys
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

mode, direction, key, iv = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4])
data = sys.stdin.buffer.read()
encrypting = direction == "enc"


def pieces(context, data, size):
    return b"".join(context.update(data[i:i + size]) for i in range(0, len(data), size)) + context.finalize()


def cipher(mode):
    whole = Cipher(algorithms.AES(key), mode)
    return whole.encryptor() if encrypting else whole.decryptor()


if mode == "aes-256-gcm":
    aead = AESGCM(key)
    out = (aead.encrypt if encrypting else aead.decrypt)(iv, data, b"header")
elif mode == "aes-256-gcm-pieces":  # the tag in front
    if encrypting:
        context = cipher(modes.GCM(iv))
        out = pieces(context, data, 4097)
        out = context.tag + out
    else:
        out = pieces(cipher(modes.GCM(iv, data[:16])), data[16:], 5003)
elif mode == "aes-256-cbc":
    if encrypting:
        padder = PKCS7(128).padder()
        data = padder.update(data) + padder.finalize()
    out = pieces(cipher(modes.CBC(iv)), data, 7001)
    if not encrypting:
        padder = PKCS7(128).unpadder()
        out = padder.update(out) + padder.finalize()
elif mode == "aes-256-ctr":
    out = pieces(cipher(modes.CTR(iv)), data, 1001)
elif mode == "wrap":
    out = (keywrap.aes_key_wrap if encrypting else keywrap.aes_key_unwrap)(key, data)
else:
    sys.exit("which mode?")
sys.stdout.buffer.write(out)
SCRIPT

for mode in aes-256-gcm aes-256-gcm-pieces aes-256-cbc aes-256-ctr wrap; do
    both_ways "$mode" "$python" crypt.py
done

matrix_of "aes-256-gcm aes-256-cbc" "$python" crypt.py
