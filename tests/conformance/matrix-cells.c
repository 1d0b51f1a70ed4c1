/*
 * The cells of the module matrix.  Each algorithm is run in several shapes in both directions with
 * a key that software knows; the audit log tells the mechanisms that the HSM did it with.  What
 * fails must fail in all of them, with words, and give nothing out.
 */
#include "matrix-cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

/* Decryption in CFB goes over ECB where that is two calls or fewer, which are 8 KiB. */
enum { LARGEST = 12 * 1024, TAG = 16, HEAD = 20 };

struct algorithm {
    const char *name;
    /* 1, or 0 with words on the queue; `size` bytes in pieces (0: in one) */
    int (*run)(const struct algorithm *algorithm, size_t size, size_t piece);
    const char *evp;
    const char *native;     /* how its own mechanism's name begins */
    const size_t shapes[6]; /* sizes and pieces; the last pair decides what the cell says */
};

static OSSL_LIB_CTX *context;
static const char *log_file;
static size_t turned; /* the log's size where the last run began to decrypt; 0: it did not */
static unsigned char data[LARGEST], raw[32], secret[64], gold[32], generic[32];
static const unsigned char iv[16] = "an IV of sixteen", aad[HEAD] = "what is not secret..";

static size_t log_size(void)
{
    size_t size = 0;

    (void)read_file(log_file, &size);
    return size;
}

/* Empties the queue, which must tell the cause and the cure. The TPM's AES keys sign nothing. */
static const char *words_of_refusal(void)
{
    const char *words = error_text();

    if (strstr(words, "its CKA_SIGN is false") == NULL) {
        CHECK_HAS(words, "CKM_");
        CHECK_HAS(words, "use an algorithm that it offers");
    }
    return words;
}

/* ---- ciphers without a tag ---- */

static int one_way(const struct algorithm *algorithm, bool ours, int encrypt,
                   const unsigned char *in, size_t size, size_t piece, unsigned char *out,
                   size_t *out_size)
{
    struct message message = { .cipher = algorithm->evp,
                               .key = ours ? gold : raw,
                               .iv = strstr(algorithm->evp, "WRAP") != NULL ? NULL : iv,
                               .encrypt = encrypt,
                               .padding = 1,
                               .in = in,
                               .size = size,
                               .out = out,
                               .piece = piece };
    const int ok = message_run(ours ? context : context_default(), &message);

    *out_size = message.out_size;
    return ok;
}

static int run_cipher(const struct algorithm *algorithm, size_t size, size_t piece)
{
    unsigned char theirs[LARGEST + 32], out[LARGEST + 64], back[LARGEST + 64];
    size_t theirs_size, out_size, back_size;

    CHECK(one_way(algorithm, false, 1, data, size, piece, theirs, &theirs_size) == 1);
    blank_fill(out, sizeof(out));
    blank_fill(back, sizeof(back));
    if (!one_way(algorithm, true, 1, data, size, piece, out, &out_size)) {
        /* Then what software has encrypted is not decrypted either. */
        (void)words_of_refusal();
        CHECK(out_size == 0 && still_blank(out, sizeof(out)));
        CHECK(!one_way(algorithm, true, 0, theirs, theirs_size, piece, back, &back_size));
        CHECK(back_size == 0 && still_blank(back, sizeof(back)));
        return 0;
    }
    CHECK(out_size == theirs_size && memcmp(out, theirs, out_size) == 0);
    turned = log_size();
    if (!one_way(algorithm, true, 0, theirs, theirs_size, piece, back, &back_size))
        testing_failed(__FILE__, __LINE__, text("%s decrypts: %s", algorithm->name, error_text()));
    CHECK(back_size == size && memcmp(back, data, size) == 0);
    return 1;
}

/* ---- GCM ---- */

static int gcm(bool ours, int encrypt, const unsigned char *in, size_t size, size_t piece,
               unsigned char *out, unsigned char tag[TAG])
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(ours ? context : context_default(), "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, ok;

    CHECK(cipher != NULL && ctx != NULL);
    ok = EVP_CipherInit_ex2(ctx, cipher, ours ? gold : raw, iv, encrypt, NULL) == 1 &&
         (encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1) &&
         EVP_CipherUpdate(ctx, NULL, &n, aad, HEAD) == 1;
    for (size_t done = 0; ok && done < size;) {
        const size_t next = piece == 0 || size - done < piece ? size - done : piece;

        ok = EVP_CipherUpdate(ctx, out + done, &n, in + done, (int)next) == 1;
        CHECK(!ok || n == (int)next);
        done += next;
    }
    ok = ok && EVP_CipherFinal_ex(ctx, out + size, &n) == 1 &&
         (!encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok;
}

/* The shortest is also tried with a wrong tag. */
static void run_gcm_back(const struct algorithm *algorithm, const unsigned char *sealed,
                         size_t size, size_t piece, unsigned char tag[TAG])
{
    unsigned char back[LARGEST + 16];

    if (!gcm(true, 0, sealed, size, piece, back, tag))
        testing_failed(__FILE__, __LINE__, text("%s decrypts: %s", algorithm->name, error_text()));
    CHECK(memcmp(back, data, size) == 0);
    if (size != algorithm->shapes[0])
        return;
    tag[3] ^= 1;
    CHECK(gcm(true, 0, sealed, size, piece, back, tag) == 0);
    CHECK_HAS(error_text(), "authentic");
}

static int run_gcm(const struct algorithm *algorithm, size_t size, size_t piece)
{
    unsigned char theirs[LARGEST], out[LARGEST + 16], tag[TAG], our_tag[TAG];

    CHECK(gcm(false, 1, data, size, piece, theirs, tag) == 1);
    blank_fill(out, sizeof(out));
    if (!gcm(true, 1, data, size, piece, out, our_tag)) {
        (void)words_of_refusal();
        CHECK(still_blank(out, sizeof(out)));
        CHECK(!gcm(true, 0, theirs, size, piece, out, tag) && still_blank(out, sizeof(out)));
        return 0;
    }
    CHECK(memcmp(out, theirs, size) == 0 && memcmp(our_tag, tag, TAG) == 0);
    turned = log_size();
    run_gcm_back(algorithm, theirs, size, piece, tag);
    return 1;
}

/* ---- MACs and random numbers ---- */

static int run_mac(const struct algorithm *algorithm, size_t size, size_t piece)
{
    const bool hmac = strcmp(algorithm->evp, "HMAC") == 0;
    const bool gmac = strcmp(algorithm->evp, "GMAC") == 0;
    struct mac_message ours = { .mac = algorithm->evp,
                                .algorithm = hmac   ? "SHA256"
                                             : gmac ? "AES-256-GCM"
                                                    : "AES-256-CBC",
                                .iv = gmac ? iv : NULL,
                                .iv_size = 12,
                                .key = hmac ? generic : gold,
                                .key_size = 32,
                                .in = data,
                                .size = size,
                                .piece = piece };
    struct mac_message theirs = ours;

    theirs.key = hmac ? secret : raw;
    CHECK(mac_run(context_default(), &theirs) == 1);
    blank_fill(ours.out, sizeof(ours.out));
    if (!mac_run(context, &ours)) {
        CHECK(ours.out_size == 0 && still_blank(ours.out, sizeof(ours.out)));
        return 0;
    }
    CHECK(ours.out_size == theirs.out_size);
    CHECK(memcmp(ours.out, theirs.out, ours.out_size) == 0);
    return 1;
}

/* There is nothing to compare with: what is drawn twice must differ. */
static int run_random(const struct algorithm *algorithm, size_t size, size_t piece)
{
    unsigned char one[LARGEST], two[LARGEST];
    EVP_RAND *rand = EVP_RAND_fetch(context, algorithm->evp, NULL);
    EVP_RAND_CTX *ctx = EVP_RAND_CTX_new(rand, NULL);
    int ok;

    (void)piece;
    CHECK(rand != NULL && ctx != NULL);
    ok = EVP_RAND_instantiate(ctx, 256, 0, NULL, 0, NULL) == 1 &&
         EVP_RAND_generate(ctx, one, size, 256, 0, NULL, 0) == 1 &&
         EVP_RAND_generate(ctx, two, size, 256, 0, NULL, 0) == 1;
    CHECK(!ok || memcmp(one, two, size) != 0);
    EVP_RAND_CTX_free(ctx);
    EVP_RAND_free(rand);
    return ok;
}

/* ---- the table ---- */

static const struct algorithm algorithms[] = {
    { "ECB", run_cipher, "AES-256-ECB", "CKM_AES_ECB", { 16, 0, 45, 7, 1000, 0 } },
    { "CBC", run_cipher, "AES-256-CBC", "CKM_AES_CBC", { 16, 0, 45, 7, 1000, 0 } },
    { "CTR", run_cipher, "AES-256-CTR", "CKM_AES_CTR", { 16, 0, 45, 7, 1000, 0 } },
    { "CFB", run_cipher, "AES-256-CFB", "CKM_AES_CFB128", { 45, 7, LARGEST, 0, LARGEST, 0 } },
    { "OFB", run_cipher, "AES-256-OFB", "CKM_AES_OFB", { 45, 7, 512, 0, 512, 0 } },
    { "CTS", run_cipher, "AES-256-CBC-CTS", "CKM_AES_CTS", { 16, 0, 45, 0, 1000, 0 } },
    { "GCM in one update", run_gcm, "AES-256-GCM", "CKM_AES_GCM", { 16, 0, 45, 0, 1000, 0 } },
    { "GCM in several", run_gcm, "AES-256-GCM", "CKM_AES_GCM", { 16, 5, 45, 7, 1000, 100 } },
    { "key wrap", run_cipher, "AES-256-WRAP", "CKM_AES_KEY_WRAP", { 16, 0, 32, 0, 32, 0 } },
    { "key wrap, padded",
      run_cipher,
      "AES-256-WRAP-PAD",
      "CKM_AES_KEY_WRAP",
      { 7, 0, 20, 0, 20, 0 } },
    { "CMAC", run_mac, "CMAC", "CKM_AES_CMAC", { 5, 0, 45, 7, 1000, 100 } },
    { "GMAC", run_mac, "GMAC", "CKM_AES_GMAC", { 5, 0, 45, 7, 1000, 100 } },
    { "HMAC-SHA256", run_mac, "HMAC", "CKM_SHA256_HMAC", { 5, 0, 45, 7, 1000, 100 } },
    { "random", run_random, "HSMZKE-RAND", "C_GenerateRandom", { 32, 0, 1000, 0, 32, 0 } },
};

const char *cell_algorithm(size_t i)
{
    return i < sizeof(algorithms) / sizeof(algorithms[0]) ? algorithms[i].name : NULL;
}

/* The mechanism of a line of the audit log that tells of an operation that went well, else "". */
static const char *mechanism_of(const char *line)
{
    static const char field[] = "\"mechanism\":\"";
    const char *at = strstr(line, field);

    if (strstr(line, "\"event\":\"operation\"") == NULL || strstr(line, "CKR_OK") == NULL ||
        at == NULL)
        return "";
    at += sizeof(field) - 1;
    return text("%.*s", (int)strcspn(at, "\""), at);
}

/* "yes" if that part of the log has the algorithm's own mechanism only, else what else it has. */
static const char *judge(const struct algorithm *algorithm, size_t from, size_t to)
{
    size_t size = 0, own = 0;
    char *rest, *log = (char *)read_file(log_file, &size);
    const char *other = NULL;

    CHECK(log != NULL && from < to && to <= size);
    log[to] = '\0';
    for (char *line = strtok_r(log + from, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *mechanism = mechanism_of(line);

        if (strncmp(mechanism, algorithm->native, strlen(algorithm->native)) == 0)
            own++;
        else if (*mechanism != '\0')
            other = mechanism;
    }
    if (other == NULL) {
        CHECK(own > 0);
        return "yes";
    }
    CHECK(strncmp(other, "CKM_AES_", 8) == 0);
    return text("over %s", other + 8);
}

/* The same for both directions; "yes / over ECB" where they differ. */
static const char *judge_run(const struct algorithm *algorithm, size_t from)
{
    const size_t end = log_size();
    const char *forth = judge(algorithm, from, turned == 0 ? end : turned);
    const char *back = turned == 0 ? forth : judge(algorithm, turned, end);

    return strcmp(forth, back) == 0 ? forth : text("%s / %s", forth, back);
}

static bool run(const struct algorithm *algorithm, size_t size, size_t piece)
{
    CHECK(ERR_peek_error() == 0);
    if (algorithm->run(algorithm, size, piece)) {
        CHECK(ERR_peek_error() == 0);
        return true;
    }
    return false;
}

static void refused(const struct algorithm *algorithm, bool tell)
{
    const char *words = words_of_refusal();

    if (tell)
        printf("refused: %s: %s: %s", module_name(), algorithm->name, words);
}

void cell_fill(size_t i, char cell[CELL_ROOM])
{
    const struct algorithm *algorithm = &algorithms[i];
    const size_t *shapes = algorithm->shapes;
    const char *what = "refused";
    size_t from = 0, went = 0;

    for (size_t shape = 0; shape < 3; shape++) {
        from = log_size();
        turned = 0;
        if (run(algorithm, shapes[2 * shape], shapes[2 * shape + 1]))
            went++;
        else
            refused(algorithm, shape == 0);
    }
    CHECK(went == 0 || went == 3);
    if (went > 0)
        what = judge_run(algorithm, from);
    CHECK(strlen(what) < CELL_ROOM);
    strcpy(cell, what);
}

void cells_begin(void)
{
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, "gold " GOLD_KEY "\ngeneric " SILVER_KEY " type=generic\n");
    CHECK(unhex(GOLD_KEY, raw, sizeof(raw)) == 32 && unhex(SILVER_KEY, secret, 32) == 32);
    reference_by_name(gold, "gold");
    reference_by_name(generic, "generic");
    for (size_t i = 0; i < LARGEST; i++)
        data[i] = (unsigned char)(i * 31 + i / 256);
    log_file = text("%s/audit.log", work_dir());
    context = context_with(text("%saudit = file:%s\n", settings_standard(), log_file), NULL);
}

/* Where imported keys do not tell their length unless they are imported with it. */
static void keys_without_length(void)
{
    const char *words;

    if (getenv("TOKEN_TOOL_LENGTH") == NULL)
        return;
    unsetenv("TOKEN_TOOL_LENGTH");
    token_import("prod", USER_PIN, "lengthless " GOLD_KEY "\n");
    words = name_refused(context, "AES-256-ECB", "lengthless");
    CHECK_HAS(words, "CKA_VALUE_LEN");
    CHECK_HAS(words, "use a key that was generated in the HSM");
}

void cells_end(void)
{
    keys_without_length();
    OSSL_LIB_CTX_free(context);
}
