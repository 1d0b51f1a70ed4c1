/*
 * hsmzke: keys that applications use and never hold.
 *
 * Names that an application, an administrator's tool or a test may share with the provider: the
 * format of key references and the names of the provider's parameters.  An application that only
 * encrypts needs none of them: to it a reference is 32 opaque bytes.
 */
#ifndef HSMZKE_H
#define HSMZKE_H

/** The provider's name, and the value of its property `provider`. */
#define HSMZKE_PROVIDER_NAME "hsmzke"

/**
 * Key references: 32 bytes that stand where a raw AES-256 key would.
 *
 * By name:  "hsmzke:" + 1 to 24 bytes + NUL up to byte 32 (at least one).
 * By id:    "hsmzke:" + 24 base64url characters of an 18-byte CKA_ID + 1 check character.
 *
 * As text (a STORE URI, a configuration value) the same string stands without the NULs; exactly 25
 * characters after the prefix are an id.  All bytes are literal: no percent-decoding, no trimming.
 *
 * The check character runs over the base64url values (RFC 4648, section 5) in GF(64) modulo
 * x^6 + x + 1:
 *
 *     r = 0;
 *     for each of the 24 values v: { r ^= v; r <<= 1; if (r & 64) r ^= 0x43; }
 *     check = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[r];
 *
 * It catches every single wrong character and every swap of two.  Examples:
 *     000102030405060708090a0b0c0d0e0f1011 -> hsmzke:AAECAwQFBgcICQoLDA0ODxARo
 *     cb829cb5d70546c194367553aee067af18b1 -> hsmzke:y4KctdcFRsGUNnVTruBnrxixw
 *
 * A CKA_ID of one repeated byte has no id reference.
 */
#define HSMZKE_REFERENCE_PREFIX "hsmzke:"
/** Length of HSMZKE_REFERENCE_PREFIX, in bytes, without the NUL. */
#define HSMZKE_REFERENCE_PREFIX_SIZE 7
/** Length of a whole reference, in bytes: that of an AES-256 key. */
#define HSMZKE_REFERENCE_SIZE 32
/** Longest name in a reference by name, in bytes. */
#define HSMZKE_REFERENCE_NAME_MAX 24
/** Length of the CKA_ID in a reference by id, in bytes. */
#define HSMZKE_REFERENCE_ID_SIZE 18

/**
 * Parameters of the provider: keys of its section in openssl.cnf.
 * docs/configuration.md says what each means; every one but HSMZKE_PARAM_KEYS and
 * HSMZKE_PARAM_IDENTITIES, which name sections, has an environment variable that overrules it.
 */
#define HSMZKE_PARAM_PKCS11_MODULE "pkcs11-module"
#define HSMZKE_PARAM_PKCS11_INIT_ARGS "pkcs11-init-args"
#define HSMZKE_PARAM_TOKEN "token" /**< "token.1", "token.2", ...: those of an HA group */
#define HSMZKE_PARAM_PIN_SOURCE "pin-source"
#define HSMZKE_PARAM_KEYS "keys"
/* Not "identity": a provider's section of openssl.cnf has that key, for the provider's own name. */
#define HSMZKE_PARAM_IDENTITIES "identities"
#define HSMZKE_PARAM_GATEWAY "gateway"
#define HSMZKE_PARAM_LEGACY "legacy"
#define HSMZKE_PARAM_RAW_KEYS "raw-keys"
#define HSMZKE_PARAM_REFERENCES_ELSEWHERE "references-elsewhere"
#define HSMZKE_PARAM_RANDOM "random"
#define HSMZKE_PARAM_PKCS11_URIS "pkcs11-uris"
#define HSMZKE_PARAM_KEY_POLICY "key-policy"
#define HSMZKE_PARAM_SESSIONS "sessions"
#define HSMZKE_PARAM_SESSION_WAIT "session-wait"
#define HSMZKE_PARAM_OPERATION_REUSE "operation-reuse"
#define HSMZKE_PARAM_PARALLEL "parallel"
#define HSMZKE_PARAM_GCM_ONE_SHOT "gcm-one-shot"
#define HSMZKE_PARAM_GCM_BUFFER "gcm-buffer"
#define HSMZKE_PARAM_GCM_MIN_TAG "gcm-min-tag"
#define HSMZKE_PARAM_AUDIT "audit"

/**
 * Keys as EVP_PKEYs: the names of their types, what generating one takes
 * (EVP_PKEY_CTX_set_params(), `genpkey -pkeyopt`), and what can be asked of one
 * (EVP_PKEY_get_utf8_string_param()).
 */
#define HSMZKE_PKEY_TYPE "HSMZKE-AES"       /**< AES-256 keys */
#define HSMZKE_PKEY_HMAC_TYPE "HSMZKE-HMAC" /**< generic secrets and HMAC keys */
#define HSMZKE_PKEY_PARAM_LABEL "label"     /**< 1 to 24 bytes; must be set */
#define HSMZKE_PKEY_PARAM_USAGE "usage" /**< HSMZKE-AES: cipher, gcm, gcm-only, wrap, mac, any */
#define HSMZKE_PKEY_PARAM_BYTES "bytes" /**< HSMZKE-HMAC: its length, 16 to 128 */
#define HSMZKE_PKEY_PARAM_TOKEN "token" /**< a token's label or pkcs11: URI */
#define HSMZKE_PKEY_PARAM_REFERENCE "reference"
#define HSMZKE_PKEY_PARAM_IDENTITY "identity"

/**
 * Keys as EVP_SKEYs (OpenSSL 3.5 and later): what EVP_SKEY_import() takes beside "raw-bytes".
 * EVP_SKEY_generate() takes the parameters of EVP_PKEYs above.
 */
#define HSMZKE_SKEY_PARAM_REFERENCE "reference" /**< "hsmzke:..." as text, or the 32 bytes */
#define HSMZKE_SKEY_PARAM_URI "uri"             /**< "pkcs11:..." */

#endif
