/* Holds the key in a PK11Context of NSS's internal token; the variant "fips" is for idle ones. */
#include <nss.h>
#include <pk11pub.h>
#include <secmod.h>
#include <string.h>

#include "holder.h"

static PK11Context *context;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    unsigned char copy[32];
    SECItem item = { siBuffer, copy, sizeof(copy) }, none = { siBuffer, NULL, 0 };
    PK11SlotInfo *slot;
    PK11SymKey *object;

    HOLDER_NEEDS(NSS_NoDB_Init(NULL) == SECSuccess);
    if (strcmp(wish->variant, "fips") == 0)
        HOLDER_NEEDS(SECMOD_DeleteInternalModule(SECMOD_GetInternalModule()->commonName) ==
                     SECSuccess);
    slot = PK11_GetInternalSlot();
    HOLDER_NEEDS(slot != NULL);
    if (key == NULL)
        return;
    memcpy(copy, key, sizeof(copy));
    object = PK11_ImportSymKey(slot, CKM_AES_ECB, PK11_OriginUnwrap,
                               wish->decrypt ? CKA_DECRYPT : CKA_ENCRYPT, &item, NULL);
    explicit_bzero(copy, sizeof(copy));
    HOLDER_NEEDS(object != NULL);
    context = PK11_CreateContextBySymKey(CKM_AES_ECB, wish->decrypt ? CKA_DECRYPT : CKA_ENCRYPT,
                                         object, &none);
    HOLDER_NEEDS(context != NULL);
    PK11_FreeSymKey(object);
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    int written;

    HOLDER_NEEDS(PK11_CipherOp(context, out, &written, 16, in, 16) == SECSuccess && written == 16);
}
