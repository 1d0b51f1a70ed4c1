/* Connecting to a token: see connect.h.  Logging in: login.c. */
#include "pkcs11/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pkcs11/login.h"
#include "pkcs11/report.h"
#include "pkcs11/session.h"
#include "pkcs11/slots.h"

/* What a look through the slots has found. */
struct search {
    CK_INFO module;
    unsigned int present; /* initialised tokens */
    unsigned int matches;
    bool nameless; /* there is a token without label: one that another process writes to just now */
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    char list[300]; /* labels: of the matches if there are several, else of all that are present */
};

static void list_token(struct search *search, const CK_TOKEN_INFO *info)
{
    const size_t used = strlen(search->list);
    char label[33];

    uri_trim(label, info->label, sizeof(info->label));
    search->nameless = search->nameless || label[0] == '\0';
    snprintf(search->list + used, sizeof(search->list) - used, "%s'%s'", used > 0 ? ", " : "",
             label);
}

/* Once a token was found, only this very one is found again: a label can be on another as well. */
static bool is_token(const struct token *token, const CK_INFO *module, CK_SLOT_ID slot,
                     const CK_SLOT_INFO *slot_info, const CK_TOKEN_INFO *info)
{
    char serial[17], label[33];

    uri_trim(serial, info->serialNumber, sizeof(info->serialNumber));
    uri_trim(label, info->label, sizeof(info->label));
    if (token->epoch > 0 &&
        (strcmp(serial, token->serial) != 0 || strcmp(label, token->label) != 0))
        return false;
    return uri_matches_token(token->uri, module, slot, slot_info, info);
}

static void look_at_slot(const struct token *token, CK_SLOT_ID slot, struct search *search)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_SLOT_INFO slot_info = { 0 };
    CK_TOKEN_INFO info = { 0 };

    /* A slot that does not answer is not the one we look for. */
    if (CALL(f, C_GetSlotInfo(slot, &slot_info)) != CKR_OK ||
        CALL(f, C_GetTokenInfo(slot, &info)) != CKR_OK || !(info.flags & CKF_TOKEN_INITIALIZED))
        return;
    search->present++;
    if (is_token(token, &search->module, slot, &slot_info, &info)) {
        if (search->matches++ == 0) {
            search->list[0] = '\0';
            search->slot = slot;
            search->info = info;
        }
        list_token(search, &info);
    } else if (search->matches == 0) {
        list_token(search, &info);
    }
}

/*
 * Why the slots cannot be listed, where libp11 could not tell: it puts that on the error queue of
 * the OpenSSL that it is linked with, which may be another than ours.
 */
static CK_RV ask_why(const struct token *token)
{
    CK_ULONG count = 0;
    const CK_RV rv = CALL(token->module->f, C_GetSlotList(CK_TRUE, NULL, &count));

    return rv != CKR_OK ? rv : CKR_GENERAL_ERROR;
}

/*
 * libp11 closes all sessions of all slots when it gives its list back: it lists where nobody can
 * have one, once after each start of a module that we started.
 */
static bool claim_first_list(struct module *module)
{
    bool first;

    life_lock();
    first = module->ours && module->listed != module->starts;
    module->listed = module->starts;
    life_unlock();
    return first;
}

/* Whoever comes while libp11 lists waits, and opens no session before it has given its list back.
 */
static CK_RV list_slots(const struct token *token, CK_SLOT_ID **slots, size_t *count)
{
    struct module *module = token->module;
    bool first;
    CK_RV rv = CKR_OK;

    module_libp11_begin(module);
    first = claim_first_list(module);
    if (first)
        rv = slots_list(module->libp11, slots, count);
    module_libp11_end(module);
    if (!first)
        return slots_list_quietly(module->f, slots, count);
    return rv == CKR_GENERAL_ERROR ? ask_why(token) : rv;
}

/* What a URI can ask of a token is more than libp11 keeps of it. */
static bool look_through_slots(const struct token *token, struct search *search,
                               struct failure *why)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    CK_RV rv = list_slots(token, &slots, &count);

    if (rv == CKR_OK)
        rv = CALL(token->module->f, C_GetInfo(&search->module));
    for (size_t i = 0; rv == CKR_OK && i < count; i++)
        look_at_slot(token, slots[i], search);
    free(slots);
    return rv == CKR_OK ||
           ckr_failure(why, FAILURE_TOKEN, rv, "PKCS#11 module '%s': the slots cannot be listed",
                       token->module->path);
}

static bool find_slot(struct token *token, struct search *search, struct failure *why)
{
    if (!look_through_slots(token, search, why))
        return false;
    if (search->matches > 1)
        return failure_set(why, FAILURE_TOKEN,
                           "%u tokens match: %s; set `token` to a PKCS#11 URI that names one, such "
                           "as pkcs11:token=LABEL",
                           search->matches, search->list);
    if (search->matches == 1)
        return true;
    if (token->epoch > 0)
        return failure_set(why, FAILURE_TOKEN, "token '%s' (serial number %s) is gone",
                           token->label, token->serial);
    if (search->present == 0)
        return failure_set(why, FAILURE_TOKEN,
                           "there is no token in PKCS#11 module '%s': initialise one, see that it "
                           "is plugged in and that this user can reach it, and check pkcs11-module",
                           token->module->path);
    return failure_set(why, FAILURE_TOKEN, "no token matches %s; there are: %s",
                       token->configured ? "`token`" : "the key's PKCS#11 URI", search->list);
}

/* Others may read meanwhile: what never changes is written once, the rest with the lock held. */
static void adopt(struct token *token, const struct search *search, unsigned long starts)
{
    life_lock();
    token->slot = search->slot;
    token->starts = starts;
    token->needs_login = (search->info.flags & CKF_LOGIN_REQUIRED) != 0;
    if (token->epoch == 0) {
        uri_trim(token->label, search->info.label, sizeof(search->info.label));
        uri_trim(token->serial, search->info.serialNumber, sizeof(search->info.serialNumber));
    }
    life_unlock();
}

enum attempt {
    CONNECTED,
    NEVER, /* it would fail again */
    LATER, /* it may go well in a moment */
    ANEW,  /* likewise, after the module was started anew */
};

static enum attempt try_to_connect(struct token *token, struct search *search, unsigned long starts,
                                   struct failure *why)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_RV rv;

    *search = (struct search){ 0 };
    if (!find_slot(token, search, why))
        return search->present == 0 ? ANEW : search->nameless ? LATER : NEVER;
    adopt(token, search, starts);
    rv = session_open_anchor(token);
    if (rv != CKR_OK) {
        ckr_failure(why, FAILURE_SESSIONS, rv, "token '%s': a session cannot be opened",
                    token->label);
        token->anchor = CK_INVALID_HANDLE;
        return ckr_connection_lost(rv) ? LATER : NEVER;
    }
    rv = report_connected(token, why) ? login(token, &search->info, search->present == 1, why)
                                      : CKR_HSMZKE_TOLD;
    if (rv == CKR_OK)
        return CONNECTED;
    (void)CALL(f, C_CloseSession(token->anchor));
    token->anchor = CK_INVALID_HANDLE;
    if (rv == CKR_USER_PIN_NOT_INITIALIZED)
        return ANEW;
    return ckr_connection_lost(rv) ? LATER : NEVER;
}

/*
 * Several tries, a moment apart: each login of another process rewrites SoftHSM's token file, and
 * whoever reads it in that moment sees no token, one without a name or without a PIN, or an error.
 * The module is started anew where it holds on to that, or where a remote died, which answers to
 * nothing else; not where the token is fine and others may be at work on it.
 */
static bool connect_token(struct token *token, struct failure *why)
{
    const char *own = token->uri != NULL ? p11_kit_uri_get_module_path(token->uri) : NULL;
    struct module *module =
        own != NULL ? module_up(own, NULL, why)
                    : module_up(token->settings->module, token->settings->init_args, why);
    struct timespec pause = { .tv_nsec = 20000000 };
    struct search search;

    if (module == NULL)
        return false;
    if (token->module == NULL)
        token->module = module;
    for (int tries = 4;; tries--) {
        enum attempt attempt = ANEW;
        const unsigned long starts = module_enter(module);

        if (starts != 0) {
            sessions_close_idle(token, starts);
            attempt = try_to_connect(token, &search, starts, why);
            module_leave(module);
        } else {
            failure_set(why, FAILURE_MODULE, "PKCS#11 module '%s' is not up", module->path);
        }
        if (attempt == CONNECTED || attempt == NEVER || tries == 1)
            return attempt == CONNECTED;
        nanosleep(&pause, NULL);
        pause.tv_nsec *= 2;
        if (attempt == ANEW && !module_restart(module, starts, why))
            return false;
    }
}

bool token_connect(struct token *token, struct failure *why)
{
    bool up = true;

    if (!life_start())
        return failure_memory(why);
    life_lock();
    /* A module that was started anew took the connection with it. */
    if (token->phase == PHASE_UP && !token_is_up(token))
        token->phase = PHASE_DOWN;
    if (phase_begin(&token->phase, &token->generation)) {
        life_unlock();
        up = connect_token(token, why);
        life_lock();
        if (up)
            token->epoch++;
        phase_end(&token->phase, &token->generation, up);
    }
    life_unlock();
    return up;
}
