/*
 * Reference files: a key reference as a PKCS#8 structure, so that PEM and DER files stand for keys
 * of the HSM wherever programs take a file with a key.  No key is in them.  Pure.
 *
 *     PrivateKeyInfo ::= SEQUENCE {
 *         version     INTEGER (0),
 *         algorithm   SEQUENCE { OBJECT IDENTIFIER of the key's family },
 *         privateKey  OCTET STRING (CONTAINING HsmzkeReference) }
 *     HsmzkeReference ::= SEQUENCE {
 *         version     INTEGER (1),
 *         reference   UTF8String,            -- "hsmzke:..."
 *         identity    UTF8String OPTIONAL }  -- "aes:HEX" or "cmac:HEX": what the key must be
 */
#ifndef HSMZKE_PKEY_FILE_H
#define HSMZKE_PKEY_FILE_H

#include "pkcs11/hsm.h"
#include "reference.h"

/*
 * The object identifiers, for AES keys and for secrets: 2.25 and a random UUID, which needs no
 * registration (ITU-T X.667).
 */
#define FILE_AES_OID "2.25.181779667083350484552675223651006838096"
#define FILE_HMAC_OID "2.25.179372078631364893371487240402627236345"

enum {
    FILE_MOST = 127, /* bytes of the longest reference file, in DER */
};

/** What a reference file says. */
struct file {
    enum hsm_family family; /* HSM_AES or HSM_SECRET */
    char reference[HSMZKE_REFERENCE_SIZE + 1];
    char identity[HSM_IDENTITY_TEXT]; /* "": not said */
};

/** Writes `file` as DER. @return its size */
size_t file_write(const struct file *file, unsigned char der[FILE_MOST]);

/** Whether `size` bytes at `der` begin as a reference file for a key of `family` does. */
bool file_is_ours(const unsigned char *der, size_t size, enum hsm_family family);

/** Reads the `size` bytes at `der`, a file for `family`. @return false, with the reason in `why` */
bool file_read(struct file *file, enum hsm_family family, const unsigned char *der, size_t size,
               struct failure *why);

#endif
