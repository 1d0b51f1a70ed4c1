/* What happens is reported: see report.h. */
#include "pkcs11/report.h"

#include <string.h>
#include <time.h>

/* A CK_RV's name in the standard, or what an answer of our own means. */
static const char *result_name(CK_RV rv)
{
    switch (rv) {
    case CKR_HSMZKE_EXITING:
        return "exiting";
    case CKR_HSMZKE_BUFFERED:
        return "wrong-length";
    case CKR_HSMZKE_TOLD:
        return "failed";
    case CKR_HSMZKE_WRONG_TAG:
    case CKR_HSMZKE_SUSPECT:
        return "not-authentic";
    case CKR_HSMZKE_IV:
        return "iv-replaced";
    default:
        return ckr_name(rv);
    }
}

static bool report(const struct token *token, const struct hsm_event *event, struct failure *why)
{
    struct hsm_audit *audit = token->settings->audit;

    return audit->report(audit, event, why);
}

uint64_t report_now(const struct token *token)
{
    struct timespec now;

    if (token->settings->audit == NULL)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool report_connected(const struct token *token, struct failure *why)
{
    const struct hsm_event event = {
        .kind = HSM_EVENT_CONNECTED,
        .module = token->module->path,
        .token = token->label,
        .serial = token->serial,
    };

    return token->settings->audit == NULL || report(token, &event, why);
}

bool report_login(const struct token *token, CK_USER_TYPE user, CK_RV rv, struct failure *why)
{
    const struct hsm_event event = {
        .kind = HSM_EVENT_LOGIN,
        .token = token->label,
        .serial = token->serial,
        .user = user == CKU_USER ? "user" : "context-specific",
        .result = result_name(rv),
    };

    return token->settings->audit == NULL || report(token, &event, why);
}

bool report_found(const struct hsm_key *key, struct failure *why)
{
    char identity[HSM_IDENTITY_TEXT];
    const struct hsm_event event = {
        .kind = HSM_EVENT_KEY_FOUND,
        .token = key->token->label,
        .key = key->shown,
        .label = key->names.label,
        .identity = identity,
        .id = key->names.raw_id,
        .id_size = key->names.raw_id_size,
    };

    if (key->token->settings->audit == NULL)
        return true;
    hsm_key_identity(key, identity);
    return report(key->token, &event, why);
}

/* Another thread may be connecting to the token just now. */
static void read_label(const struct token *token, char *label)
{
    life_lock();
    memcpy(label, token->label, sizeof(token->label));
    life_unlock();
}

void report_refused(const struct hsm_key *key, const struct failure *why)
{
    struct failure ignored; /* it is refused, whether that can be written down or not */
    char label[sizeof(key->token->label)];
    const struct hsm_event event = {
        .kind = HSM_EVENT_KEY_REFUSED,
        .token = label,
        .key = key->shown,
        .id = key->names.raw_id,
        .id_size = key->names.raw_id_size,
        .why = why->text,
    };

    if (key->token->settings->audit == NULL)
        return;
    read_label(key->token, label);
    (void)report(key->token, &event, &ignored);
}

CK_RV report_listed(const struct token *token, const char *uri, size_t count, CK_RV rv,
                    struct failure *why)
{
    struct failure unwritten;
    char label[sizeof(token->label)];
    const struct hsm_event event = {
        .kind = HSM_EVENT_LISTED,
        .token = label,
        .key = uri,
        .count = rv == CKR_OK ? count : 0,
        .result = result_name(rv),
        .why = rv != CKR_OK ? why->text : NULL,
    };

    if (token->settings->audit == NULL)
        return rv;
    read_label(token, label);
    if (report(token, &event, &unwritten) || rv != CKR_OK)
        return rv;
    *why = unwritten;
    return CKR_HSMZKE_TOLD;
}

CK_RV report_performance(const struct token *token, const struct hsm_key *key,
                         const struct performance *performance, CK_RV rv, struct failure *why)
{
    struct failure unwritten;
    const struct hsm_event event = {
        .kind = HSM_EVENT_OPERATION,
        .token = token->label,
        .key = key != NULL ? key->shown : performance->name,
        .id = key != NULL ? key->names.raw_id : NULL,
        .id_size = key != NULL ? key->names.raw_id_size : 0,
        .mechanism = performance->mechanism,
        .direction = performance->direction,
        .part = performance->part,
        .bytes = performance->bytes,
        .aad = performance->aad,
        .tries = performance->tries,
        .microseconds = report_now(token) - performance->begun,
        .result = result_name(rv),
        .why = rv != CKR_OK ? why->text : NULL,
    };

    if (token->settings->audit == NULL || report(token, &event, &unwritten) || rv != CKR_OK)
        return rv;
    *why = unwritten;
    return CKR_HSMZKE_TOLD;
}
