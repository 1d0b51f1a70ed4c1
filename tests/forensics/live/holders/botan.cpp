/* Holds the key in a block cipher of Botan; the variant names features of the processor not to use. */
#include <botan/block_cipher.h>
#include <botan/cpuid.h>
#include <memory>
#include <sstream>
#include <string>

#include "holder.h"

/* Never freed: Botan's own memory would be gone before it. */
static Botan::BlockCipher *cipher;
static bool decrypting;

static void without_features(const char *list)
{
    std::istringstream names(list);

    for (std::string name; std::getline(names, name, ',');)
        for (auto bit : Botan::CPUID::bit_from_string(name))
            Botan::CPUID::clear_cpuid_bit(bit);
}

extern "C" void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    without_features(wish->variant);
    cipher = Botan::BlockCipher::create_or_throw("AES-256").release();
    decrypting = wish->decrypt != 0;
    if (key != nullptr)
        cipher->set_key(key, 32);
}

extern "C" void holder_block(const unsigned char in[16], unsigned char out[16])
{
    if (decrypting)
        cipher->decrypt(in, out);
    else
        cipher->encrypt(in, out);
}
