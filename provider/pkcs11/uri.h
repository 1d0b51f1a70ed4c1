/*
 * PKCS#11 URIs (RFC 7512), by p11-kit's parser: which token, which key, which PIN source.
 */
#ifndef HSMZKE_PKCS11_URI_H
#define HSMZKE_PKCS11_URI_H

#include "pkcs11/cryptoki.h"

#include <p11-kit/uri.h>

/**
 * Parses `text`; `what` ("token", "alias 'payroll'") names it in messages.  Attributes that the
 * parser does not know make the URI match nothing (RFC 7512, 2.3), so they are errors here.
 * @return NULL, with the reason in `why`; else to be given to p11_kit_uri_free()
 */
P11KitUri *uri_parse(const char *text, const char *what, struct failure *why);

/** The same for a URI that may name the path of the token's own module (module-path). */
P11KitUri *uri_parse_token(const char *text, const char *what, struct failure *why);

/** Whether `uri` says anything about the token: label, serial number, manufacturer, model, slot. */
bool uri_names_token(P11KitUri *uri);

/** Whether the token in slot `id` of `module` is one that `uri` means; NULL means any. */
bool uri_matches_token(P11KitUri *uri, const CK_INFO *module, CK_SLOT_ID id,
                       const CK_SLOT_INFO *slot, const CK_TOKEN_INFO *token);

/**
 * Copies `size` bytes of a field that PKCS#11 pads with blanks into `text` (size + 1 bytes),
 * without the padding, NUL-terminated; what is not printable becomes '?'.
 */
void uri_trim(char *text, const unsigned char *field, size_t size);

#endif
