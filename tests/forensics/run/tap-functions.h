/*
 * All functions of PKCS#11 2.40 with their parameters, for the tap: TAP(name, parameters,
 * arguments).  No include guard: it is included once for each use.
 */
TAP(C_Initialize, (void *args), (args))
TAP(C_Finalize, (void *reserved), (reserved))
TAP(C_GetInfo, (CK_INFO * info), (info))
TAP(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n), (present, slots, n))
TAP(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info), (slot, info))
TAP(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info))
TAP(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *m, CK_ULONG *n), (slot, m, n))
TAP(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info),
    (slot, m, info))
TAP(C_InitToken, (CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG n, CK_BYTE *label), (slot, pin, n, label))
TAP(C_InitPIN, (CK_SESSION_HANDLE s, CK_BYTE *pin, CK_ULONG n), (s, pin, n))
TAP(C_SetPIN, (CK_SESSION_HANDLE s, CK_BYTE *old, CK_ULONG n, CK_BYTE *now, CK_ULONG m),
    (s, old, n, now, m))
TAP(C_OpenSession,
    (CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *s),
    (slot, flags, app, notify, s))
TAP(C_CloseSession, (CK_SESSION_HANDLE s), (s))
TAP(C_CloseAllSessions, (CK_SLOT_ID slot), (slot))
TAP(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO *info), (s, info))
TAP(C_GetOperationState, (CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG *n), (s, state, n))
TAP(C_SetOperationState,
    (CK_SESSION_HANDLE s, CK_BYTE *state, CK_ULONG n, CK_OBJECT_HANDLE e, CK_OBJECT_HANDLE a),
    (s, state, n, e, a))
TAP(C_Login, (CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG n), (s, user, pin, n))
TAP(C_Logout, (CK_SESSION_HANDLE s), (s))
TAP(C_CreateObject, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o),
    (s, t, n, o))
TAP(C_CopyObject,
    (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *o),
    (s, from, t, n, o))
TAP(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o))
TAP(C_GetObjectSize, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ULONG *n), (s, o, n))
TAP(C_GetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n),
    (s, o, t, n))
TAP(C_SetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n),
    (s, o, t, n))
TAP(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n), (s, t, n))
TAP(C_FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *o, CK_ULONG max, CK_ULONG *n),
    (s, o, max, n))
TAP(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s))
TAP(C_EncryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
TAP(C_Encrypt, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_EncryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_EncryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
TAP(C_DecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
TAP(C_Decrypt, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_DecryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_DecryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
TAP(C_DigestInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m), (s, m))
TAP(C_Digest, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_DigestUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
TAP(C_DigestKey, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key), (s, key))
TAP(C_DigestFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
TAP(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
TAP(C_Sign, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_SignUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
TAP(C_SignFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
TAP(C_SignRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
TAP(C_SignRecover, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_VerifyInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
TAP(C_Verify, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *signature, CK_ULONG size),
    (s, in, n, signature, size))
TAP(C_VerifyUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
TAP(C_VerifyFinal, (CK_SESSION_HANDLE s, CK_BYTE *signature, CK_ULONG size), (s, signature, size))
TAP(C_VerifyRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
TAP(C_VerifyRecover, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_DigestEncryptUpdate,
    (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_DecryptDigestUpdate,
    (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_SignEncryptUpdate,
    (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_DecryptVerifyUpdate,
    (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
TAP(C_GenerateKey,
    (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *key),
    (s, m, t, n, key))
TAP(C_GenerateKeyPair,
    (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE *u, CK_ULONG k,
     CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private),
    (s, m, t, n, u, k, public, private))
TAP(C_WrapKey,
    (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE *out,
     CK_ULONG *size),
    (s, m, by, key, out, size))
TAP(C_UnwrapKey,
    (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE by, CK_BYTE *in, CK_ULONG size,
     CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *key),
    (s, m, by, in, size, t, n, key))
TAP(C_DeriveKey,
    (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t, CK_ULONG n,
     CK_OBJECT_HANDLE *key),
    (s, m, base, t, n, key))
TAP(C_SeedRandom, (CK_SESSION_HANDLE s, CK_BYTE *seed, CK_ULONG n), (s, seed, n))
TAP(C_GenerateRandom, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG n), (s, out, n))
TAP(C_GetFunctionStatus, (CK_SESSION_HANDLE s), (s))
TAP(C_CancelFunction, (CK_SESSION_HANDLE s), (s))
TAP(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved), (flags, slot, reserved))
