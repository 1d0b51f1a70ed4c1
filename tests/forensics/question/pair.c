/*
 * One block of each mode, so chosen that E_K(plain) can be read off it.
 */
#include "pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "secret.h"
#include "reference.h"

/* What the child says. */
struct answer {
    bool good;
    struct pair pair;
    struct failure why;
};

/* One way to the pair: in[i] ^ IV or counter -> out. */
struct way {
    const char *cipher, *mechanism;
    int encrypt;
    bool (*ask)(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                int encrypt, struct pair *pair);
};

static bool run(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                const unsigned char *iv, int encrypt, const unsigned char in[16],
                unsigned char out[16])
{
    unsigned char got[64];
    int size = 0;
    const bool good = EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1 &&
                      EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
                      EVP_CipherUpdate(ctx, got, &size, in, 16) == 1;

    if (good && size == 16)
        memcpy(out, got, 16);
    return good && size == 16;
}

static void xor_block(unsigned char out[16], const unsigned char in[16])
{
    for (int i = 0; i < 16; i++)
        out[i] ^= in[i];
}

/* E(plain), or D of the random bytes that `plain` begins as. */
static bool ask_ecb(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                    int encrypt, struct pair *pair)
{
    if (encrypt)
        return run(ctx, cipher, key, NULL, 1, pair->plain, pair->cipher);
    memcpy(pair->cipher, pair->plain, sizeof(pair->cipher));
    return run(ctx, cipher, key, NULL, 0, pair->cipher, pair->plain);
}

/* The block that is encrypted is the input XOR the IV. */
static bool ask_cbc(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                    int encrypt, struct pair *pair)
{
    unsigned char iv[16], in[16];

    if (RAND_bytes(iv, sizeof(iv)) != 1)
        return false;
    memcpy(in, pair->plain, sizeof(in));
    if (encrypt) {
        xor_block(in, iv);
        return run(ctx, cipher, key, iv, 1, in, pair->cipher);
    }
    memcpy(pair->cipher, in, sizeof(in));
    if (!run(ctx, cipher, key, iv, 0, in, pair->plain))
        return false;
    xor_block(pair->plain, iv);
    return true;
}

/* The first counter block is the IV: zeros come out as its encryption, in either direction. */
static bool ask_ctr(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                    int encrypt, struct pair *pair)
{
    static const unsigned char zeros[16];

    return run(ctx, cipher, key, pair->plain, encrypt, zeros, pair->cipher);
}

/* With an IV of 96 bits the first block is encrypted with the counter block IV || 00000002. */
static bool ask_gcm(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                    int encrypt, struct pair *pair)
{
    static const unsigned char zeros[16];
    unsigned char rest[16];
    int size;

    return run(ctx, cipher, key, pair->plain, encrypt, zeros, pair->cipher) &&
           EVP_CipherFinal_ex(ctx, rest, &size) == 1;
}

static const struct way ways[] = {
    { "AES-256-ECB", "AES-256-ECB", 1, ask_ecb },
    { "AES-256-CBC", "AES-256-CBC", 1, ask_cbc },
    { "AES-256-CTR", "AES-256-CTR", 1, ask_ctr },
    { "AES-256-GCM", "AES-256-GCM", 1, ask_gcm },
    { "AES-256-CTR", "AES-256-CTR, decryption", 0, ask_ctr },
    { "AES-256-ECB", "AES-256-ECB, decryption", 0, ask_ecb },
    { "AES-256-CBC", "AES-256-CBC, decryption", 0, ask_cbc },
};

/*
 * Takes the words of the oldest error that has some off the queue.
 * @return whether another way may do: the HSM and its key were found, and this one was refused
 */
static bool take_error(const char *what, struct failure *why)
{
    const char *data = NULL, *file, *function;
    int line, flags = 0;
    unsigned long code, first = 0;

    while ((code = ERR_get_error_all(&file, &line, &function, &data, &flags)) != 0 && first == 0) {
        const char *reason = ERR_reason_error_string(code);
        const bool words = (flags & ERR_TXT_STRING) != 0 && data != NULL && *data != '\0';

        first = code;
        failure_set(why, FAILURE_OPERATION, "%s: %s", what,
                    words            ? data
                    : reason != NULL ? reason
                                     : "OpenSSL does not say why");
    }
    ERR_clear_error();
    if (first == 0)
        failure_set(why, FAILURE_OPERATION, "%s: the operation fails without a reason", what);
    return first == 0 || ERR_GET_REASON(first) == FAILURE_KEY_UNSUITABLE ||
           ERR_GET_REASON(first) == FAILURE_OPERATION ||
           ERR_GET_REASON(first) == FAILURE_NOT_OFFERED;
}

static bool try_way(const struct way *way, const unsigned char *key, struct pair *pair)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, way->cipher, "provider=" HSMZKE_PROVIDER_NAME);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const bool good =
        cipher != NULL && ctx != NULL && way->ask(ctx, cipher, key, way->encrypt, pair);

    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return good;
}

/* The configuration's provider, or (as `openssl -provider hsmzke` does) the installed one. */
static bool find_provider(struct failure *why)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1 &&
        (OSSL_PROVIDER_available(NULL, HSMZKE_PROVIDER_NAME) == 1 ||
         OSSL_PROVIDER_load(NULL, HSMZKE_PROVIDER_NAME) != NULL))
        return true;
    take_error("the provider hsmzke cannot be loaded (does OPENSSL_CONF name the application's "
               "openssl.cnf, and is hsmzke.so where `openssl version -m` says?)",
               why);
    return false;
}

static bool ask(const char *reference, struct pair *pair, struct failure *why)
{
    unsigned char key[HSMZKE_REFERENCE_SIZE] = { 0 };
    struct failure first;

    memcpy(key, reference, strlen(reference));
    if (!find_provider(why))
        return false;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        unsigned char plain[16];
        bool another;

        memcpy(plain, pair->plain, sizeof(plain));
        if (try_way(&ways[i], key, pair)) {
            snprintf(pair->mechanism, sizeof(pair->mechanism), "%s", ways[i].mechanism);
            return true;
        }
        memcpy(pair->plain, plain, sizeof(plain));
        another = take_error(ways[i].mechanism, why);
        if (i == 0)
            first = *why;
        if (!another)
            return false;
    }
    return failure_set(why, FAILURE_KEY_UNSUITABLE,
                       "the key allows none of ECB, CBC, CTR and GCM, in either direction; one is "
                       "needed to ask for a block (%.300s)",
                       first.text);
}

/* In the child. */
static void answer(int fd, const char *reference)
{
    struct answer answer = { 0 };
    static const unsigned char counter[4] = { 0, 0, 0, 2 };

    /* OpenSSL's random numbers may be the provider's, from the HSM: good ones too. */
    memset(&answer, 0, sizeof(answer));
    if (getentropy(answer.pair.plain, 12) != 0) {
        failure_set(&answer.why, FAILURE_OPERATION, "no random numbers: %s", strerror(errno));
    } else {
        memcpy(answer.pair.plain + 12, counter, sizeof(counter));
        answer.good = ask(reference, &answer.pair, &answer.why);
    }
    _exit(write(fd, &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
}

static bool read_whole(int fd, void *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t got = read(fd, (char *)to + done, size - done);

        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool ask_child(struct pair *pair, const char *reference, int ends[2], struct failure *why)
{
    struct answer got;
    const pid_t child = fork();
    bool whole;
    int status = 0;

    if (child == 0)
        answer(ends[1], reference);
    close(ends[1]);
    whole = child > 0 && read_whole(ends[0], &got, sizeof(got));
    close(ends[0]);
    if (child < 0)
        return failure_set(why, FAILURE_OPERATION, "no process to ask the HSM in: %s",
                           strerror(errno));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!whole)
        return failure_set(why, FAILURE_OPERATION,
                           "the process that asks the HSM ended before its answer (%s %d); does "
                           "`openssl enc` with this configuration and reference work?",
                           WIFSIGNALED(status) ? "signal" : "status",
                           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (!got.good)
        *why = got.why;
    else
        *pair = got.pair;
    return got.good;
}

bool pair_ask(struct pair *pair, const char *reference, struct failure *why)
{
    struct reference parsed;
    int ends[2];

    if (!reference_from_text(&parsed, reference, why))
        return false;
    if (pipe(ends) != 0)
        return failure_set(why, FAILURE_OPERATION, "no pipe: %s", strerror(errno));
    return ask_child(pair, reference, ends, why);
}
