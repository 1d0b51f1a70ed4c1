/*
 * All functions of PKCS#11 2.40 with their parameters, but for C_GetFunctionList, for modules that
 * stand in front of another one: CRYPTOKI(name, parameters, arguments), and for those that work in
 * a session, `s`, CRYPTOKI_SESSION(...), which is the same unless it is defined.  No include guard:
 * it is included once for each use.
 */
#ifndef CRYPTOKI_SESSION
#define CRYPTOKI_SESSION CRYPTOKI
#endif
CRYPTOKI(C_Initialize, (void *args), (args))
CRYPTOKI(C_Finalize, (void *reserved), (reserved))
CRYPTOKI(C_GetInfo, (CK_INFO * info), (info))
CRYPTOKI(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n), (present, slots, n))
CRYPTOKI(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info), (slot, info))
CRYPTOKI(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info))
CRYPTOKI(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *m, CK_ULONG *n), (slot, m, n))
CRYPTOKI(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info),
         (slot, m, info))
CRYPTOKI(C_InitToken, (CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG n, CK_BYTE *label),
         (slot, pin, n, label))
CRYPTOKI_SESSION(C_InitPIN, (CK_SESSION_HANDLE s, CK_BYTE *pin, CK_ULONG n), (s, pin, n))
CRYPTOKI_SESSION(C_SetPIN,
                 (CK_SESSION_HANDLE s, CK_BYTE *old, CK_ULONG n, CK_BYTE *now, CK_ULONG m),
                 (s, old, n, now, m))
CRYPTOKI(C_OpenSession,
         (CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *s),
         (slot, flags, app, notify, s))
CRYPTOKI_SESSION(C_CloseSession, (CK_SESSION_HANDLE s), (s))
CRYPTOKI(C_CloseAllSessions, (CK_SLOT_ID slot), (slot))
CRYPTOKI_SESSION(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO *info), (s, info))
CRYPTOKI_SESSION(C_GetOperationState, (CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG *n),
                 (s, state, n))
CRYPTOKI_SESSION(C_SetOperationState,
                 (CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG n, CK_OBJECT_HANDLE e,
                  CK_OBJECT_HANDLE a),
                 (s, state, n, e, a))
CRYPTOKI_SESSION(C_Login, (CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG n),
                 (s, user, pin, n))
CRYPTOKI_SESSION(C_Logout, (CK_SESSION_HANDLE s), (s))
CRYPTOKI_SESSION(C_CreateObject,
                 (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o),
                 (s, t, n, o))
CRYPTOKI_SESSION(C_CopyObject,
                 (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *t, CK_ULONG n,
                  CK_OBJECT_HANDLE *o),
                 (s, from, t, n, o))
CRYPTOKI_SESSION(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o))
CRYPTOKI_SESSION(C_GetObjectSize, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ULONG *n), (s, o, n))
CRYPTOKI_SESSION(C_GetAttributeValue,
                 (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n),
                 (s, o, t, n))
CRYPTOKI_SESSION(C_SetAttributeValue,
                 (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n),
                 (s, o, t, n))
CRYPTOKI_SESSION(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n), (s, t, n))
CRYPTOKI_SESSION(C_FindObjects,
                 (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *o, CK_ULONG max, CK_ULONG *n),
                 (s, o, max, n))
CRYPTOKI_SESSION(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s))
CRYPTOKI_SESSION(C_EncryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key),
                 (s, m, key))
CRYPTOKI_SESSION(C_Encrypt,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_EncryptUpdate,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_EncryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size),
                 (s, out, size))
CRYPTOKI_SESSION(C_DecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key),
                 (s, m, key))
CRYPTOKI_SESSION(C_Decrypt,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_DecryptUpdate,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_DecryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size),
                 (s, out, size))
CRYPTOKI_SESSION(C_DigestInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m), (s, m))
CRYPTOKI_SESSION(C_Digest,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_DigestUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
CRYPTOKI_SESSION(C_DigestKey, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key), (s, key))
CRYPTOKI_SESSION(C_DigestFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
CRYPTOKI_SESSION(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key),
                 (s, m, key))
CRYPTOKI_SESSION(C_Sign,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_SignUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
CRYPTOKI_SESSION(C_SignFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
CRYPTOKI_SESSION(C_SignRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key),
                 (s, m, key))
CRYPTOKI_SESSION(C_SignRecover,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_VerifyInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key),
                 (s, m, key))
CRYPTOKI_SESSION(C_Verify,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *signature, CK_ULONG size),
                 (s, in, n, signature, size))
CRYPTOKI_SESSION(C_VerifyUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
CRYPTOKI_SESSION(C_VerifyFinal, (CK_SESSION_HANDLE s, CK_BYTE *signature, CK_ULONG size),
                 (s, signature, size))
CRYPTOKI_SESSION(C_VerifyRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key),
                 (s, m, key))
CRYPTOKI_SESSION(C_VerifyRecover,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_DigestEncryptUpdate,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_DecryptDigestUpdate,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_SignEncryptUpdate,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_DecryptVerifyUpdate,
                 (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
                 (s, in, n, out, size))
CRYPTOKI_SESSION(C_GenerateKey,
                 (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n,
                  CK_OBJECT_HANDLE *key),
                 (s, m, t, n, key))
CRYPTOKI_SESSION(C_GenerateKeyPair,
                 (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n,
                  CK_ATTRIBUTE *u, CK_ULONG k, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private),
                 (s, m, t, n, u, k, public, private))
CRYPTOKI_SESSION(C_WrapKey,
                 (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key,
                  CK_BYTE *out, CK_ULONG *size),
                 (s, m, by, key, out, size))
CRYPTOKI_SESSION(C_UnwrapKey,
                 (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE by, CK_BYTE *in,
                  CK_ULONG size, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *key),
                 (s, m, by, in, size, t, n, key))
CRYPTOKI_SESSION(C_DeriveKey,
                 (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t,
                  CK_ULONG n, CK_OBJECT_HANDLE *key),
                 (s, m, base, t, n, key))
CRYPTOKI_SESSION(C_SeedRandom, (CK_SESSION_HANDLE s, CK_BYTE *seed, CK_ULONG n), (s, seed, n))
CRYPTOKI_SESSION(C_GenerateRandom, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG n), (s, out, n))
CRYPTOKI_SESSION(C_GetFunctionStatus, (CK_SESSION_HANDLE s), (s))
CRYPTOKI_SESSION(C_CancelFunction, (CK_SESSION_HANDLE s), (s))
CRYPTOKI(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved),
         (flags, slot, reserved))
#undef CRYPTOKI
#undef CRYPTOKI_SESSION
