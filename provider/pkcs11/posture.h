/*
 * The posture of a key: what is known of its attributes and of its token (posture-read.c,
 * posture-token.c fill it in), and the checks that judge it (posture-checks.c and its neighbours),
 * which are pure.  The face is judgement.h.
 */
#ifndef HSMZKE_PKCS11_POSTURE_H
#define HSMZKE_PKCS11_POSTURE_H

#include "pkcs11/judgement.h"
#include "pkcs11/key.h"

/** "Unknown": the module does not tell, or what it tells cannot be believed. */
enum posture_truth { POSTURE_UNKNOWN, POSTURE_NO, POSTURE_YES };

/** The attributes that are true or false; posture_flags[] has their names. */
enum posture_flag {
    POSTURE_SENSITIVE,
    POSTURE_EXTRACTABLE,
    POSTURE_WRAP_WITH_TRUSTED,
    POSTURE_ALWAYS_SENSITIVE,
    POSTURE_NEVER_EXTRACTABLE,
    POSTURE_LOCAL,
    POSTURE_ENCRYPT,
    POSTURE_DECRYPT,
    POSTURE_SIGN,
    POSTURE_VERIFY,
    POSTURE_WRAP,
    POSTURE_UNWRAP,
    POSTURE_DERIVE,
    POSTURE_PRIVATE,
    POSTURE_MODIFIABLE,
    POSTURE_COPYABLE,
    POSTURE_DESTROYABLE,
    POSTURE_TRUSTED,
    POSTURE_FLAGS,
};

struct posture_attribute {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
};
extern const struct posture_attribute posture_flags[POSTURE_FLAGS];

enum {
    POSTURE_MECHANISMS = 512, /* a longer list is not to be believed */
};

/** Mechanisms: of a key (CKA_ALLOWED_MECHANISMS) or of its token. */
struct posture_mechanisms {
    enum posture_list { POSTURE_UNTOLD, POSTURE_ABSENT, POSTURE_LISTED } told;
    size_t count;
    CK_MECHANISM_TYPE types[POSTURE_MECHANISMS];
};

/** CKA_WRAP_TEMPLATE or CKA_UNWRAP_TEMPLATE. */
enum posture_template {
    POSTURE_TEMPLATE_UNKNOWN,
    POSTURE_TEMPLATE_NONE,
    POSTURE_TEMPLATE_WEAK, /* it is there, and forces not both of the next */
    POSTURE_TEMPLATE_SAFE, /* it forces CKA_SENSITIVE true and CKA_EXTRACTABLE false */
};

/** Other objects on the token with a property. */
struct posture_others {
    bool known;
    size_t count;
    char names[100]; /* the labels of some */
};

struct posture {
    enum hsm_family family;
    unsigned long epoch; /* of the connection in which all of it was read */
    enum posture_truth flags[POSTURE_FLAGS];
    enum posture_truth readable; /* a length came for CKA_VALUE */
    CK_ULONG key_type, size;     /* CK_UNAVAILABLE_INFORMATION: unknown */
    struct posture_mechanisms allowed, offered;
    enum posture_template wrap_template, unwrap_template;
    char start[9], end[9]; /* "20261231"; "": none; "?": unknown */
    char today[9];
    char identity[HSM_IDENTITY_TEXT];
    const char *pin; /* what it must be; NULL: anything */
    bool pin_fits;
    struct posture_others same_label, same_id, wrapping, unwrapping;
    bool token_told; /* `token_flags` are known */
    CK_FLAGS token_flags;
    enum posture_truth hardware;
};

/** Fills in what the key's own attributes say, in a borrowed session. @return CKR_OK, or an error
 * of the connection or of the handle, after which nothing of it is to be used */
CK_RV posture_read_key(struct posture *posture, struct token *token, const struct session *session,
                       CK_OBJECT_HANDLE object);

/** The same for what the token and its other objects say; no search may be under way. */
CK_RV posture_read_token(struct posture *posture, const struct hsm_key *key,
                         const struct session *session, CK_OBJECT_HANDLE object);

/**
 * The template of `object` called `type`: what it forces.  After an answer of the connection no
 * template is asked for on this token any more.
 */
CK_RV posture_read_template(struct token *token, const struct session *session,
                            CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                            enum posture_template *template);

/**
 * One attribute into `size` bytes at `value`; NULL: only its length.  `*told`: its length, or
 * CK_UNAVAILABLE_INFORMATION where the module does not tell it or what it tells does not fit.
 * @return CKR_OK, also then; else an error of the connection or of the handle
 */
CK_RV posture_attribute(const struct token *token, const struct session *session,
                        CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, size_t size,
                        CK_ULONG *told);

/**
 * Whether `rv` says nothing of what was asked: the key, or the way to it, is gone.  What is general
 * (CKR_GENERAL_ERROR is SoftHSM's answer where it cannot give out a date) is an answer: unknown.
 */
bool posture_lost(CK_RV rv);

/** One check: fills in result, severity and reason. */
typedef void posture_check(const struct posture *posture, struct hsm_finding *finding);

posture_check posture_value, posture_sensitive, posture_extractable, posture_history, posture_local,
    posture_private, posture_modifiable, posture_copyable, posture_destroyable, posture_trusted;
posture_check posture_wrap_decrypt, posture_unwrap_encrypt, posture_wrap_unwrap,
    posture_wrap_template, posture_derive, posture_derive_encrypt, posture_sign_encrypt;
posture_check posture_mechanisms, posture_ecb, posture_cbc_pad, posture_malleable,
    posture_gcm_mixed, posture_gcm_tag;
posture_check posture_type, posture_identity, posture_unique, posture_dates, posture_other_keys,
    posture_login, posture_pin, posture_hardware;

/** All checks that make sense for the key, into `audit`. */
void posture_judge(const struct posture *posture, struct hsm_judgement *audit);

/** What a check says; `finding->severity` stays what it is at most unless it fails. */
void posture_pass(struct hsm_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void posture_unknown(struct hsm_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void posture_fail(struct hsm_finding *finding, enum hsm_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Whether the key may be used with a mechanism: its list, or where it has none the token's. */
enum posture_truth posture_allows(const struct posture *posture, CK_MECHANISM_TYPE type);

/** A mechanism's name as PKCS#11 writes it, of those that have to do with AES and MACs; else its
 * number.  Lives until the thread's next call. */
const char *posture_mechanism_name(CK_MECHANISM_TYPE type);

/** The strongest answer of several: yes, else unknown, else no. */
enum posture_truth posture_any(enum posture_truth a, enum posture_truth b);

#endif
