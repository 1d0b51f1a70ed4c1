/*
 * GMAC over the HSM: an encryption with AES-GCM of nothing, all data being AAD (NIST SP 800-38D,
 * 3). H stays in the HSM.  See data.h.
 *
 * Two MACs under one IV give H away.  So an IV serves one MAC, until the program sets one again.
 */
#include <string.h>

#include "mac/data.h"

static size_t gmac_size(const struct mac_data *data)
{
    (void)data;
    return HSM_BLOCK;
}

static bool gmac_may(const struct hsm_key *key, struct failure *why)
{
    return hsm_key_may(key, true, why);
}

/* What was begun under an IV with one key does not go on with another. */
static void gmac_rekey(struct mac_data *data)
{
    if (data->size > 0)
        data->state = MAC_FINISHED;
}

static bool is_open(const struct mac_data *data, struct failure *why)
{
    if (data->iv_size == 0)
        return failure_set(why, FAILURE_IV_MISSING,
                           "GMAC: no IV was set; set the parameter iv, for each MAC another one");
    if (data->state != MAC_OPEN)
        return failure_set(why, FAILURE_IV_MISSING,
                           "GMAC: the IV has served; set another one (the parameter iv) for the "
                           "next MAC");
    return !hsm_iv_is_reserved(data->iv, data->iv_size) ||
           failure_set(why, FAILURE_NOT_OFFERED,
                       "GMAC: the IV 'hsmzke-id-v1' is reserved for keys' identities; set another");
}

static bool gmac_update(struct mac_data *data, const unsigned char *in, size_t size,
                        struct failure *why)
{
    if (size == 0) /* in every state, as with a cipher */
        return true;
    if (!is_open(data, why))
        return false;
    if (size > data->most || data->size > data->most - size)
        return failure_set(why, FAILURE_OPERATION,
                           "GMAC: more than %zu bytes of data: all are kept with an HSM key; raise "
                           "gcm-buffer",
                           data->most);
    return mac_data_keep(data, in, size, why);
}

static bool gmac_final(struct mac_data *data, unsigned char *mac, struct failure *why)
{
    const struct hsm_gcm message = {
        .iv = data->iv,
        .iv_size = data->iv_size,
        .aad = data->size > 0 ? data->bytes : NULL,
        .aad_size = data->size,
    };
    unsigned char tag[HSM_BLOCK];

    if (!is_open(data, why) || hsm_gcm_once(data->key, true, &message, NULL, tag, why) != HSM_DONE)
        return false;
    memcpy(mac, tag, sizeof(tag));
    mac_data_wipe(data);
    data->state = MAC_FINISHED;
    return true;
}

const struct mac_work mac_encrypting = {
    .size = gmac_size,
    .may = gmac_may,
    .rekey = gmac_rekey,
    .update = gmac_update,
    .final = gmac_final,
};
