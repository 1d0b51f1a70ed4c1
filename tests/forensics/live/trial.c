/* One holder, started and looked at: see trial.h. */
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

/* As in holders/holder.c. */
static const unsigned char last_block[16] = "hsmzke's one\0\0\0\2";

/* One block through AES-256 in software. */
static void block_in_software(const unsigned char *key, bool decrypt, const unsigned char *in,
                              unsigned char *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size;

    assert_non_null(context);
    assert_int_equal(EVP_CipherInit_ex(context, EVP_aes_256_ecb(), NULL, key, NULL, !decrypt), 1);
    EVP_CIPHER_CTX_set_padding(context, 0);
    assert_int_equal(EVP_CipherUpdate(context, out, &size, in, 16), 1);
    EVP_CIPHER_CTX_free(context);
}

/* With the key, or only with what it makes of a random block. */
static struct scanner *make_scanner(const struct look *look)
{
    struct sought sought = { .role = SOUGHT_WANTED, .name = "the holder's key" };
    struct scanner_settings settings = { .detectors = look->detectors,
                                         .path = PATH_BEST,
                                         .forms_off = look->forms_off };
    struct scanner *scanner;

    if (look->key != NULL) {
        settings.sought = &sought;
        settings.sought_count = 1;
        assert_int_equal(RAND_bytes(settings.plain, 16), 1);
    }
    if (look->knowledge == KNOWS_KEY)
        sought.key = look->key;
    else if (look->key != NULL) {
        sought.has_cipher = true;
        block_in_software(look->key, false, settings.plain, sought.cipher);
    }
    scanner = scanner_new(&settings);
    assert_non_null(scanner);
    return scanner;
}

struct seen trial_look(pid_t process, const struct look *look)
{
    struct scanner *scanner = make_scanner(look);
    struct seen seen;
    bool good = seen_look(&seen, scanner, process, look->key);

    scanner_free(scanner);
    assert_true(good);
    return seen;
}

/* Skips, with words, what this machine has not got. */
static const char *program_of(const struct trial *trial)
{
    const char *directory = getenv("HSMZKE_LIVE_HOLDERS");
    static char path[512];

    assert_non_null(directory);
    snprintf(path, sizeof(path), "%s/%s", directory, trial->row->program);
    if (access(path, X_OK) != 0) {
        printf("its holder was not built: install %s and configure again\n", trial->row->package);
        skip();
    }
    if (!live_row_fits(trial->row)) {
        printf("this processor has no %s\n", trial->row->needs);
        skip();
    }
    return path;
}

struct live_process trial_begin(const struct trial *trial, const unsigned char *key)
{
    const struct live_start start = { program_of(trial), trial->mode, trial->row->variant,
                                      trial->row->environment, key };
    struct live_process process;

    assert_true(live_begin(&process, &start));
    return process;
}

void trial_end(const struct trial *trial, struct live_process *process, const unsigned char *key)
{
    unsigned char expected[16], block[16];

    assert_true(live_end(process, key != NULL ? block : NULL));
    if (key == NULL)
        return;
    block_in_software(key, strcmp(trial->mode, "dec") == 0, last_block, expected);
    assert_memory_equal(block, expected, sizeof(block));
}
