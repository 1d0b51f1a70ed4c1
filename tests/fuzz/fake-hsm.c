/*
 * The fake HSM: module, slots, token, sessions, and what stands in the place of what loads a
 * module. See fake-hsm.h; the linker puts the __wrap_ functions there (--wrap).
 */
#include "fake-inner.h"

#include <string.h>

struct fake_hsm fake;

static struct fake_session sessions[FAKE_SESSIONS];
static bool logged_in;

static struct lie next_lie(void)
{
    static const CK_RV errors[] = {
        CKR_DEVICE_ERROR,
        CKR_DEVICE_REMOVED,
        CKR_SESSION_HANDLE_INVALID,
        CKR_SESSION_CLOSED,
        CKR_GENERAL_ERROR,
        CKR_FUNCTION_FAILED,
        CKR_KEY_HANDLE_INVALID,
        CKR_OBJECT_HANDLE_INVALID,
        CKR_MECHANISM_INVALID,
        CKR_BUFFER_TOO_SMALL,
        CKR_USER_NOT_LOGGED_IN,
        CKR_CRYPTOKI_NOT_INITIALIZED,
        CKR_HOST_MEMORY,
        CKR_DATA_LEN_RANGE,
        CKR_ENCRYPTED_DATA_INVALID,
        CKR_SESSION_COUNT,
        CKR_PIN_INCORRECT,
        CKR_ATTRIBUTE_TYPE_INVALID,
        CKR_ATTRIBUTE_SENSITIVE,
        CKR_FUNCTION_NOT_SUPPORTED,
        CKR_KEY_FUNCTION_NOT_PERMITTED,
        CKR_OPERATION_ACTIVE,
        CKR_USER_PIN_NOT_INITIALIZED,
        CKR_VENDOR_DEFINED | 0x77,
    };
    struct lie lie = { LIE_NONE, CKR_OK, 0 };
    unsigned int byte;

    fake.calls++;
    if (fake.broken)
        return (struct lie){ LIE_ERROR, CKR_FUNCTION_FAILED, 0 };
    if (fake.script == NULL)
        return lie;
    byte = input_byte(fake.script);
    if (byte < 0xc0)
        return lie;
    lie.number = input_byte(fake.script);
    lie.kind = byte == 0xff ? LIE_DATA : 1 + byte % (LIE_DATA - 1);
    if (lie.kind == LIE_ERROR || lie.kind == LIE_GARBAGE_AND_ERROR)
        lie.rv = errors[lie.number % (sizeof(errors) / sizeof(errors[0]))];
    return lie;
}

struct lie fake_next_of(const char *function)
{
    const struct lie lie = next_lie();

    fuzz_trace("%s: lie %d, 0x%lx, %u\n", function, lie.kind, lie.rv, lie.number);
    return lie;
}

CK_ULONG fake_length(const struct lie *lie, CK_ULONG size, CK_ULONG room)
{
    const CK_ULONG lengths[] = { CK_UNAVAILABLE_INFORMATION,
                                 0,
                                 size + 1,
                                 size - 1,
                                 room + 1,
                                 size + 16,
                                 size - 16,
                                 size + 4096,
                                 (CK_ULONG)-2,
                                 1UL << 31 };
    const CK_ULONG length = lengths[lie->number % (sizeof(lengths) / sizeof(lengths[0]))];

    return length != size ? length : size + 1;
}

struct fake_session *fake_session(CK_SESSION_HANDLE handle)
{
    return handle >= 1 && handle <= FAKE_SESSIONS && sessions[handle - 1].open
               ? &sessions[handle - 1]
               : NULL;
}

void fake_drop(struct fake_session *session)
{
    EVP_CIPHER_CTX_free(session->cipher);
    EVP_MAC_CTX_free(session->mac);
    *session = (struct fake_session){ .open = session->open };
}

void fake_close_all(void)
{
    logged_in = false;
    for (size_t i = 0; i < FAKE_SESSIONS; i++) {
        fake_drop(&sessions[i]);
        sessions[i].open = false;
    }
}

static CK_RV initialize(void *arguments)
{
    (void)arguments;
    FAKE_ANSWER();
    return CKR_OK;
}

static CK_RV finalize(void *reserved)
{
    (void)reserved;
    fake_close_all();
    FAKE_ANSWER();
    return CKR_OK;
}

static void blank(CK_UTF8CHAR *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, strlen(text));
}

/* Fields of text that a lie fills with the fuzzer's bytes: no blanks, no NUL at the end. */
static void scribble(const struct lie *lie, void *field, size_t size)
{
    if (lie->kind >= LIE_LENGTH)
        input_fill(fake.script, field, size);
}

static CK_RV get_info(CK_INFO *info)
{
    const struct lie lie = fake_next();

    if (lie.rv != CKR_OK)
        return lie.rv;
    *info = (CK_INFO){ .cryptokiVersion = { 2, 40 } };
    blank(info->manufacturerID, sizeof(info->manufacturerID), "hsmzke");
    blank(info->libraryDescription, sizeof(info->libraryDescription), "fake");
    scribble(&lie, info->manufacturerID, sizeof(info->manufacturerID));
    return CKR_OK;
}

static CK_RV get_slot_list(unsigned char present, CK_SLOT_ID *list, CK_ULONG *count)
{
    const CK_ULONG room = *count;

    (void)present;
    FAKE_ANSWER();
    *count = 1;
    if (list != NULL && room >= 1)
        list[0] = 0;
    return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    const struct lie lie = fake_next();

    if (lie.rv != CKR_OK)
        return lie.rv;
    *info = (CK_SLOT_INFO){ .flags = CKF_TOKEN_PRESENT | (slot == 0 ? CKF_HW_SLOT : 0) };
    blank(info->slotDescription, sizeof(info->slotDescription), "a slot");
    blank(info->manufacturerID, sizeof(info->manufacturerID), "hsmzke");
    scribble(&lie, info, sizeof(*info));
    return CKR_OK;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    const struct lie lie = fake_next();

    if (lie.rv != CKR_OK)
        return lie.rv;
    *info = (CK_TOKEN_INFO){ .flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED };
    blank(info->label, sizeof(info->label), slot == 0 ? "prod" : "spare");
    blank(info->manufacturerID, sizeof(info->manufacturerID), "hsmzke");
    blank(info->model, sizeof(info->model), "fake");
    blank(info->serialNumber, sizeof(info->serialNumber), slot == 0 ? "0001" : "0002");
    if (lie.kind == LIE_LENGTH)
        scribble(&lie, info->label, sizeof(info->label) + sizeof(info->manufacturerID));
    else
        scribble(&lie, info, sizeof(*info));
    return CKR_OK;
}

static const CK_MECHANISM_TYPE mechanisms[] = {
    CKM_AES_ECB,    CKM_AES_CBC,  CKM_AES_CTR,      CKM_AES_GCM, CKM_AES_CMAC, CKM_SHA256_HMAC,
    CKM_AES_CFB128, CKM_AES_CFB8, CKM_AES_KEY_WRAP, 0x210b,      CKM_AES_OFB,
};

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    const struct lie lie = fake_next();
    const CK_ULONG have = sizeof(mechanisms) / sizeof(mechanisms[0]), room = *count;

    (void)slot;
    if (lie.rv != CKR_OK)
        return lie.rv;
    *count = lie.kind == LIE_LENGTH ? fake_length(&lie, have, room) : have;
    if (list == NULL)
        return CKR_OK;
    if (room < have && lie.kind != LIE_LENGTH)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(list, mechanisms, (room < have ? room : have) * sizeof(*list));
    return CKR_OK;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    const struct lie lie = fake_next();

    (void)slot;
    if (lie.rv != CKR_OK)
        return lie.rv;
    for (size_t i = 0; i < (fake.natives ? sizeof(mechanisms) / sizeof(mechanisms[0]) : 6U); i++) {
        if (mechanisms[i] != type)
            continue;
        *info = (CK_MECHANISM_INFO){ 32, 32, CKF_ENCRYPT | CKF_DECRYPT | CKF_HW };
        scribble(&lie, info, sizeof(*info));
        return CKR_OK;
    }
    return CKR_MECHANISM_INVALID;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *handle)
{
    (void)slot, (void)flags, (void)application, (void)notify;
    FAKE_ANSWER();
    for (size_t i = 0; i < FAKE_SESSIONS; i++) {
        if (sessions[i].open)
            continue;
        sessions[i].open = true;
        *handle = i + 1;
        return CKR_OK;
    }
    return CKR_SESSION_COUNT;
}

static CK_RV close_session(CK_SESSION_HANDLE handle)
{
    struct fake_session *session = fake_session(handle);

    if (session == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    fake_drop(session); /* also where it says that it failed */
    session->open = false;
    FAKE_ANSWER();
    return CKR_OK;
}

static CK_RV get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    const struct lie lie = fake_next();

    (void)handle;
    if (lie.rv != CKR_OK)
        return lie.rv;
    *info = (CK_SESSION_INFO){ .state = fake.strange && !logged_in ? CKS_RO_PUBLIC_SESSION
                                                                   : CKS_RO_USER_FUNCTIONS };
    scribble(&lie, info, sizeof(*info));
    return CKR_OK;
}

static CK_RV login_user(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin,
                        CK_ULONG size)
{
    (void)handle;
    EXPECT(user == CKU_USER || user == CKU_CONTEXT_SPECIFIC);
    EXPECT(size == 4 && memcmp(pin, "1234", size) == 0);
    FAKE_ANSWER();
    logged_in = true;
    return CKR_OK;
}

static CK_RV generate_random(CK_SESSION_HANDLE handle, CK_BYTE *bytes, CK_ULONG size)
{
    const struct lie lie = fake_next();

    (void)handle;
    if (lie.rv != CKR_OK)
        return lie.rv;
    for (CK_ULONG i = 0; lie.kind == LIE_NONE && i < size; i++)
        bytes[i] = (CK_BYTE)(i * 37 + 11);
    return CKR_OK;
}

CK_FUNCTION_LIST fake_functions = {
    .version = { 2, 40 },
    .C_Initialize = initialize,
    .C_Finalize = finalize,
    .C_GetInfo = get_info,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismList = get_mechanism_list,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_GetSessionInfo = get_session_info,
    .C_Login = login_user,
    .C_GenerateRandom = generate_random,
    .C_FindObjectsInit = fake_find_init,
    .C_FindObjects = fake_find,
    .C_FindObjectsFinal = fake_find_final,
    .C_GetAttributeValue = fake_attribute,
    .C_GenerateKey = fake_generate_key,
    .C_DestroyObject = fake_destroy,
    .C_EncryptInit = fake_encrypt_init,
    .C_Encrypt = fake_crypt,
    .C_EncryptUpdate = fake_crypt_update,
    .C_EncryptFinal = fake_crypt_final,
    .C_DecryptInit = fake_decrypt_init,
    .C_Decrypt = fake_crypt,
    .C_DecryptUpdate = fake_crypt_update,
    .C_DecryptFinal = fake_crypt_final,
    .C_SignInit = fake_sign_init,
    .C_Sign = fake_sign,
    .C_SignUpdate = fake_sign_update,
    .C_SignFinal = fake_sign_final,
};
