/* libp11, in a thread of its own: see slots.h. */
#include "pkcs11/slots.h"

#include <stdlib.h>

#include "pkcs11/thread.h"

enum {
    SLOTS_MOST = 4096, /* a longer list is not to be believed */
};

struct work {
    CK_RV (*run)(struct work *work);
    CK_RV rv;
    PKCS11_CTX *libp11;
    const char *path, *init_args;
    CK_SLOT_ID *ids;
    size_t count;
};

/*
 * The CK_RV that libp11 left on this thread's error queue; of a vendor's own the queue keeps the
 * last 23 bits only, which may be those of CKR_OK.
 */
static CK_RV last_rv(void)
{
    const unsigned long error = ERR_peek_last_error();
    const CK_RV rv = (CK_RV)ERR_GET_REASON(error);

    return error != 0 && ERR_GET_LIB(error) == ERR_get_CKR_code() && rv != CKR_OK
               ? rv
               : CKR_GENERAL_ERROR;
}

static CK_RV open_context(struct work *work)
{
    PKCS11_CTX *libp11 = PKCS11_CTX_new();
    CK_RV rv = CKR_OK;

    if (libp11 == NULL)
        return CKR_HOST_MEMORY;
    PKCS11_CTX_init_args(libp11, work->init_args);
    if (PKCS11_CTX_load(libp11, work->path) != 0) {
        rv = last_rv();
        PKCS11_CTX_free(libp11);
        return rv;
    }
    work->libp11 = libp11;
    return CKR_OK;
}

static CK_RV close_context(struct work *work)
{
    PKCS11_CTX_unload(work->libp11);
    PKCS11_CTX_free(work->libp11);
    return CKR_OK;
}

static CK_RV list(struct work *work)
{
    PKCS11_SLOT *slots = NULL;
    unsigned int count = 0;

    if (PKCS11_enumerate_slots(work->libp11, &slots, &count) != 0)
        return last_rv();
    work->ids = calloc(count + 1, sizeof(*work->ids));
    for (unsigned int i = 0; work->ids != NULL && i < count; i++) {
        if (slots[i].token != NULL)
            work->ids[work->count++] = PKCS11_get_slotid_from_slot(&slots[i]);
    }
    PKCS11_release_all_slots(work->libp11, slots, count);
    return work->ids != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static void *thread(void *work_)
{
    struct work *work = work_;

    if (life_enter())
        work->rv = life_leave(work->run(work));
    else
        work->rv = CKR_HSMZKE_EXITING;
    return NULL;
}

/*
 * Runs `work` in a thread.  Where the process may make none (HAProxy sets RLIMIT_NPROC to 0), in
 * this one: that empties its error queue, which is better than no key.
 */
static CK_RV run(struct work *work)
{
    pthread_t id;
    int cancelling;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling); /* `work` is on our stack */
    if (thread_start(&id, thread, work))
        pthread_join(id, NULL);
    else
        thread(work);
    pthread_setcancelstate(cancelling, NULL);
    return work->rv;
}

CK_RV slots_open(const char *path, const char *init_args, PKCS11_CTX **libp11)
{
    struct work work = { .run = open_context, .path = path, .init_args = init_args };
    const CK_RV rv = run(&work);

    *libp11 = work.libp11;
    return rv;
}

void slots_close(PKCS11_CTX *libp11)
{
    struct work work = { .run = close_context, .libp11 = libp11 };

    (void)run(&work);
}

CK_RV slots_list(PKCS11_CTX *libp11, CK_SLOT_ID **ids, size_t *count)
{
    struct work work = { .run = list, .libp11 = libp11 };
    const CK_RV rv = run(&work);

    *ids = work.ids;
    *count = work.count;
    return rv;
}

CK_RV slots_list_quietly(const CK_FUNCTION_LIST *f, CK_SLOT_ID **ids, size_t *count)
{
    CK_ULONG found = 0, room;
    CK_RV rv = CALL(f, C_GetSlotList(CK_TRUE, NULL, &found));

    *ids = NULL;
    *count = 0;
    if (rv != CKR_OK || found == 0)
        return rv;
    if (found > SLOTS_MOST)
        return CKR_GENERAL_ERROR;
    room = found;
    *ids = calloc(room, sizeof(**ids));
    if (*ids == NULL)
        return CKR_HOST_MEMORY;
    rv = CALL(f, C_GetSlotList(CK_TRUE, *ids, &found));
    if (rv == CKR_OK && found > room)
        rv = CKR_GENERAL_ERROR;
    *count = rv == CKR_OK ? found : 0;
    return rv;
}
