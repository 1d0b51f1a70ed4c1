/*
 * AES-256 in the process, for the control: what the software module does instead of the HSM.
 */
#ifndef MEMSCAN_SOFTWARE_CIPHER_H
#define MEMSCAN_SOFTWARE_CIPHER_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

/** An operation of a session; there is one for each direction. */
struct software;

/** @return false: the mechanism is not computed here */
bool software_serves(CK_MECHANISM_TYPE mechanism);

/** Begins one in place of `old` (NULL: none). @return NULL if it cannot be */
struct software *software_begin(struct software *old, const CK_MECHANISM *mechanism, bool encrypt);

/** As C_Encrypt or C_Decrypt, C_EncryptUpdate, C_EncryptFinal. */
CK_RV software_whole(struct software *software, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                     CK_ULONG *size);
CK_RV software_update(struct software *software, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                      CK_ULONG *size);
CK_RV software_final(struct software *software, CK_BYTE *out, CK_ULONG *size);

void software_end(struct software *software);

#endif
