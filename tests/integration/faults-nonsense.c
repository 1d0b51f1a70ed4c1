/*
 * A module that says CKR_OK and answers nonsense: lengths that are not those of the data, the data
 * themselves, or nothing at all; from the first call on, or from the middle of a message on, when
 * the key's identity has been right.  Nothing of it is given out.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { SIZE = 4096, ROOM = SIZE + 64 };

static const char *const ciphers[] = { "AES-256-ECB",  "AES-256-CBC",    "AES-256-CTR",
                                       "AES-256-GCM",  "AES-256-CFB",    "AES-256-OFB",
                                       "AES-256-WRAP", "AES-256-CBC-CTS" };
enum { CIPHERS = sizeof(ciphers) / sizeof(ciphers[0]) };

static const unsigned char iv[16] = "initial vector16";
static unsigned char plain[SIZE];

static OSSL_LIB_CTX *nonsense(const char *what, unsigned after)
{
    spy_setup(NULL, NULL);
    spy_nonsense(what, after);
    return context_with(settings_spied(), NULL);
}

/* What was not given out cannot be plaintext: `out` is as it was, or wiped, behind what was. */
static void fails(OSSL_LIB_CTX *context, const char *cipher, size_t piece, bool in_place,
                  int encrypt)
{
    static unsigned char buffer[ROOM];
    unsigned char reference[32];
    struct message message = {
        .cipher = cipher,
        .key = reference,
        .iv = iv,
        .encrypt = encrypt,
        .padding = 0,
        .in = in_place ? buffer : plain,
        .size = strstr(cipher, "WRAP") == NULL ? SIZE : 40,
        .out = buffer,
        .piece = strstr(cipher, "WRAP") == NULL && strstr(cipher, "CTS") == NULL ? piece : 0
    };

    reference_by_name(reference, "gold");
    blank_fill(buffer, sizeof(buffer));
    if (in_place)
        memcpy(buffer, plain, SIZE);
    CHECK(message_run(context, &message) == 0);
    CHECK(*error_text() != '\0');
    if (!in_place)
        CHECK(still_blank(buffer + message.out_size, sizeof(buffer) - message.out_size));
    CHECK(in_place || message.out_size < 16 || memcmp(buffer, plain, 16) != 0);
}

static void all_fail(const char *what, unsigned after)
{
    for (size_t i = 0; i < CIPHERS; i++)
        for (int way = 0; way < 8; way++) {
            OSSL_LIB_CTX *context = nonsense(what, after);

            fails(context, ciphers[i], (way & 1) != 0 ? 512 : 0, (way & 2) != 0, (way & 4) == 0);
            OSSL_LIB_CTX_free(context);
        }
}

static void from_the_start(const char *what)
{
    token_standard();
    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (unsigned char)(i * 7 + i / 256);
    all_fail(what, 0);
}

static void once_the_key_is_found(const char *what)
{
    token_standard();
    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (unsigned char)(i * 7 + i / 256);
    all_fail(what, 1);
}

#define BOTH(name)                                                                                 \
    static void name##_at_once(void)                                                               \
    {                                                                                              \
        from_the_start(#name);                                                                     \
    }                                                                                              \
    static void name##_later(void)                                                                 \
    {                                                                                              \
        once_the_key_is_found(#name);                                                              \
    }
/* clang-format off */
BOTH(short)
BOTH(long)
BOTH(unavailable)
BOTH(echo)
BOTH(silent)
/* clang-format on */

/* The fifth update of a message on a running operation. */
static void in_the_middle(const char *what)
{
    OSSL_LIB_CTX *context;

    token_standard();
    memset(plain, 'p', sizeof(plain));
    for (size_t i = 0; i < CIPHERS; i++) {
        if (strstr(ciphers[i], "WRAP") != NULL || strstr(ciphers[i], "CTS") != NULL)
            continue;
        context = nonsense(what, 5);
        fails(context, ciphers[i], 512, false, 1);
        OSSL_LIB_CTX_free(context);
    }
}

static void echo_in_the_middle(void)
{
    in_the_middle("echo");
}

static void silent_in_the_middle(void)
{
    in_the_middle("silent");
}

/* Zeros are plaintext like any other: a message of zeros is decrypted. */
static void zeros_are_no_nonsense(void)
{
    static const unsigned char zeros[64];
    unsigned char sealed[64], back[64], reference[32];
    struct message forth = { "AES-256-CBC", reference, iv, 1, 0, zeros, 64, sealed, 0, 0 };
    struct message again = { "AES-256-CBC", reference, iv, 0, 0, sealed, 64, back, 0, 0 };
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_standard(), NULL);
    reference_by_name(reference, "gold");
    CHECK(message_run(context, &forth) == 1 && message_run(context, &again) == 1);
    CHECK(memcmp(back, zeros, sizeof(zeros)) == 0);
    OSSL_LIB_CTX_free(context);
}

static void mac_of_nothing(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = nonsense("silent", 1);
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "gold"), "gave back what went in");
    OSSL_LIB_CTX_free(context);
}

static void handles_and_counts(const char *what)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = nonsense(what, 0);
    for (size_t i = 0; i < CIPHERS; i++)
        fails(context, ciphers[i], 0, false, 1);
    OSSL_LIB_CTX_free(context);
}

static void objects_that_are_none(void)
{
    handles_and_counts("objects");
}

static void sessions_that_are_none(void)
{
    handles_and_counts("sessions");
}

static void more_than_there_is_room_for(void)
{
    handles_and_counts("counts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(short_at_once),
        CHILD_TEST(short_later),
        CHILD_TEST(long_at_once),
        CHILD_TEST(long_later),
        CHILD_TEST(unavailable_at_once),
        CHILD_TEST(unavailable_later),
        CHILD_TEST(echo_at_once),
        CHILD_TEST(echo_later),
        CHILD_TEST(silent_at_once),
        CHILD_TEST(silent_later),
        CHILD_TEST(echo_in_the_middle),
        CHILD_TEST(silent_in_the_middle),
        CHILD_TEST(zeros_are_no_nonsense),
        CHILD_TEST(mac_of_nothing),
        CHILD_TEST(objects_that_are_none),
        CHILD_TEST(sessions_that_are_none),
        CHILD_TEST(more_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
