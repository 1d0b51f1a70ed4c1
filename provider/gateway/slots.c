/* Slots for thunks: see slots.h. */
#include "gateway/slots.h"

#include <stdlib.h>
#include <string.h>

OSSL_DISPATCH *slots_copy_dispatch(const OSSL_DISPATCH *table)
{
    size_t rows = 1; /* with the end */
    OSSL_DISPATCH *copy;

    while (table[rows - 1].function_id != 0)
        rows++;
    copy = malloc(rows * sizeof(*copy));
    if (copy != NULL)
        memcpy(copy, table, rows * sizeof(*copy));
    return copy;
}
