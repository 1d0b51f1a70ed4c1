/* Bytes that a GCM message keeps: see gcm-bytes.h. */
#include "cipher/gcm-bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROOM_KEPT = 64 * 1024, /* for another message, which mostly is as short */
};

bool gcm_bytes_append(struct gcm_bytes *bytes, const unsigned char *data, size_t size, size_t most)
{
    if (size > most || bytes->size > most - size)
        return false;
    if (bytes->size + size > bytes->room) {
        size_t room = bytes->room * 2 > bytes->size + size ? bytes->room * 2 : bytes->size + size;
        unsigned char *larger = realloc(bytes->data, room < most ? room : most);

        if (larger == NULL)
            return false;
        bytes->data = larger;
        bytes->room = room < most ? room : most;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return true;
}

void gcm_bytes_clear(struct gcm_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct gcm_bytes){ 0 };
}

void gcm_bytes_empty(struct gcm_bytes *bytes)
{
    if (bytes->room > ROOM_KEPT)
        gcm_bytes_clear(bytes);
    bytes->size = 0;
}

bool gcm_bytes_copy(struct gcm_bytes *copy, const struct gcm_bytes *bytes)
{
    *copy = (struct gcm_bytes){ 0 };
    if (bytes->size == 0)
        return true;
    copy->data = malloc(bytes->size);
    if (copy->data == NULL)
        return false;
    memcpy(copy->data, bytes->data, bytes->size);
    copy->size = copy->room = bytes->size;
    return true;
}
