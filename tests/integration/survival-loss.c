/*
 * Sessions that get lost in mid-stream, and a token that is gone for a second.
 */
#include "survival.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include <p11-kit/pkcs11.h>

enum { TOKEN_NOT_PRESENT = 0xe0 };

static CK_FUNCTION_LIST *softhsm;
static CK_SLOT_ID slots[8]; /* the first is our token's, as it is the only one */

/* The instance that the provider uses: the same file in the same process. */
static void find_softhsm(void)
{
    void *module = dlopen(module_path(), RTLD_NOW);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    CK_C_GetFunctionList get_list;
    CK_ULONG count = 8;

    CHECK(symbol != NULL);
    memcpy(&get_list, &symbol, sizeof(get_list));
    CHECK(get_list(&softhsm) == CKR_OK);
    CHECK(softhsm->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK && count > 0);
}

/* Another part of the program closes them all, which ends the login as well. */
void session_lost(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_standard(), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    find_softhsm();
    for (size_t i = 0; i < (quick() ? 1 : 2) * KINDS; i++) {
        struct journey journey = journey_of(i % KINDS, i / KINDS ? SIZE_LARGE : SIZE_SMALL);

        CHECK(journey_begin(&journey, context));
        CHECK(softhsm->C_CloseAllSessions(slots[0]) == CKR_OK);
        ERR_clear_error(); /* SoftHSM's, of the program's own call */
        journey_count(&journey, EVENT_SESSION);
        CHECK(ERR_peek_error() == 0);
    }
    OSSL_LIB_CTX_free(context);
}

/* Some of them do not need the token while it is gone: a MAC's data are kept, a late final does
 * nothing.  The others fail, and the same call goes well when it is back. */
static void tried_while_gone(struct journey *journey)
{
    if (journey_step(journey)) {
        CHECK(ERR_peek_error() == 0);
        return;
    }
    CHECK_HAS(error_text(), "CKR_TOKEN_NOT_PRESENT");
}

void token_gone(void)
{
    static struct journey journeys[2 * KINDS];
    const size_t count = (quick() ? 1 : 2) * KINDS;
    const struct timespec second = { .tv_sec = 1 };
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup(NULL, NULL);
    context = context_with(settings_spied(), NULL);
    for (size_t i = 0; i < count; i++) {
        journeys[i] = journey_of(i % KINDS, i / KINDS ? SIZE_LARGE : SIZE_SMALL);
        CHECK(journey_begin(&journeys[i], context));
    }
    spy_gone(TOKEN_NOT_PRESENT);
    for (size_t i = 0; i < count; i += quick() ? 7 : 3)
        tried_while_gone(&journeys[i]);
    nanosleep(&second, NULL);
    spy_gone(0);
    for (size_t i = 0; i < count; i++)
        journey_count(&journeys[i], EVENT_TOKEN);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* While it is gone C_Finalize fails as well: then C_Initialize says that it was done. */
static void gone_and_back(void *nothing)
{
    OSSL_LIB_CTX *context = context_with(settings_spied(), NULL);

    (void)nothing;
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    spy_gone(TOKEN_NOT_PRESENT);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "CKR_TOKEN_NOT_PRESENT");
    spy_gone(0);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
    exit((int)spy_calls("C_Finalize"));
}

/* The module is still hsmzke's to start anew, and to close at exit. */
void closed_in_the_end(void **state)
{
    unsigned calls;

    (void)state;
    token_standard();
    spy_setup(NULL, NULL);
    calls = (unsigned)run_child(gone_and_back, NULL);
    CHECK(calls > 0 && spy_calls("C_Finalize") == calls + 1);
}

/* What is longer than what is kept for another try: an error, and the next message is right. */
void beyond_what_is_kept(void)
{
    static const size_t kinds[] = { COLUMN_GCM_STREAM * 8, COLUMN_GCM_STREAM * 8 + 1,
                                    COLUMN_CMAC * 8 };
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("%s" SMALL_BUFFER, settings_standard()), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    find_softhsm();
    for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct journey journey = journey_of(kinds[i / 2], SIZE_BEYOND);

        journey.in_place = false;
        CHECK(journey_begin(&journey, context));
        if (i % 2 == 0) { /* without the event it comes to its end */
            journey_count(&journey, EVENT_SESSION);
            continue;
        }
        CHECK(softhsm->C_CloseAllSessions(slots[0]) == CKR_OK);
        ERR_clear_error();
        CHECK(journey_end(&journey) == FAILED);
        CHECK_HAS(error_text(), journey.column == COLUMN_CMAC ? "MAC" : "gcm-buffer");
        table_error(EVENT_SESSION, journey.column);
        journey_free(&journey);
    }
    OSSL_LIB_CTX_free(context);
}
