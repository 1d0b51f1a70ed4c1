/* The data of one MAC, what all of them share: see data.h. */
#include "mac/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

enum {
    ROOM_LEAST = 1024,
};

void mac_data_new(struct mac_data *data, const struct mac_work *work, size_t most)
{
    *data = (struct mac_data){ .work = work, .most = most };
}

void mac_data_wipe(struct mac_data *data)
{
    if (data->bytes != NULL)
        secret_wipe(data->bytes, data->size);
    data->size = 0;
}

static void free_bytes(struct mac_data *data)
{
    mac_data_wipe(data);
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
        room = room <= SIZE_MAX / 2 ? room * 2 : wanted;
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

bool mac_data_keep(struct mac_data *data, const unsigned char *in, size_t size, struct failure *why)
{
    if (size == 0)
        return true;
    if (size > SIZE_MAX - data->size || !grow(data, data->size + size))
        return failure_memory(why);
    memcpy(data->bytes + data->size, in, size);
    data->size += size;
    return true;
}

void mac_data_restart(struct mac_data *data)
{
    hsm_mac_stream_free(data->stream);
    data->stream = NULL;
    data->state = MAC_OPEN;
    mac_data_wipe(data);
}

void mac_data_drop_key(struct mac_data *data)
{
    data->work->rekey(data);
    hsm_mac_stream_free(data->stream);
    data->stream = NULL;
    free_bytes(data);
    hsm_key_free(data->key);
    data->key = NULL;
}

void mac_data_key(struct mac_data *data, struct hsm_key *key, enum hsm_mac kind)
{
    mac_data_drop_key(data);
    data->key = key;
    data->kind = kind;
}

void mac_data_iv(struct mac_data *data, const unsigned char *iv, size_t size)
{
    mac_data_restart(data);
    memset(data->iv, 0, sizeof(data->iv));
    if (size > 0)
        memcpy(data->iv, iv, size);
    data->iv_size = size;
}

bool mac_data_copy(struct mac_data *to, const struct mac_data *from, struct failure *why)
{
    if (from->stream != NULL)
        return failure_set(why, FAILURE_OPERATION,
                           "a MAC over more than %zu bytes is in the HSM only and cannot be copied",
                           from->most);
    *to = *from;
    to->bytes = NULL;
    to->size = to->room = 0;
    to->key = NULL;
    if (!mac_data_keep(to, from->bytes, from->size, why))
        return false;
    to->key = from->key != NULL ? hsm_key_ref(from->key) : NULL;
    return true;
}

void mac_data_free(struct mac_data *data)
{
    if (data->work != NULL)
        mac_data_drop_key(data);
}
