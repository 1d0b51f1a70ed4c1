/*
 * Prepares tokens for the tests over any PKCS#11 module: makes them, creates keys from known bytes
 * (softhsm2-util cuts keys at 0x00 and 0x0A), changes and destroys keys, lists mechanisms.  A
 * program of its own, so that the process under test never initialised the module.  Not for real
 * keys: they would stand in the clear on its input.
 */
#include "token-tool.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("token-tool: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    fflush(NULL);
    /* No destructors: what a module does after an error is not this tool's to judge. */
    _exit(1);
}

void must(CK_RV rv, const char *what)
{
    if (rv != CKR_OK)
        die("%s: 0x%lx", what, (unsigned long)rv);
}

static CK_FUNCTION_LIST *load(const char *path)
{
    char *init_args = getenv("TOKEN_TOOL_INIT_ARGS");
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
    CK_C_GetFunctionList get_list;
    CK_FUNCTION_LIST *p11;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol;

    if (module == NULL)
        die("%s", dlerror());
    symbol = dlsym(module, "C_GetFunctionList");
    if (symbol == NULL)
        die("%s is no PKCS#11 module", path);
    memcpy(&get_list, &symbol, sizeof(get_list));
    must(get_list(&p11), "C_GetFunctionList");
    if (init_args != NULL && *init_args != '\0')
        arguments.pReserved = init_args; /* NSS wants a string here */
    must(p11->C_Initialize(&arguments), "C_Initialize");
    return p11;
}

/* Cryptoki pads with blanks to a fixed width and has no NUL. */
static bool label_is(const unsigned char *padded, const char *label)
{
    size_t length = strlen(label);

    if (length > 32 || memcmp(padded, label, length) != 0)
        return false;
    while (length < 32)
        if (padded[length++] != ' ')
            return false;
    return true;
}

/* The slot of the token with this label; NULL: the first token that is not initialised. */
static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *p11, const char *label)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    CK_TOKEN_INFO token;

    must(p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        bool initialised;

        if (p11->C_GetTokenInfo(slots[i], &token) != CKR_OK)
            continue;
        initialised = (token.flags & CKF_TOKEN_INITIALIZED) != 0;
        if (label == NULL ? !initialised : initialised && label_is(token.label, label))
            return slots[i];
    }
    die("no token %s%s", label == NULL ? "is free" : "is called ", label == NULL ? "" : label);
}

static void init_token(CK_FUNCTION_LIST *p11, char *label, char *so_pin, char *pin)
{
    CK_SLOT_ID slot = find_slot(p11, NULL);
    CK_SESSION_HANDLE session;
    CK_UTF8CHAR padded[32];

    if (strlen(label) > sizeof(padded))
        die("%s: a token's label has at most 32 bytes", label);
    memset(padded, ' ', sizeof(padded));
    memcpy(padded, label, strlen(label));
    must(p11->C_InitToken(slot, (CK_UTF8CHAR *)so_pin, strlen(so_pin), padded), "C_InitToken");
    /* SoftHSM numbers its slots anew. */
    slot = find_slot(p11, label);
    must(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
         "C_OpenSession");
    must(p11->C_Login(session, CKU_SO, (CK_UTF8CHAR *)so_pin, strlen(so_pin)), "C_Login (SO)");
    must(p11->C_InitPIN(session, (CK_UTF8CHAR *)pin, strlen(pin)), "C_InitPIN");
}

static CK_SESSION_HANDLE login(CK_FUNCTION_LIST *p11, const char *label, char *pin)
{
    CK_SLOT_ID slot = find_slot(p11, label);
    CK_SESSION_HANDLE session;

    must(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
         "C_OpenSession");
    must(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)), "C_Login");
    return session;
}

/* One a line: its name, or the number of one that no test asks for. */
static void list_mechanisms(CK_FUNCTION_LIST *p11, const char *label)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *name;
    } names[] = {
        { CKM_AES_ECB, "CKM_AES_ECB" },           { CKM_AES_CBC, "CKM_AES_CBC" },
        { CKM_AES_CTR, "CKM_AES_CTR" },           { CKM_AES_GCM, "CKM_AES_GCM" },
        { CKM_AES_CMAC, "CKM_AES_CMAC" },         { CKM_SHA_1_HMAC, "CKM_SHA_1_HMAC" },
        { CKM_SHA224_HMAC, "CKM_SHA224_HMAC" },   { CKM_SHA256_HMAC, "CKM_SHA256_HMAC" },
        { CKM_SHA384_HMAC, "CKM_SHA384_HMAC" },   { CKM_SHA512_HMAC, "CKM_SHA512_HMAC" },
        { CKM_AES_CFB128, "CKM_AES_CFB128" },     { CKM_AES_CFB8, "CKM_AES_CFB8" },
        { CKM_AES_OFB, "CKM_AES_OFB" },           { CKM_AES_CTS, "CKM_AES_CTS" },
        { CKM_AES_KEY_WRAP, "CKM_AES_KEY_WRAP" }, { CKM_AES_KEY_WRAP_PAD, "CKM_AES_KEY_WRAP_PAD" },
    };
    const CK_SLOT_ID slot = find_slot(p11, label);
    CK_MECHANISM_TYPE types[1024];
    CK_ULONG count = sizeof(types) / sizeof(types[0]);

    must(p11->C_GetMechanismList(slot, types, &count), "C_GetMechanismList");
    for (CK_ULONG i = 0; i < count; i++) {
        size_t j = 0;

        while (j < sizeof(names) / sizeof(names[0]) && names[j].type != types[i])
            j++;
        if (j < sizeof(names) / sizeof(names[0]))
            puts(names[j].name);
        else
            printf("0x%lx\n", (unsigned long)types[i]);
    }
}

static void usage(void)
{
    die("usage: token-tool MODULE init LABEL SO_PIN PIN\n"
        "       token-tool MODULE import LABEL PIN           < lines\n"
        "       token-tool MODULE destroy LABEL PIN KEY\n"
        "       token-tool MODULE set LABEL PIN KEY NAME=VALUE...\n"
        "       token-tool MODULE list LABEL PIN\n"
        "       token-tool MODULE show LABEL PIN KEY\n"
        "       token-tool MODULE mechanisms LABEL\n"
        "A line of import: KEY HEXKEY [id=HEX] [type=aes|generic|des3] [no-encrypt] [no-decrypt]\n"
        "       [no-sign] [mechanisms=ecb,cbc,ctr,gcm,cmac] [private=no] [sensitive=no]\n"
        "       [extractable] [wrap] [unwrap] [derive] [fixed] [unwrap-template=safe|weak]\n"
        "       [wrap-template] [end=YYYYMMDD]; HEXKEY may be -: a new AES-256 key\n"
        "set takes encrypt=yes|no, decrypt=yes|no, wrap=yes|no, label=TEXT, id=HEX.\n"
        "In the environment: TOKEN_TOOL_INIT_ARGS, the module's init string; TOKEN_TOOL_LENGTH, "
        "if\n"
        "it is set: keys are imported with their CKA_VALUE_LEN.");
}

int main(int argc, char **argv)
{
    CK_FUNCTION_LIST *p11;
    const char *command = argc > 2 ? argv[2] : "";

    if (argc < 4)
        usage();
    p11 = load(argv[1]);
    if (strcmp(command, "init") == 0 && argc == 6)
        init_token(p11, argv[3], argv[4], argv[5]);
    else if (strcmp(command, "import") == 0 && argc == 5)
        import_keys(p11, login(p11, argv[3], argv[4]), stdin);
    else if (strcmp(command, "destroy") == 0 && argc == 6)
        destroy_key(p11, login(p11, argv[3], argv[4]), argv[5]);
    else if (strcmp(command, "set") == 0 && argc >= 7)
        set_key(p11, login(p11, argv[3], argv[4]), argv[5], argv + 6);
    else if (strcmp(command, "list") == 0 && argc == 5)
        list_keys(p11, login(p11, argv[3], argv[4]));
    else if (strcmp(command, "show") == 0 && argc == 6)
        show_key(p11, login(p11, argv[3], argv[4]), argv[5]);
    else if (strcmp(command, "mechanisms") == 0 && argc == 4)
        list_mechanisms(p11, argv[3]);
    else
        usage();
    must(p11->C_Finalize(NULL), "C_Finalize");
    if (fflush(NULL) != 0)
        return 1;
    _exit(0);
}
