/*
 * Two forms of an AES-256 key schedule, as libraries lay them out in memory; written down here
 * from FIPS 197 and from OpenSSL's output, and not by the scanner's code, so that the one can
 * testify to the other.
 */
#ifndef MEMSCAN_FORMS_H
#define MEMSCAN_FORMS_H

enum { FORM_SIZE = 240 };

/** As OpenSSL's vpaes keeps it for encryption. */
void form_vpaes(const unsigned char key[32], unsigned char out[FORM_SIZE]);

/** For decryption: round keys in reversed order, the inner ones with InvMixColumns. */
void form_decrypt(const unsigned char key[32], unsigned char out[FORM_SIZE]);

#endif
