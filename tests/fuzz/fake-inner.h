/* What the parts of the fake HSM share: see fake-hsm.h. */
#ifndef HSMZKE_FUZZ_FAKE_INNER_H
#define HSMZKE_FUZZ_FAKE_INNER_H

#include <openssl/evp.h>

#include "fake-hsm.h"

enum { FAKE_SESSIONS = 16, FAKE_FOUND = 8 };

struct fake_session {
    bool open, searching, gcm, encrypt;
    EVP_CIPHER_CTX *cipher; /* an operation; NULL: none */
    size_t tag;             /* of GCM: bytes */
    EVP_MAC_CTX *mac;
    CK_OBJECT_HANDLE found[FAKE_FOUND];
    size_t found_count, found_at;
};

/** How a call is answered. */
struct lie {
    enum {
        LIE_NONE,
        LIE_ERROR, /* `rv` */
        LIE_GARBAGE_AND_ERROR,
        LIE_LENGTH,  /* another length than was written */
        LIE_NOTHING, /* CKR_OK, and nothing was written */
        LIE_COPY,    /* CKR_OK, and what went in comes out */
        LIE_DATA,    /* other data */
    } kind;
    CK_RV rv;
    unsigned int number;
};

/** How the next call is answered.  Traced, if HSMZKE_FUZZ_TRACE is in the environment. */
#define fake_next() fake_next_of(__func__)
struct lie fake_next_of(const char *function);

/** For functions that give nothing back. */
#define FAKE_ANSWER()                                                                              \
    do {                                                                                           \
        const struct lie answer_ = fake_next();                                                    \
        if (answer_.kind != LIE_NONE)                                                              \
            return answer_.rv;                                                                     \
    } while (0)

/** A length that is not `size`. */
CK_ULONG fake_length(const struct lie *lie, CK_ULONG size, CK_ULONG room);

extern CK_FUNCTION_LIST fake_functions;

/** Ends all sessions. */
void fake_close_all(void);

/** The session, or NULL; operations that are open in it are dropped. */
struct fake_session *fake_session(CK_SESSION_HANDLE handle);
void fake_drop(struct fake_session *session);

/** The bytes of a key, or NULL. */
const unsigned char *fake_key(CK_OBJECT_HANDLE handle, size_t *size);
void fake_forget_made(void);

CK_RV fake_find_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *wanted, CK_ULONG count);
CK_RV fake_find(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *found, CK_ULONG most, CK_ULONG *count);
CK_RV fake_find_final(CK_SESSION_HANDLE handle);
CK_RV fake_attribute(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                     CK_ULONG count);
CK_RV fake_generate_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes,
                        CK_ULONG count, CK_OBJECT_HANDLE *made);
CK_RV fake_destroy(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object);

CK_RV fake_encrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV fake_decrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
/* C_Encrypt and C_Decrypt, their updates, and their ends: in either direction the same. */
CK_RV fake_crypt(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size, CK_BYTE *out,
                 CK_ULONG *given);
CK_RV fake_crypt_update(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size, CK_BYTE *out,
                        CK_ULONG *given);
CK_RV fake_crypt_final(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *given);
CK_RV fake_sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV fake_sign(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size, CK_BYTE *out,
                CK_ULONG *given);
CK_RV fake_sign_update(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size);
CK_RV fake_sign_final(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *given);

#endif
