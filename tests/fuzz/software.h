/* What is right, by OpenSSL's default provider: to compare with. */
#ifndef HSMZKE_FUZZ_SOFTWARE_H
#define HSMZKE_FUZZ_SOFTWARE_H

#include "pkcs11/hsm.h"

/** `size` bytes without padding, to `out`. */
void software(const char *cipher, const unsigned char key[32], const unsigned char *iv,
              bool encrypt, const unsigned char *in, size_t size, unsigned char *out);

/** An encryption with AES-256-GCM. */
void software_gcm(const unsigned char key[32], const struct hsm_gcm *data, unsigned char *out,
                  unsigned char tag[HSM_BLOCK]);

/** CMAC with AES-256. */
void software_cmac(const unsigned char key[32], const unsigned char *data, size_t size,
                   unsigned char mac[HSM_BLOCK]);

#endif
