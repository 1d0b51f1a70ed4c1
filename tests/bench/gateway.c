/*
 * bench-gateway: what the gateway costs a program that has raw keys, beside the default provider
 * alone, in one process.
 *
 *     bench-gateway CONFIG [PAIRS [SECONDS]]
 *
 * CONFIG is an openssl.cnf with hsmzke in it and raw-keys = software; no HSM is asked.  For each
 * kind of work both sides take turns, PAIRS times, SECONDS each; what is shown is the median of the
 * pairs.  Nothing here fails for being slow.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAIRS_MOST = 99,
    SIZE_MOST = 16384,
};

/* One library context: the gateway's, or the default provider's. */
struct side {
    OSSL_LIB_CTX *library;
    EVP_CIPHER_CTX *cipher;
    SSL_CTX *server, *client;
};

struct work {
    const char *title;
    const char *cipher; /* NULL: a TLS 1.3 handshake */
    int size;
    double goal; /* default's time / gateway's time, at least */
};

static const struct work works[] = {
    { "aes-256-gcm, 64 B", "AES-256-GCM", 64, 0.90 },
    { "aes-256-gcm, 1 KiB", "AES-256-GCM", 1024, 0.97 },
    { "aes-256-gcm, 16 KiB", "AES-256-GCM", 16384, 0.97 },
    { "aes-128-gcm, 64 B", "AES-128-GCM", 64, 0.90 },
    { "aes-128-gcm, 1 KiB", "AES-128-GCM", 1024, 0.97 },
    { "aes-128-gcm, 16 KiB", "AES-128-GCM", 16384, 0.97 },
    { "TLS 1.3 handshake", NULL, 0, 0.97 },
};

static unsigned char data[SIZE_MOST];

static void need(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench-gateway: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* As `openssl speed -evp` does it: a key once, then an IV and the data each time. */
static void prepare_cipher(struct side *side, const char *name)
{
    static const unsigned char key[32] = { 1 }, iv[12] = { 2 };
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(side->library, name, NULL);

    EVP_CIPHER_CTX_free(side->cipher);
    side->cipher = EVP_CIPHER_CTX_new();
    need(cipher != NULL && side->cipher != NULL &&
             EVP_EncryptInit_ex2(side->cipher, cipher, key, iv, NULL),
         "a cipher cannot be set up");
    EVP_CIPHER_free(cipher);
}

static void encipher(const struct side *side, int size)
{
    static const unsigned char iv[12] = { 3 };
    unsigned char last[16];
    int length;

    need(EVP_EncryptInit_ex2(side->cipher, NULL, NULL, iv, NULL) &&
             EVP_EncryptUpdate(side->cipher, data, &length, data, size) &&
             EVP_EncryptFinal_ex(side->cipher, last, &length),
         "a message cannot be enciphered");
}

/* A certificate for the server, made by the default provider for both. */
static void make_certificate(OSSL_LIB_CTX *library, EVP_PKEY **key, X509 **certificate)
{
    X509_NAME *name = X509_NAME_new();

    *key = EVP_PKEY_Q_keygen(library, NULL, "EC", "P-256");
    *certificate = X509_new_ex(library, NULL);
    need(*key != NULL && *certificate != NULL, "a key cannot be made");
    X509_gmtime_adj(X509_getm_notBefore(*certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(*certificate), 3600);
    need(name != NULL &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench",
                                        -1, -1, 0) &&
             X509_set_subject_name(*certificate, name) &&
             X509_set_issuer_name(*certificate, name) && X509_set_pubkey(*certificate, *key) &&
             X509_sign(*certificate, *key, EVP_sha256()),
         "a certificate cannot be made");
    X509_NAME_free(name);
}

static void prepare_tls(struct side *side)
{
    EVP_PKEY *key;
    X509 *certificate;

    make_certificate(side->library, &key, &certificate);
    side->server = SSL_CTX_new_ex(side->library, NULL, TLS_server_method());
    side->client = SSL_CTX_new_ex(side->library, NULL, TLS_client_method());
    need(side->server != NULL && side->client != NULL &&
             SSL_CTX_use_certificate(side->server, certificate) &&
             SSL_CTX_use_PrivateKey(side->server, key) &&
             SSL_CTX_set_min_proto_version(side->server, TLS1_3_VERSION),
         "TLS cannot be set up");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void shake_hands(const struct side *side)
{
    SSL *server = SSL_new(side->server), *client = SSL_new(side->client);
    BIO *one, *other;
    int tries = 0;

    need(server != NULL && client != NULL && BIO_new_bio_pair(&one, 0, &other, 0),
         "a connection cannot be made");
    SSL_set_bio(server, one, one);
    SSL_set_bio(client, other, other);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    /* Each step gives the other something to read. */
    while (tries++ < 20 && (!SSL_is_init_finished(client) || !SSL_is_init_finished(server))) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    need(SSL_is_init_finished(server) && SSL_is_init_finished(client), "no handshake");
    SSL_free(server);
    SSL_free(client);
}

/* Microseconds for one. */
static double measure(const struct side *side, const struct work *work, double seconds)
{
    const int batch = work->cipher != NULL ? 64 : 4;
    const double begin = now();
    double end = begin;
    long count = 0;

    for (; end - begin < seconds; end = now()) {
        for (int i = 0; i < batch; i++) {
            if (work->cipher != NULL)
                encipher(side, work->size);
            else
                shake_hands(side);
        }
        count += batch;
    }
    return (end - begin) * 1e6 / (double)count;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void run(struct side *gateway, struct side *plain, const struct work *work, int pairs,
                double seconds)
{
    double ours[PAIRS_MOST], theirs[PAIRS_MOST], ratios[PAIRS_MOST], ratio;

    if (work->cipher != NULL) {
        prepare_cipher(gateway, work->cipher);
        prepare_cipher(plain, work->cipher);
    }
    for (int i = -1; i < pairs; i++) { /* -1 is to warm up */
        const int kept = i < 0 ? 0 : i;

        /* Whoever is first may find another clock rate: they take turns in that as well. */
        if (i % 2 == 0)
            ours[kept] = measure(gateway, work, seconds);
        theirs[kept] = measure(plain, work, seconds);
        if (i % 2 != 0)
            ours[kept] = measure(gateway, work, seconds);
        ratios[kept] = theirs[kept] / ours[kept];
    }
    ratio = median(ratios, pairs);
    printf("%-20s %9.3f %9.3f %7.3f  %6.3f ..%6.3f  %5.2f  %s\n", work->title,
           median(theirs, pairs), median(ours, pairs), ratio, ratios[0], ratios[pairs - 1],
           work->goal, ratio >= work->goal ? "reached" : "NOT reached");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const int pairs = argc > 2 ? atoi(argv[2]) : 15;
    const double seconds = argc > 3 ? atof(argv[3]) : 0.2;
    struct side gateway = { .library = OSSL_LIB_CTX_new() };
    struct side plain = { .library = OSSL_LIB_CTX_new() };

    if (argc < 2 || argc > 4 || pairs < 1 || pairs > PAIRS_MOST || seconds <= 0) {
        fprintf(stderr, "usage: bench-gateway CONFIG [PAIRS [SECONDS]]\n");
        return 2;
    }
    need(OSSL_LIB_CTX_load_config(gateway.library, argv[1]) == 1, "CONFIG cannot be read");
    need(OSSL_PROVIDER_load(plain.library, "default") != NULL, "there is no default provider");
    prepare_tls(&gateway);
    prepare_tls(&plain);
    printf("Microseconds each, and default / gateway of the same pair: medians of %d pairs of %g s "
           "each side.\nRaw keys, one thread.\n\n%-20s %9s %9s %7s  %-14s  %5s\n",
           pairs, seconds, "", "default", "gateway", "ratio", "lowest,highest", "goal");
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        run(&gateway, &plain, &works[i], pairs, seconds);
    return 0;
}
