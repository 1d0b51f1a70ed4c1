/*
 * The process that the test of PINs looks into.
 *
 *     pin-child evp CONFIG MODULE LABEL    works with hsmzke:gold, as the bytes it reads say:
 *         i  makes a context ready, which is when hsmzke logs in
 *         e  encrypts, and says the ciphertext
 *         c  closes the provider's sessions behind its back, so that the login is gone
 *         f  forks; the child takes over until it reads "q", then the parent goes on
 *         q  ends
 *     pin-child bare MODULE LABEL    without hsmzke: C_Login with a PIN from descriptor 3, which
 *                                    it wipes, and waits
 *
 * It says a line on standard output for each of these.  What it says and reads holds no PIN.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <p11-kit/pkcs11.h>

enum { MESSAGE = 64, BARE_PIN = 3, PIN_ROOM = 4096 };

static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void failed(const char *what)
{
    say("failed %s", what);
    exit(1);
}

/* All words on the queue, in one line. */
static void say_errors(void)
{
    const char *data;
    int flags;

    fputs("refused", stdout);
    while (ERR_get_error_all(NULL, NULL, NULL, &data, &flags) != 0)
        printf(" %s", (flags & ERR_TXT_STRING) != 0 ? data : "-");
    say("");
}

/* ---- the module, beside the provider ---- */

static CK_FUNCTION_LIST *functions_of(const char *module)
{
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle != NULL ? dlsym(handle, "C_GetFunctionList") : NULL;
    CK_C_GetFunctionList get_list;
    CK_FUNCTION_LIST *p11;

    if (symbol == NULL)
        failed(module);
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list(&p11) != CKR_OK)
        failed("C_GetFunctionList");
    return p11;
}

/* Cryptoki pads with blanks, and has no NUL. */
static CK_SLOT_ID slot_of(CK_FUNCTION_LIST *p11, const char *label)
{
    const size_t size = strlen(label);
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    CK_TOKEN_INFO info;

    if (p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        failed("C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++)
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, size) == 0 &&
            (size == sizeof(info.label) || info.label[size] == ' '))
            return slots[i];
    failed("no token");
    return 0;
}

static void close_sessions(const char *module, const char *label)
{
    CK_FUNCTION_LIST *p11 = functions_of(module);

    if (p11->C_CloseAllSessions(slot_of(p11, label)) != CKR_OK)
        failed("C_CloseAllSessions");
    ERR_clear_error(); /* SoftHSM leaves entries there */
    say("closed");
}

/* ---- work with a reference ---- */

static bool begin(EVP_CIPHER_CTX *ctx, OSSL_LIB_CTX *context, const char *name)
{
    static const unsigned char reference[32] = "hsmzke:gold", iv[16];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);
    const bool done =
        ctx != NULL && cipher != NULL && EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1;

    EVP_CIPHER_free(cipher);
    return done;
}

static void make_ready(OSSL_LIB_CTX *context)
{
    static EVP_CIPHER_CTX *ctx; /* stays open */

    ctx = EVP_CIPHER_CTX_new();
    if (begin(ctx, context, "AES-256-CBC"))
        say("begun");
    else
        say_errors();
}

static bool encrypt(OSSL_LIB_CTX *context, const char *name, unsigned char out[MESSAGE])
{
    static const unsigned char in[MESSAGE];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size = 0;
    const bool done = begin(ctx, context, name) &&
                      EVP_EncryptUpdate(ctx, out, &size, in, MESSAGE) == 1 && size == MESSAGE;

    EVP_CIPHER_CTX_free(ctx);
    return done;
}

/* Three messages in each of two modes, of which the first of each is another path. */
static void work(OSSL_LIB_CTX *context)
{
    unsigned char out[MESSAGE];

    for (int i = 0; i < 6; i++)
        if (!encrypt(context, i % 2 == 0 ? "AES-256-CTR" : "AES-256-CBC", out)) {
            say_errors();
            return;
        }
    if (ERR_peek_error() != 0)
        failed("success leaves the error queue empty");
    fputs("done ", stdout);
    for (int i = 0; i < MESSAGE; i++)
        printf("%02x", out[i]);
    say("");
}

/* The child goes on with the commands; the parent when it has ended. */
static void split(void)
{
    int status;
    const pid_t pid = fork();

    if (pid < 0)
        failed("fork");
    if (pid == 0) {
        say("forked %d", (int)getpid());
        return;
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        failed("the child");
    say("alone");
}

static void obey(OSSL_LIB_CTX *context, const char *module, const char *label)
{
    char command;

    while (read(STDIN_FILENO, &command, 1) == 1) {
        switch (command) {
        case 'i':
            make_ready(context);
            break;
        case 'e':
            work(context);
            break;
        case 'c':
            close_sessions(module, label);
            break;
        case 'f':
            split();
            break;
        case 'q':
            exit(0);
        default:
            failed("a command that is none");
        }
    }
    exit(1); /* whoever commands has gone */
}

/* ---- no provider ---- */

static void log_in(const char *module, const char *label)
{
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK,
                                       .pReserved = getenv("TOKEN_TOOL_INIT_ARGS") };
    CK_FUNCTION_LIST *p11 = functions_of(module);
    unsigned char *pin =
        mmap(NULL, PIN_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CK_SESSION_HANDLE session;
    ssize_t size;
    char command;

    if (pin == MAP_FAILED || p11->C_Initialize(&arguments) != CKR_OK)
        failed("C_Initialize");
    if (p11->C_OpenSession(slot_of(p11, label), CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        failed("C_OpenSession");
    size = read(BARE_PIN, pin, PIN_ROOM);
    if (size <= 0 || p11->C_Login(session, CKU_USER, pin, (CK_ULONG)size) != CKR_OK)
        failed("C_Login");
    explicit_bzero(pin, PIN_ROOM);
    munmap(pin, PIN_ROOM);
    say("in");
    exit(read(STDIN_FILENO, &command, 1) == 1 && p11->C_Finalize(NULL) == CKR_OK ? 0 : 1);
}

int main(int argc, char **argv)
{
    OSSL_LIB_CTX *context;

    if (argc == 4 && strcmp(argv[1], "bare") == 0)
        log_in(argv[2], argv[3]);
    if (argc != 5 || strcmp(argv[1], "evp") != 0)
        failed("pin-child evp CONFIG MODULE LABEL | pin-child bare MODULE LABEL");
    signal(SIGPIPE, SIG_IGN); /* p11-kit's client, when its server ends */
    context = OSSL_LIB_CTX_new();
    if (context == NULL || OSSL_LIB_CTX_load_config(context, argv[2]) != 1)
        failed("the configuration");
    say("ready");
    obey(context, argv[3], argv[4]);
}
