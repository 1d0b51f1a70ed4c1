"""seal.py encrypt|decrypt KEYHEX IVHEX IN OUT: AES-256-CBC with python3-cryptography.

As it might have been written for any key; it knows nothing of providers.
"""
import sys

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

action, key, iv, source, target = sys.argv[1:]
cipher = Cipher(algorithms.AES(bytes.fromhex(key)), modes.CBC(bytes.fromhex(iv)))
with open(source, "rb") as file:
    data = file.read()
if action == "encrypt":
    pad = padding.PKCS7(128).padder()
    worker = cipher.encryptor()
    data = pad.update(data) + pad.finalize()
    result = worker.update(data) + worker.finalize()
else:
    pad = padding.PKCS7(128).unpadder()
    worker = cipher.decryptor()
    result = pad.update(worker.update(data) + worker.finalize()) + pad.finalize()
with open(target, "wb") as file:
    file.write(result)
