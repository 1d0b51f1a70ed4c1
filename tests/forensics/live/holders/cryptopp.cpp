/* Holds the key in an AES object of Crypto++; the variant "base" does without AES-NI. */
#include <cryptopp/aes.h>
#include <cryptopp/cpu.h>
#include <cstring>

#include "holder.h"

static CryptoPP::AES::Encryption encryption;
static CryptoPP::AES::Decryption decryption;
static CryptoPP::BlockTransformation *cipher;

extern "C" void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    if (std::strcmp(wish->variant, "base") == 0) {
        CryptoPP::HasAESNI(); // so that it does not look again
        CryptoPP::g_hasAESNI = false;
    }
    if (key == nullptr)
        return;
    if (wish->decrypt) {
        decryption.SetKey(key, 32);
        cipher = &decryption;
    } else {
        encryption.SetKey(key, 32);
        cipher = &encryption;
    }
}

extern "C" void holder_block(const unsigned char in[16], unsigned char out[16])
{
    cipher->ProcessBlock(in, out);
}
