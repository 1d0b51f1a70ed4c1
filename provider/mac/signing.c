/* CMAC and HMAC over the HSM: C_Sign, and a session of their own for long data.  See data.h. */
#include "mac/data.h"

static size_t signing_size(const struct mac_data *data)
{
    return hsm_mac_size(data->kind);
}

static void signing_rekey(struct mac_data *data)
{
    data->state = MAC_OPEN;
}

static bool is_open(const struct mac_data *data, struct failure *why)
{
    if (data->state == MAC_FINISHED)
        return failure_set(why, FAILURE_OPERATION,
                           "the MAC was given out; EVP_MAC_init() begins the next one");
    return data->state == MAC_OPEN ||
           failure_set(why, FAILURE_OPERATION,
                       "the MAC was lost with its session, and its data are not kept any more; "
                       "EVP_MAC_init() begins it anew");
}

/* Hands all that is kept to the HSM. */
static bool flush(struct mac_data *data, struct failure *why)
{
    if (data->stream == NULL) {
        data->stream = hsm_mac_begin(data->key, data->kind, data->bytes, data->size, why);
        if (data->stream == NULL)
            return false; /* nothing is lost: all of it is still here */
    } else if (!hsm_mac_update(data->stream, data->bytes, data->size, why)) {
        data->state = MAC_LOST;
        return false;
    }
    mac_data_wipe(data);
    return true;
}

static bool signing_update(struct mac_data *data, const unsigned char *in, size_t size,
                           struct failure *why)
{
    if (!is_open(data, why))
        return false;
    while (size > 0) {
        size_t piece = size;

        if (data->size == data->most && !flush(data, why))
            return false;
        if (piece > data->most - data->size)
            piece = data->most - data->size;
        if (!mac_data_keep(data, in, piece, why))
            return false;
        in += piece;
        size -= piece;
    }
    return true;
}

static bool signing_final(struct mac_data *data, unsigned char *mac, struct failure *why)
{
    if (!is_open(data, why))
        return false;
    if (data->stream == NULL) {
        if (!hsm_mac(data->key, data->kind, data->bytes, data->size, mac, why))
            return false;
    } else if ((data->size > 0 && !flush(data, why)) || !hsm_mac_final(data->stream, mac, why)) {
        data->state = MAC_LOST;
        return false;
    }
    mac_data_restart(data);
    data->state = MAC_FINISHED;
    return true;
}

const struct mac_work mac_signing = {
    .size = signing_size,
    .may = hsm_key_may_sign,
    .rekey = signing_rekey,
    .update = signing_update,
    .final = signing_final,
};
