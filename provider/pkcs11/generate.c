/*
 * Keys generated in the HSM: hsm_key_generate() of inventory.h.  The template is the strictest that
 * the module takes: what protects the key is never left out, and is read back; what narrows its use
 * is, where the module refuses it, and the caller is told.
 */
#include <stdio.h>
#include <string.h>

#include "pkcs11/attribute.h"
#include "pkcs11/connect.h"
#include "pkcs11/key.h"
#include "pkcs11/operation.h"
#include "pkcs11/report.h"
#include "pkcs11/template.h"

static bool check_label(const char *label, struct failure *why)
{
    const size_t length = strlen(label);

    if (length == 0 || length > HSM_LABEL_MOST)
        return failure_set(
            why, FAILURE_REFERENCE,
            "the label of a new key must have 1 to %d bytes, so that a reference can "
            "name it, and '%.40s' has %zu",
            HSM_LABEL_MOST, label, length);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)label[i] < 0x20 || label[i] == 0x7f)
            return failure_set(why, FAILURE_REFERENCE,
                               "the label of a new key must not have control characters");
    }
    return true;
}

/* @return CKR_HSMZKE_TOLD if more than `most` secret keys have the label */
static CK_RV count_label(const struct generation *generation, const struct session *session,
                         CK_ULONG most, struct failure *why)
{
    const char *label = generation->wanted->label;
    const CK_ATTRIBUTE value = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
    CK_ULONG count;
    const CK_RV rv = template_count(generation, session->handle, value, &count);

    if (rv != CKR_OK || count <= most)
        return rv;
    failure_set(why, FAILURE_KEY_AMBIGUOUS,
                "token '%s' has a secret key with the label '%s' already; choose another, such as "
                "'%s-2' for the next version of it",
                generation->token->label, label, label);
    return CKR_HSMZKE_TOLD;
}

static CK_RV choose_id(struct generation *generation, const struct session *session,
                       struct failure *why)
{
    struct reference reference;
    const CK_RV rv =
        CALL(generation->token->module->f,
             C_GenerateRandom(session->handle, generation->id, sizeof(generation->id)));

    if (rv != CKR_OK || reference_from_id(&reference, generation->id, why))
        return rv;
    failure_set(why, FAILURE_OPERATION, "token '%s' gives no random numbers for a CKA_ID",
                generation->token->label);
    return CKR_HSMZKE_TOLD; /* all bytes were equal: it wrote nothing */
}

/* A module may take a template and do otherwise. @return the name of what is not as it must be */
static const char *read_back(struct generation *generation, CK_SESSION_HANDLE session,
                             CK_OBJECT_HANDLE made)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        bool must;
        const char *name;
    } vital[] = {
        { CKA_SENSITIVE, true, "CKA_SENSITIVE" },      { CKA_PRIVATE, true, "CKA_PRIVATE" },
        { CKA_EXTRACTABLE, false, "CKA_EXTRACTABLE" }, { CKA_WRAP, false, "CKA_WRAP" },
        { CKA_UNWRAP, false, "CKA_UNWRAP" },           { CKA_DERIVE, false, "CKA_DERIVE" },
    };
    const struct token *token = generation->token;

    for (size_t i = 0; i < sizeof(vital) / sizeof(vital[0]); i++) {
        if (attribute_bool(token, session, made, vital[i].type, !vital[i].must) != vital[i].must)
            return vital[i].name;
    }
    if (attribute_bool(token, session, made, CKA_MODIFIABLE, true))
        generation->left_out |= LEAVE_MODIFIABLE;
    if (attribute_bool(token, session, made, CKA_COPYABLE, true))
        generation->left_out |= LEAVE_COPYABLE;
    return NULL;
}

/* What must not stay is destroyed; what the HSM says to that decides the words. */
static CK_RV destroy(const struct generation *generation, CK_SESSION_HANDLE session,
                     CK_OBJECT_HANDLE made, struct failure *why)
{
    if (CALL(generation->token->module->f, C_DestroyObject(session, made)) == CKR_OK)
        failure_prefix(why, "the new key was destroyed again");
    else
        failure_prefix(why, "a new key is on the token and could not be destroyed");
    return CKR_HSMZKE_TOLD;
}

static CK_RV inspect(struct generation *generation, const struct session *session,
                     CK_SESSION_HANDLE writing, CK_OBJECT_HANDLE made, struct failure *why)
{
    const char *wrong = read_back(generation, writing, made);

    if (wrong != NULL) {
        failure_set(why, FAILURE_OPERATION,
                    "token '%s' made the key with another %s than it was asked for",
                    generation->token->label, wrong);
        return destroy(generation, writing, made, why);
    }
    /* Two that generate at once: none of the two shall have a label that means both. */
    if (count_label(generation, session, 1, why) == CKR_HSMZKE_TOLD)
        return destroy(generation, writing, made, why);
    return CKR_OK;
}

/* The pool's sessions read only; the one that writes is not of them. */
static CK_RV write_key(struct generation *generation, const struct session *session,
                       struct failure *why)
{
    const struct token *token = generation->token;
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_SESSION_HANDLE writing;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_RV rv = session_open(f, session->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &writing);

    if (rv != CKR_OK) {
        ckr_failure(why, FAILURE_OPERATION, rv,
                    "token '%s': a session that may write cannot be opened", token->label);
        return rv == CKR_TOKEN_WRITE_PROTECTED ? CKR_HSMZKE_TOLD : rv;
    }
    rv = template_make(generation, writing, &made);
    if (rv != CKR_OK)
        ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': key '%s' cannot be generated",
                    token->label, generation->wanted->label);
    else
        rv = inspect(generation, session, writing, made, why);
    (void)CALL(f, C_CloseSession(writing));
    return rv;
}

static CK_RV generate(struct generation *generation, struct failure *why)
{
    struct token *token = generation->token;
    struct session *session = session_borrow(token, NULL, NULL, why);
    unsigned long epoch;
    CK_RV rv;

    if (session == NULL)
        return session_missing(token, why);
    epoch = session->epoch;
    rv = operation_end(session, token);
    if (rv == CKR_OK)
        rv = count_label(generation, session, 0, why);
    if (rv == CKR_OK)
        rv = choose_id(generation, session, why);
    if (rv != CKR_OK && rv != CKR_HSMZKE_TOLD)
        ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': key '%s' cannot be generated",
                    token->label, generation->wanted->label);
    if (rv == CKR_OK) {
        template_choose(generation);
        rv = write_key(generation, session, why);
    }
    session_return(token, session, rv == CKR_OK || rv == CKR_HSMZKE_TOLD);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(token, epoch);
    life_unlock();
    return rv;
}

/* A label stands for the URI that names it. */
static struct token *find_token(struct hsm *hsm, const char *text, struct failure *why)
{
    char uri[16 + 3 * 32 + 1] = "pkcs11:token=";
    struct token *token = NULL;
    P11KitUri *parsed;

    if (text == NULL && hsm_is_group(hsm)) {
        failure_set(why, FAILURE_TOKEN,
                    "a new key is on one token only, and there are several: name it by -pkeyopt "
                    "token:LABEL, and copy the key to the others by your HSM's own means");
        return NULL;
    }
    if (text == NULL)
        return token_configured(hsm, why);
    if (strncmp(text, "pkcs11:", 7) != 0) {
        const size_t length = strlen(text);

        if (length == 0 || length > 32) {
            failure_set(why, FAILURE_TOKEN, "'%.40s' is neither a token's label nor a pkcs11: URI",
                        text);
            return NULL;
        }
        for (size_t i = 0; i < length; i++)
            sprintf(uri + strlen(uri), "%%%02x", (unsigned char)text[i]);
        text = uri;
    }
    parsed = uri_parse(text, "the token of a new key", why);
    if (parsed != NULL)
        token = token_of_uri(hsm, parsed, why);
    p11_kit_uri_free(parsed);
    return token;
}

static void list_left_out(unsigned int set, bool limited, char left_out[HSM_LEFT_OUT])
{
    snprintf(left_out, HSM_LEFT_OUT, "%s%s%s", set & LEAVE_MODIFIABLE ? ", CKA_MODIFIABLE" : "",
             set & LEAVE_COPYABLE ? ", CKA_COPYABLE" : "",
             set & LEAVE_MECHANISMS && limited ? ", CKA_ALLOWED_MECHANISMS" : "");
    if (left_out[0] != '\0')
        memmove(left_out, left_out + 2, strlen(left_out) - 1);
}

static struct hsm_key *find_made(const struct generation *generation, struct failure *why)
{
    const char *label = generation->wanted->label;
    struct hsm_key *key =
        key_new(generation->token, template_family(generation->wanted), label, why);
    struct key_facts facts;

    if (key != NULL &&
        key_look_for(key, label, strlen(label), generation->id, sizeof(generation->id), why) &&
        key_ready(key, false, &facts, why) && report_found(key, why))
        return key;
    hsm_key_free(key);
    failure_prefix(why, "the key was generated, but cannot be used");
    return NULL;
}

struct hsm_key *hsm_key_generate(struct hsm *hsm, const struct hsm_template *template,
                                 char left_out[HSM_LEFT_OUT], struct failure *why)
{
    struct generation generation = { .wanted = template, .size = template->size };
    struct performance performance = { .name = template->label, .direction = "generate" };
    struct hsm_key *key = NULL;
    CK_RV rv = CKR_GENERAL_ERROR;

    left_out[0] = '\0';
    if (!check_label(template->label, why))
        return NULL;
    generation.token = find_token(hsm, template->token, why);
    if (generation.token == NULL)
        return NULL;
    (void)template_mechanism(template, &performance.mechanism);
    performance.begun = report_now(generation.token);
    /* Twice, until C_GenerateKey: a session may have been lost since the last time. */
    for (; performance.tries < 2 && rv != CKR_OK && !ckr_refusal(rv) && !generation.asked;
         performance.tries++)
        rv = token_connect(generation.token, why) ? generate(&generation, why) : CKR_HSMZKE_TOLD;
    if (rv == CKR_OK) {
        list_left_out(generation.left_out, generation.mechanism_count > 0, left_out);
        key = find_made(&generation, why);
    }
    if (report_performance(generation.token, key, &performance, rv, why) == CKR_OK)
        return key;
    if (rv == CKR_OK)
        failure_prefix(why, "the key was generated, but cannot be used");
    hsm_key_free(key);
    return NULL;
}
