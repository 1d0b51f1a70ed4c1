/* The fake HSM's keys: found, described, made, destroyed.  See fake-hsm.h. */
#include "fake-inner.h"

#include <string.h>

const unsigned char fake_gold[32] = "the key of gold that is in there";
const unsigned char fake_silver[32] = "the key of silver, also in there";
const unsigned char fake_secret[20] = "a secret for HMACs!!";

static const struct object {
    const char *label, *id;
    size_t id_size;
    CK_KEY_TYPE type;
    const unsigned char *key;
    size_t size;
    bool wraps;
} objects[] = {
    { NULL, NULL, 0, 0, NULL, 0, false },
    [FAKE_GOLD] = { "gold", FAKE_GOLD_ID, 18, CKK_AES, fake_gold, 32, false },
    [FAKE_SILVER] = { "silver", "\x02", 1, CKK_AES, fake_silver, 32, false },
    [FAKE_SECRET] = { "salt", "\x03", 1, CKK_GENERIC_SECRET, fake_secret, sizeof(fake_secret),
                      false },
    [FAKE_SHORT] = { "short", "\x04", 1, CKK_AES, fake_gold, 16, false },
    [FAKE_MASTER] = { "master", "\x05", 1, CKK_AES, fake_silver, 32, true },
    [FAKE_MADE] = { "made", "\x06", 1, CKK_AES, fake_silver, 32, false },
};
enum { OBJECTS = sizeof(objects) / sizeof(objects[0]) };

/* What C_GenerateKey was asked for. */
static struct {
    bool there;
    char label[64];
    unsigned char id[32];
    size_t label_size, id_size;
} made;

void fake_forget_made(void)
{
    made.there = false;
}

static const struct object *object_of(CK_OBJECT_HANDLE handle)
{
    return handle > 0 && handle < OBJECTS && (handle != FAKE_MADE || made.there) ? &objects[handle]
                                                                                 : NULL;
}

const unsigned char *fake_key(CK_OBJECT_HANDLE handle, size_t *size)
{
    const struct object *object = object_of(handle);

    *size = object != NULL ? object->size : 0;
    return object != NULL ? object->key : NULL;
}

static int put(unsigned char *value, const void *bytes, size_t size)
{
    memcpy(value, bytes, size);
    return (int)size;
}

/* CK_TRUE, CK_FALSE, or neither where it is no flag. */
static int flag_of(const struct object *object, CK_ATTRIBUTE_TYPE type)
{
    switch (type) {
    case CKA_WRAP:
    case CKA_UNWRAP:
    case CKA_DERIVE:
        return object->wraps;
    case CKA_ENCRYPT:
    case CKA_DECRYPT:
        return object->type == CKK_AES;
    case CKA_EXTRACTABLE:
    case CKA_MODIFIABLE:
    case CKA_COPYABLE:
    case CKA_ALWAYS_AUTHENTICATE:
    case CKA_TRUSTED:
        return CK_FALSE;
    case CKA_SIGN:
    case CKA_SENSITIVE:
    case CKA_PRIVATE:
    case CKA_ALWAYS_SENSITIVE:
    case CKA_NEVER_EXTRACTABLE:
    case CKA_LOCAL:
        return CK_TRUE;
    default:
        return -1;
    }
}

/* Writes the value to `value` (64 bytes). @return its size; -1: it has none */
static int value_of(CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type, unsigned char *value)
{
    const struct object *object = object_of(handle);
    const bool is_made = handle == FAKE_MADE;
    const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    const CK_ULONG length = object->size;
    const int flag = flag_of(object, type);

    switch (type) {
    case CKA_CLASS:
        return put(value, &class, sizeof(class));
    case CKA_KEY_TYPE:
        return put(value, &object->type, sizeof(object->type));
    case CKA_VALUE_LEN:
        return put(value, &length, sizeof(length));
    case CKA_LABEL:
        return is_made ? put(value, made.label, made.label_size)
                       : put(value, object->label, strlen(object->label));
    case CKA_ID:
        return is_made ? put(value, made.id, made.id_size)
                       : put(value, object->id, object->id_size);
    case CKA_START_DATE:
    case CKA_END_DATE:
        return put(value, "20991231", 8);
    case CKA_ALLOWED_MECHANISMS:
    case CKA_WRAP_TEMPLATE:
    case CKA_UNWRAP_TEMPLATE:
        return 0;
    default:
        value[0] = flag == CK_TRUE;
        return flag >= 0 ? 1 : -1;
    }
}

static bool fits(CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    unsigned char value[64];

    for (CK_ULONG i = 0; i < count; i++) {
        const int size = value_of(handle, wanted[i].type, value);

        if (size < 0 || wanted[i].ulValueLen != (CK_ULONG)size ||
            (size > 0 && memcmp(wanted[i].pValue, value, (size_t)size) != 0))
            return false;
    }
    return true;
}

CK_RV fake_find_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    struct fake_session *session = fake_session(handle);

    if (session == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    FAKE_ANSWER();
    if (session->searching)
        return CKR_OPERATION_ACTIVE;
    session->searching = true;
    session->found_count = session->found_at = 0;
    for (CK_OBJECT_HANDLE i = 1; i < OBJECTS; i++)
        if (object_of(i) != NULL && fits(i, wanted, count))
            session->found[session->found_count++] = i;
    return CKR_OK;
}

CK_RV fake_find(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *found, CK_ULONG most, CK_ULONG *count)
{
    struct fake_session *session = fake_session(handle);
    const struct lie lie = fake_next();

    if (session == NULL || !session->searching)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (lie.rv != CKR_OK)
        return lie.rv;
    for (*count = 0; *count < most && session->found_at < session->found_count; ++*count)
        found[*count] = session->found[session->found_at++];
    if (lie.kind == LIE_LENGTH) {
        *count = fake_length(&lie, *count, most);
    } else if (lie.kind != LIE_NONE && most > 0) { /* more, and handles of nothing */
        for (*count = 0; *count < lie.number % 20 && *count < most; ++*count)
            found[*count] = lie.number + *count;
        fake.lied = true; /* it may be another key */
    }
    return CKR_OK;
}

CK_RV fake_find_final(CK_SESSION_HANDLE handle)
{
    struct fake_session *session = fake_session(handle);

    if (session == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    session->searching = false;
    FAKE_ANSWER();
    return CKR_OK;
}

/* A template of two members; with lengths that lie where it is asked for twice. */
static CK_RV lying_template(const struct lie *lie, CK_ATTRIBUTE *attribute)
{
    CK_ATTRIBUTE *members = attribute->pValue;
    const size_t room = attribute->ulValueLen / sizeof(*members);

    for (size_t i = 0; members != NULL && i < room && i < 2; i++) {
        members[i].type = i == 0 ? CKA_SENSITIVE : CKA_EXTRACTABLE;
        if (members[i].pValue != NULL && members[i].ulValueLen >= 1)
            *(CK_BBOOL *)members[i].pValue = i == 0;
        members[i].ulValueLen = lie->number & 0x10 ? CK_UNAVAILABLE_INFORMATION : 1;
        if (lie->number & 0x20)
            members[i].pValue = NULL;
    }
    attribute->ulValueLen =
        lie->number & 1 ? (lie->number >> 1) * sizeof(*members) : 2 * sizeof(*members);
    return CKR_OK;
}

static bool is_template(CK_ATTRIBUTE_TYPE type)
{
    return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE;
}

/* The fuzzer's bytes in the place of a value; never more than there is room for. */
static CK_RV lying_value(const struct lie *lie, CK_ATTRIBUTE *attribute)
{
    const CK_ULONG room = attribute->ulValueLen;

    if (attribute->pValue != NULL)
        input_fill(fake.script, attribute->pValue, lie->number < room ? lie->number : room);
    attribute->ulValueLen = lie->number < 100 ? lie->number : fake_length(lie, room, room);
    return CKR_OK;
}

CK_RV fake_attribute(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute,
                     CK_ULONG count)
{
    const struct lie lie = fake_next();
    unsigned char value[64];
    int size;

    EXPECT(count == 1);
    EXPECT(attribute->type != CKA_VALUE || attribute->pValue == NULL);
    if (fake_session(handle) == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    if (lie.kind == LIE_ERROR || lie.kind == LIE_GARBAGE_AND_ERROR) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return lie.rv;
    }
    if (lie.kind != LIE_NONE && is_template(attribute->type))
        return lying_template(&lie, attribute);
    if (lie.kind != LIE_NONE)
        return lying_value(&lie, attribute);
    if (object_of(object) == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    size = value_of(object, attribute->type, value);
    if (size < 0 || (attribute->pValue != NULL && (CK_ULONG)size > attribute->ulValueLen)) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        if (attribute->type == CKA_VALUE)
            return CKR_ATTRIBUTE_SENSITIVE;
        return size < 0 ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_BUFFER_TOO_SMALL;
    }
    if (attribute->pValue != NULL && size > 0)
        memcpy(attribute->pValue, value, (size_t)size);
    attribute->ulValueLen = (CK_ULONG)size;
    return CKR_OK;
}

CK_RV fake_generate_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes,
                        CK_ULONG count, CK_OBJECT_HANDLE *handle_made)
{
    (void)handle;
    EXPECT(mechanism->mechanism == CKM_AES_KEY_GEN ||
           mechanism->mechanism == CKM_GENERIC_SECRET_KEY_GEN);
    FAKE_ANSWER();
    for (CK_ULONG i = 0; i < count; i++) {
        if (attributes[i].type == CKA_LABEL) {
            EXPECT(attributes[i].ulValueLen <= sizeof(made.label));
            memcpy(made.label, attributes[i].pValue, attributes[i].ulValueLen);
            made.label_size = attributes[i].ulValueLen;
        } else if (attributes[i].type == CKA_ID) {
            EXPECT(attributes[i].ulValueLen <= sizeof(made.id));
            memcpy(made.id, attributes[i].pValue, attributes[i].ulValueLen);
            made.id_size = attributes[i].ulValueLen;
        }
    }
    made.there = true;
    *handle_made = FAKE_MADE;
    return CKR_OK;
}

CK_RV fake_destroy(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
    (void)handle;
    FAKE_ANSWER();
    EXPECT(object == FAKE_MADE); /* no other key is ever destroyed */
    made.there = false;
    return CKR_OK;
}
