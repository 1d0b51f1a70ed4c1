/*
 * Reference files: a key reference as a PKCS#8 structure, so that PEM and DER files stand for keys
 * of the HSM wherever programs take a file with a key.  No key is in them.  Pure.
 *
 *     PrivateKeyInfo ::= SEQUENCE {
 *         version     INTEGER (0),
 *         algorithm   SEQUENCE { OBJECT IDENTIFIER 2.25.181779667083350484552675223651006838096 },
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
 * The object identifier: 2.25 and a random UUID, which needs no registration (ITU-T X.667).
 */
#define FILE_OID "2.25.181779667083350484552675223651006838096"

enum {
    FILE_MOST = 127, /* bytes of the longest reference file, in DER */
};

/** What a reference file says. */
struct file {
    char reference[HSMZKE_REFERENCE_SIZE + 1];
    char identity[HSM_IDENTITY_TEXT]; /* "": not said */
};

/** Writes `file` as DER. @return its size */
size_t file_write(const struct file *file, unsigned char der[FILE_MOST]);

/** Whether `size` bytes at `der` begin as a reference file does. */
bool file_is_ours(const unsigned char *der, size_t size);

/** Reads the `size` bytes at `der`. @return false, with the reason in `why` */
bool file_read(struct file *file, const unsigned char *der, size_t size, struct failure *why);

#endif
