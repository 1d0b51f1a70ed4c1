/* C_Login to a token: see login.h. */
#include "pkcs11/login.h"

#include "pkcs11/pin.h"
#include "pkcs11/report.h"

static bool logged_in(const struct token *token, CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = { 0 };

    return CALL(token->module->f, C_GetSessionInfo(session, &info)) == CKR_OK &&
           (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

/* A wrong PIN again and again locks the token: what cannot go well is not tried. */
static bool may_try(const struct token *token, CK_FLAGS flags, struct failure *why)
{
    bool refused;

    life_lock();
    refused = token->pin_refused;
    life_unlock();
    if (refused)
        return failure_set(why, FAILURE_PIN,
                           "token '%s': the PIN was not accepted before and is not tried again; "
                           "correct it and start the program anew",
                           token->label);
    if (flags & CKF_USER_PIN_LOCKED)
        return ckr_failure(why, FAILURE_PIN, CKR_PIN_LOCKED, "token '%s'", token->label);
    if (flags & CKF_USER_PIN_FINAL_TRY)
        return failure_set(why, FAILURE_PIN,
                           "token '%s': only one try is left before the PIN is locked "
                           "(CKF_USER_PIN_FINAL_TRY), and hsmzke leaves it to you: log in by hand "
                           "with the right PIN",
                           token->label);
    return true;
}

static bool is_pin_refusal(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ||
           rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED;
}

/* A PIN belongs to one token: `pin-source` is for the one that `token` means, or the only one. */
static bool owns_pin_source(const struct token *token, bool only)
{
    return token->settings->pin_source != NULL &&
           (token->configured || (token->settings->token == NULL && only));
}

/* Gets the PIN, or none where the token has a PIN pad (CKF_PROTECTED_AUTHENTICATION_PATH). */
static bool get_pin(const struct token *token, CK_FLAGS flags, bool only, struct pin *pin,
                    struct failure *why)
{
    const struct hsm_settings *settings = token->settings;
    const char *value = token->uri != NULL ? p11_kit_uri_get_pin_value(token->uri) : NULL;
    const char *source = token->uri != NULL ? p11_kit_uri_get_pin_source(token->uri) : NULL;

    *pin = (struct pin){ 0 };
    if (value != NULL)
        return pin_copy(pin, value, why);
    if (source == NULL && owns_pin_source(token, only))
        source = settings->pin_source;
    if (source != NULL)
        return pin_read(pin, source, settings->credentials, token->label, why);
    if (flags & CKF_PROTECTED_AUTHENTICATION_PATH)
        return true;
    return failure_set(why, FAILURE_PIN,
                       "token '%s' needs a PIN and there is no source of one: set pin-source%s",
                       token->label, token->configured ? "" : " in the key's PKCS#11 URI");
}

/* A login that cannot be written down does not count: the caller closes the session. */
static CK_RV try_pin(struct token *token, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                     const struct pin *pin, struct failure *why)
{
    const CK_RV rv = CALL(token->module->f, C_Login(session, user, pin->bytes, pin->size));

    if (is_pin_refusal(rv)) {
        life_lock();
        token->pin_refused = true;
        life_unlock();
    }
    return report_login(token, user, rv, why) || rv != CKR_OK ? rv : CKR_HSMZKE_TOLD;
}

CK_RV login(struct token *token, const CK_TOKEN_INFO *info, bool only, struct failure *why)
{
    struct pin pin;
    CK_RV rv;

    if (!(info->flags & CKF_LOGIN_REQUIRED) || logged_in(token, token->anchor))
        return CKR_OK;
    if (!may_try(token, info->flags, why) || !get_pin(token, info->flags, only, &pin, why))
        return CKR_HSMZKE_TOLD;
    rv = try_pin(token, token->anchor, CKU_USER, &pin, why);
    pin_wipe(&pin);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return CKR_OK;
    if (rv != CKR_HSMZKE_TOLD)
        ckr_failure(why, FAILURE_PIN, rv, "token '%s'", token->label);
    return rv;
}

bool login_lost(const struct token *token, CK_SESSION_HANDLE session)
{
    bool needed;

    life_lock();
    needed = token->needs_login;
    life_unlock();
    return needed && !logged_in(token, session);
}

bool login_for_key(struct token *token, CK_SESSION_HANDLE session, struct failure *why)
{
    CK_TOKEN_INFO info = { 0 };
    struct pin pin;
    CK_RV rv;

    rv = CALL(token->module->f, C_GetTokenInfo(token->slot, &info));
    if (rv != CKR_OK)
        return ckr_failure(why, FAILURE_PIN, rv, "token '%s'", token->label);
    if (!may_try(token, info.flags, why) || !get_pin(token, info.flags, false, &pin, why))
        return false;
    rv = try_pin(token, session, CKU_CONTEXT_SPECIFIC, &pin, why);
    pin_wipe(&pin);
    if (rv == CKR_OK || rv == CKR_HSMZKE_TOLD)
        return rv == CKR_OK;
    return ckr_failure(why, FAILURE_PIN, rv,
                       "token '%s': the login that the key asks for at each use", token->label);
}
