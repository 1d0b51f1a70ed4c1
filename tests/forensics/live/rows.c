/* The table of holders: see rows.h.  What each must hold was measured; docs/forensics-programs.md
 * has it. */
#include "rows.h"

#include <string.h>

#define BOTH .encrypt = FORM_PLAIN, .decrypt = FORM_REVERSED_IMC
#define HOLDER(words, debian, binary) .library = words, .package = debian, .program = binary

/* OPENSSL_ia32cap: without AES-NI (bit 57), without SSSE3 (bit 41) as well. */
#define OPENSSL_VPAES "OPENSSL_ia32cap=~0x200000000000000"
#define OPENSSL_C "OPENSSL_ia32cap=~0x200020000000000"
#define OPENSSL(words) HOLDER("OpenSSL, " words, "libssl-dev", "openssl")
#define GCRYPT(words) HOLDER("libgcrypt, " words, "libgcrypt20-dev", "libgcrypt")
#define TEXT(how) HOLDER("no library, " how, "gcc", "text"), .variant = how

const struct live_row live_rows[] = {
    { OPENSSL("ECB, AES-NI"), .variant = "aes-256-ecb", .needs = "aes", BOTH },
    { OPENSSL("CBC, AES-NI"), .variant = "aes-256-cbc", .needs = "aes", BOTH },
    { OPENSSL("CTR, AES-NI"), .variant = "aes-256-ctr", .encrypt = FORM_PLAIN },
    { OPENSSL("GCM, AES-NI"), .variant = "aes-256-gcm", .encrypt = FORM_PLAIN },
    { OPENSSL("CBC, and its random generator"), .variant = "aes-256-cbc+random", .needs = "aes",
      BOTH, .has_others = true },
    { OPENSSL("ECB, vpaes"), .variant = "aes-256-ecb", .environment = OPENSSL_VPAES,
      .needs = "ssse3", .encrypt = FORM_VPAES_ENCRYPT, .decrypt = FORM_VPAES_DECRYPT },
    { OPENSSL("CTR, bsaes"), .variant = "aes-256-ctr", .environment = OPENSSL_VPAES,
      .needs = "ssse3", .encrypt = FORM_PLAIN },
    { OPENSSL("CBC, vpaes and bsaes"), .variant = "aes-256-cbc", .environment = OPENSSL_VPAES,
      .needs = "ssse3", .encrypt = FORM_VPAES_ENCRYPT, .decrypt = FORM_REVERSED_IMC },
    { OPENSSL("ECB, C"), .variant = "aes-256-ecb", .environment = OPENSSL_C, BOTH },
    { OPENSSL("GCM, C"), .variant = "aes-256-gcm", .environment = OPENSSL_C, .encrypt = FORM_PLAIN,
      .idle = true },
    { HOLDER("Python cryptography, AES-NI", "python3-cryptography", "python"), .needs = "aes", BOTH,
      .idle = true },
    { HOLDER("Python cryptography, vpaes", "python3-cryptography", "python"),
      .environment = OPENSSL_VPAES, .needs = "ssse3", .encrypt = FORM_VPAES_ENCRYPT,
      .decrypt = FORM_VPAES_DECRYPT },
    { HOLDER("NSS, AES-NI", "libnss3-dev", "nss"), .needs = "aes", .encrypt = FORM_PLAIN,
      .decrypt = FORM_FORWARD_IMC, .idle = true },
    { HOLDER("NSS, generic", "libnss3-dev", "nss"), .environment = "NSS_DISABLE_HW_AES=1",
      .encrypt = FORM_PLAIN, .decrypt = FORM_FORWARD_IMC },
    { HOLDER("NSS, its FIPS mode", "libnss3-dev", "nss"), .variant = "fips", .idle = true },
    { HOLDER("GnuTLS, AES-NI", "libgnutls28-dev", "gnutls"), .needs = "aes",
      .encrypt = FORM_PLAIN | FORM_REVERSED_IMC, .decrypt = FORM_PLAIN | FORM_REVERSED_IMC,
      .idle = true },
    { HOLDER("GnuTLS, SSSE3", "libgnutls28-dev", "gnutls"),
      .environment = "GNUTLS_CPUID_OVERRIDE=0x4", .needs = "ssse3",
      .encrypt = FORM_VPAES_ENCRYPT | FORM_VPAES_DECRYPT,
      .decrypt = FORM_VPAES_ENCRYPT | FORM_VPAES_DECRYPT },
    { HOLDER("GnuTLS, nettle", "libgnutls28-dev", "gnutls"),
      .environment = "GNUTLS_CPUID_OVERRIDE=0x1", .encrypt = FORM_PLAIN | FORM_REVERSED_IMC,
      .decrypt = FORM_PLAIN | FORM_REVERSED_IMC, .forward_later = true },
    { HOLDER("GnuTLS, its self-tests", "libgnutls28-dev", "gnutls"), .variant = "selftest",
      .idle = true },
    { HOLDER("nettle, AES-NI", "nettle-dev", "nettle"), BOTH, .idle = true, .forward_later = true },
    { HOLDER("nettle, x86-64", "nettle-dev", "nettle"), .environment = "NETTLE_FAT_OVERRIDE=none",
      BOTH, .forward_later = true },
    { GCRYPT("AES-NI"), .needs = "aes", .encrypt = FORM_PLAIN,
      .decrypt = FORM_PLAIN | FORM_REVERSED_IMC, .idle = true },
    { GCRYPT("SSSE3"), .variant = "intel-aesni,intel-vaes-vpclmul", .needs = "ssse3",
      .encrypt = FORM_VPAES_ENCRYPT, .decrypt = FORM_VPAES_ENCRYPT | FORM_VPAES_DECRYPT },
    { GCRYPT("generic"), .variant = "intel-aesni,intel-vaes-vpclmul,intel-ssse3",
      .encrypt = FORM_PLAIN, .decrypt = FORM_PLAIN | FORM_FORWARD_IMC },
    { GCRYPT("its FIPS mode"), .environment = "LIBGCRYPT_FORCE_FIPS_MODE=1", .idle = true },
    { GCRYPT("its self-tests"), .variant = "selftest", .idle = true },
    { HOLDER("Mbed TLS", "libmbedtls-dev", "mbedtls"), BOTH, .idle = true },
    { HOLDER("Mbed TLS, its self-test", "libmbedtls-dev", "mbedtls"), .variant = "selftest",
      .idle = true },
    { HOLDER("Botan, AES-NI", "libbotan-2-dev", "botan"), .needs = "aes",
      .encrypt = FORM_PLAIN | FORM_REVERSED_IMC, .decrypt = FORM_PLAIN | FORM_REVERSED_IMC,
      .idle = true },
    { HOLDER("Botan, vperm", "libbotan-2-dev", "botan"), .variant = "aesni", .needs = "ssse3",
      .encrypt = FORM_VPAES_ENCRYPT | FORM_VPAES_DECRYPT,
      .decrypt = FORM_VPAES_ENCRYPT | FORM_VPAES_DECRYPT },
    { HOLDER("Botan, base", "libbotan-2-dev", "botan"), .variant = "aesni,ssse3",
      .encrypt = FORM_SWAPPED_PLAIN | FORM_SWAPPED_REVERSED_IMC,
      .decrypt = FORM_SWAPPED_PLAIN | FORM_SWAPPED_REVERSED_IMC },
    { HOLDER("wolfSSL", "libwolfssl-dev", "wolfssl"), .encrypt = FORM_SWAPPED_PLAIN,
      .decrypt = FORM_SWAPPED_REVERSED_IMC, .idle = true },
    { HOLDER("libsodium, GCM", "libsodium-dev", "libsodium"), .needs = "aes", .encrypt = FORM_PLAIN,
      .idle = true },
    { HOLDER("Crypto++, AES-NI", "libcrypto++-dev", "cryptopp"), .needs = "aes", BOTH,
      .idle = true },
    { HOLDER("Crypto++, base", "libcrypto++-dev", "cryptopp"), .variant = "base",
      .encrypt = FORM_SWAPPED_PLAIN, .decrypt = FORM_SWAPPED_REVERSED_IMC },
    { HOLDER("libtomcrypt", "libtomcrypt-dev", "libtomcrypt"),
      .encrypt = FORM_SWAPPED_PLAIN | FORM_SWAPPED_REVERSED_IMC,
      .decrypt = FORM_SWAPPED_PLAIN | FORM_SWAPPED_REVERSED_IMC, .idle = true },
    { HOLDER("libtomcrypt, its self-test", "libtomcrypt-dev", "libtomcrypt"), .variant = "selftest",
      .idle = true },
    { HOLDER("Go, AES-NI", "golang-go", "golang"), .needs = "aes",
      .encrypt = FORM_PLAIN | FORM_REVERSED_IMC, .decrypt = FORM_PLAIN | FORM_REVERSED_IMC,
      .idle = true },
    { HOLDER("Go, generic", "golang-go", "golang"), .environment = "GODEBUG=cpu.aes=off",
      .encrypt = FORM_SWAPPED_PLAIN | FORM_SWAPPED_REVERSED_IMC,
      .decrypt = FORM_SWAPPED_PLAIN | FORM_SWAPPED_REVERSED_IMC },
    { HOLDER("Rust aes 0.6, fixslice64", "librust-aes-dev and cargo", "rust"),
      .encrypt = FORM_FIXSLICE64, .decrypt = FORM_FIXSLICE64, .idle = true },
    { TEXT("hex"), .encoding = "hex" },
    { TEXT("colons"), .encoding = "hex, separated" },
    { TEXT("hex utf-16"), .encoding = "hex, UTF-16" },
    { TEXT("base64"), .encoding = "base64" },
    { TEXT("base64 utf-16"), .encoding = "base64, UTF-16" },
    { TEXT("halves"), .encoding = "two halves" },
    { TEXT("bswap32"), .encoding = "bswap32" },
    { TEXT("reversed"), .encoding = "reversed" },
    { HOLDER("XMM registers only", "gcc", "registers"), .variant = "xmm", .needs = "aes", BOTH,
      .only_in_registers = true },
    { HOLDER("YMM registers only", "gcc", "registers"), .variant = "ymm", .needs = "avx", BOTH,
      .only_in_registers = true },
    { HOLDER("ZMM registers only", "gcc", "registers"), .variant = "zmm", .needs = "avx512f", BOTH,
      .only_in_registers = true },
};

const size_t live_row_count = sizeof(live_rows) / sizeof(*live_rows);

static const struct {
    const char *name;
    enum schedule_order order;
    enum schedule_transform transform;
    enum schedule_bytes bytes;
} forms[FORM_COUNT] = {
    { "plain", ORDER_FORWARD, TRANSFORM_PLAIN, BYTES_NATURAL },
    { "reversed InvMixColumns", ORDER_REVERSED, TRANSFORM_INV_MIX_COLUMNS, BYTES_NATURAL },
    { "forward InvMixColumns", ORDER_FORWARD, TRANSFORM_INV_MIX_COLUMNS, BYTES_NATURAL },
    { "vpaes encrypt", ORDER_FORWARD, TRANSFORM_VPAES_ENCRYPT, BYTES_NATURAL },
    { "vpaes decrypt", ORDER_REVERSED, TRANSFORM_VPAES_DECRYPT, BYTES_NATURAL },
    { "plain bswap32", ORDER_FORWARD, TRANSFORM_PLAIN, BYTES_SWAPPED_32 },
    { "reversed InvMixColumns bswap32", ORDER_REVERSED, TRANSFORM_INV_MIX_COLUMNS,
      BYTES_SWAPPED_32 },
    { "fixslice64", ORDER_FORWARD, TRANSFORM_FIXSLICE64, BYTES_NATURAL },
};

unsigned int live_form_of(const struct finding *finding)
{
    for (unsigned int i = 0; i < FORM_COUNT; i++)
        if (finding->order == forms[i].order && finding->transform == forms[i].transform &&
            finding->bytes == forms[i].bytes)
            return 1u << i;
    return 0;
}

const char *live_form_name(unsigned int form)
{
    for (unsigned int i = 0; i < FORM_COUNT; i++)
        if (form == 1u << i)
            return forms[i].name;
    return "?";
}

bool live_row_fits(const struct live_row *row)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (row->needs == NULL)
        return true;
    if (strcmp(row->needs, "avx512f") == 0)
        return __builtin_cpu_supports("avx512f");
    if (strcmp(row->needs, "avx") == 0)
        return __builtin_cpu_supports("aes") && __builtin_cpu_supports("avx");
    if (strcmp(row->needs, "ssse3") == 0)
        return __builtin_cpu_supports("ssse3");
    return __builtin_cpu_supports("aes");
#else
    return row->needs == NULL;
#endif
}
