/* The data of one MAC: see data.h. */
#include "mac/data.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

enum {
    ROOM_LEAST = 1024,
};

static void wipe(struct mac_data *data)
{
    if (data->bytes != NULL)
        secret_wipe(data->bytes, data->size);
    data->size = 0;
}

static void free_bytes(struct mac_data *data)
{
    wipe(data);
    free(data->bytes);
    data->bytes = NULL;
    data->room = 0;
}

/* Not realloc(): that leaves the old place as it was. */
static bool grow(struct mac_data *data, size_t wanted)
{
    size_t room = data->room > 0 ? data->room : ROOM_LEAST;
    unsigned char *bytes;

    if (wanted <= data->room)
        return true;
    while (room < wanted)
        room *= 2;
    bytes = malloc(room);
    if (bytes == NULL)
        return false;
    if (data->size > 0) {
        memcpy(bytes, data->bytes, data->size);
        secret_wipe(data->bytes, data->size);
    }
    free(data->bytes);
    data->bytes = bytes;
    data->room = room;
    return true;
}

void mac_data_restart(struct mac_data *data)
{
    hsm_mac_stream_free(data->stream);
    data->stream = NULL;
    data->state = MAC_OPEN;
    wipe(data);
}

void mac_data_key(struct mac_data *data, struct hsm_key *key, enum hsm_mac kind)
{
    mac_data_clear(data);
    data->key = key;
    data->kind = kind;
}

void mac_data_clear(struct mac_data *data)
{
    mac_data_restart(data);
    free_bytes(data);
    hsm_key_free(data->key);
    *data = (struct mac_data){ 0 };
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
    wipe(data);
    return true;
}

bool mac_data_update(struct mac_data *data, const unsigned char *in, size_t size,
                     struct failure *why)
{
    if (!is_open(data, why))
        return false;
    while (size > 0) {
        size_t piece = size;

        if (data->size == MAC_KEPT && !flush(data, why))
            return false;
        if (piece > MAC_KEPT - data->size)
            piece = MAC_KEPT - data->size;
        if (!grow(data, data->size + piece))
            return failure_memory(why);
        memcpy(data->bytes + data->size, in, piece);
        data->size += piece;
        in += piece;
        size -= piece;
    }
    return true;
}

bool mac_data_final(struct mac_data *data, unsigned char *mac, struct failure *why)
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

bool mac_data_copy(struct mac_data *to, const struct mac_data *from, struct failure *why)
{
    if (from->stream != NULL)
        return failure_set(why, FAILURE_OPERATION,
                           "a MAC over more than %d bytes is in the HSM only and cannot be copied",
                           MAC_KEPT);
    *to = (struct mac_data){ .kind = from->kind, .state = from->state };
    if (from->size > 0 && !grow(to, from->size))
        return failure_memory(why);
    if (from->size > 0)
        memcpy(to->bytes, from->bytes, from->size);
    to->size = from->size;
    to->key = from->key != NULL ? hsm_key_ref(from->key) : NULL;
    return true;
}
