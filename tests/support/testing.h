/*
 * What the black-box tests share: a private directory with tokens, library contexts made
 * from a configuration, child processes and the words on OpenSSL's error queue.  Tests know the
 * provider by its name only, and never load a PKCS#11 module themselves: token-tool does that.
 */
#ifndef HSMZKE_TESTING_H
#define HSMZKE_TESTING_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>

/* ---- checks (check.c) ---- */

/*
 * Fails the test, in the test program as cmocka does and in a child by ending it: cmocka's own
 * assertions would jump back into the copy of the test loop that a child inherits.
 */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            testing_failed(__FILE__, __LINE__, #condition);                                        \
    } while (0)
void testing_failed(const char *file, int line, const char *condition);

/** Fails, showing both, when `whole` does not hold `part`. */
#define CHECK_HAS(whole, part) testing_check_has(__FILE__, __LINE__, (whole), (part))
void testing_check_has(const char *file, int line, const char *whole, const char *part);

/** A formatted string that lives as long as the process. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Memory that lives as long as the process; zeroed. */
void *keep(size_t size);
/**
 * True when a failed call gave out nothing: what was filled by blank_fill() is as it was or zero.
 * A PKCS#11 module may fail half-way through its output, so the provider wipes what that call
 * could have written.
 */
bool still_blank(const void *buffer, size_t size);
void blank_fill(void *buffer, size_t size);
const char *hex(const void *bytes, size_t size);
size_t unhex(const char *digits, void *out, size_t room);

/** Empties the error queue and gives all of it as text, the data of each entry included. */
const char *error_text(void);

/* ---- where things are (workdir.c) ---- */

/**
 * Group setup and teardown for cmocka: the private directory comes and goes with them.  Settings of
 * hsmzke in the environment are taken out, and HSMZKE_KEY_POLICY is "off".
 */
int testing_setup(void **state);
int testing_teardown(void **state);
/** The value of an environment variable that meson sets; ends the program when it is missing. */
const char *testing_path(const char *variable);
const char *work_dir(void);
/** True when HSMZKE_TEST_QUICK asks for short runs. */
bool quick(void);
/** Writes a new file into the private directory and gives its path. */
const char *write_file(const char *name, const void *content, size_t size);
/** Reads a whole file; the process keeps the memory.  NULL if it cannot be read. */
unsigned char *read_file(const char *path, size_t *size);

/* ---- processes (process.c) ---- */

/** Runs a function in a child that leaves by exit(); its exit status, or 128 + signal. */
int run_child(void (*function)(void *), void *argument);
/** The same without waiting, and the waiting. */
int start_child(void (*function)(void *), void *argument);
int wait_child(int pid);
/** Runs a shell command: its exit status or 128 + signal, and what it wrote (both streams). */
int run_shell(const char *command, const char **output);
/** Runs a program without a shell, `input` on its standard input. */
int run_program(const char *const argv[], const char *input, const char **output);
/** True in children made by run_child and start_child. */
bool in_child(void);

/** A cmocka test that runs in a child of its own: CHILD_TEST(function) in the list of tests. */
struct child_test {
    void (*function)(void);
};
#define CHILD_TEST(function)                                                                       \
    {                                                                                              \
#function, run_child_test, NULL, NULL, (struct child_test[])                               \
        {                                                                                          \
            {                                                                                      \
                function                                                                           \
            }                                                                                      \
        }                                                                                          \
    }
void run_child_test(void **state);

/* ---- the module under test (module.c) ---- */

/**
 * HSMZKE_TEST_MODULE: "softhsm" (also when it is not set), or what else a script of tests/hsm/
 * starts: "nss", "remote", "tpm2".  With another than SoftHSM a store has one token, that of the
 * script, whatever label token_init() is given; a process has one such store.
 */
const char *module_name(void);
/** Whether the standard token has a mechanism: "CKM_AES_CBC".  After token_init(). */
bool module_offers(const char *mechanism);
/**
 * Whether its keys can be limited to some mechanisms (CKA_ALLOWED_MECHANISMS): NSS takes no key
 * with that attribute.
 */
bool module_limits_keys(void);
/**
 * What token.c and context.c need: a store made by the script, in a directory that is new.  Ends
 * the program with status 77 when the script says that something is not installed.
 */
void module_store(const char *directory);
/** Whether something runs in the store's directory, until this program's exit handlers end it. */
bool module_has_server(void);
/** Imports keys where only the script can; false: token-tool does it. */
bool module_imports(const char *lines);
bool module_makes_tokens(void);
const char *module_path(void);
/** The module through which token-tool works: keys go onto the token directly. */
const char *module_tool_path(void);
const char *module_lines(void);
const char *module_label(const char *label);
const char *module_token(void);

/* ---- tokens (token.c) ---- */

#define SO_PIN "12345678"
#define USER_PIN "1234"
/** 64 hexadecimal digits each: the keys of the standard token. */
#define GOLD_KEY "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define SILVER_KEY "00010a0d0a00ff00776BEFF2851DB06F4C8A0542C8696F6C6A81AF1EEC96B40a"
#define GOLD_ID "cb829cb5d70546c194367553aee067af18b1"

/** A new, empty store; the module in this process and its children uses it from now on. */
void token_store(void);
void token_init(const char *label, const char *pin);
/** `lines` as token-tool's import reads them. */
void token_import(const char *label, const char *pin, const char *lines);
/** token-tool's `set` and `destroy`. */
void token_set(const char *label, const char *pin, const char *key, const char *change);
/** token-tool's `show`: lines "sensitive=1" and so on; `keys` is how many have the label. */
const char *token_show(const char *label, const char *pin, const char *key);
void token_destroy(const char *label, const char *pin, const char *key);
/** A new store with the token "prod" and on it the keys gold (with GOLD_ID) and silver. */
void token_standard(void);

/** References, made here from the published format and not by the provider's code. */
void reference_by_name(unsigned char reference[32], const char *name);
void reference_by_id(unsigned char reference[32], const char *id_hex);

/* ---- library contexts (context.c) ---- */

/** Writes an openssl.cnf in the documented form around the provider's own lines. */
const char *config_file(const char *settings, const char *sections);
/** A context from such a file: nothing but hsmzke, as a gateway. */
OSSL_LIB_CTX *context_with(const char *settings, const char *sections);
/** A context with the default provider, to compare with. */
OSSL_LIB_CTX *context_default(void);
/**
 * Module, token "prod" and its PIN; the second through the spy (spy.c).  With HSMZKE_TEST_NATIVE
 * in the environment the first is through a spy that offers what that names
 * (tests/pkcs11-shim/native.c).
 */
const char *settings_standard(void);
const char *settings_spied(void);
/** Any module and any further lines: `settings_for(module, "token = ...\n")`. */
const char *settings_for(const char *module, const char *lines);
/** "file:PATH" of a new file that holds a PIN. */
const char *pin_file(const char *pin);

/* ---- one message (message.c) ---- */

struct message {
    const char *cipher;       /* "AES-256-CBC" */
    const unsigned char *key; /* 32 bytes: raw or a reference */
    const unsigned char *iv;  /* NULL: none */
    int encrypt;
    int padding;
    const unsigned char *in;
    size_t size;
    unsigned char *out; /* size + 32 bytes */
    size_t out_size;    /* what was written, also when it failed */
    size_t piece;       /* bytes in each update; 0: all in one */
};
/** Init, updates and final: 1 or 0; the error queue is left for the caller. */
int message_run(OSSL_LIB_CTX *context, struct message *message);
/**
 * 1 when `cipher` encrypts and decrypts a short message under `reference` with the same result as
 * the default provider under `key_hex`; 0 when an EVP call failed (the queue says why).  Different
 * bytes are a failed test.
 */
int key_works(OSSL_LIB_CTX *context, const char *cipher, const unsigned char reference[32],
              const char *key_hex);
/** The same with the reference by name. */
int name_works(OSSL_LIB_CTX *context, const char *cipher, const char *name, const char *key_hex);
/** name_works() must fail: gives the words on the queue, and checks that there are some. */
const char *name_refused(OSSL_LIB_CTX *context, const char *cipher, const char *name);
/** The same for 32 bytes of any content. */
const char *key_refused(OSSL_LIB_CTX *context, const char *cipher, const unsigned char key[32]);

/** AES-256_K("hsmzke-id-v1" || 00000002) by software: its first 8 bytes are the key's identity. */
void identity_block(const char *key_hex, unsigned char out[16]);

/* ---- one MAC (mac.c) ---- */

struct mac_message {
    const char *mac;         /* "CMAC", "GMAC", "HMAC" */
    const char *algorithm;   /* its cipher or digest; NULL: none is set */
    const unsigned char *iv; /* GMAC; NULL: none is set */
    size_t iv_size;
    const unsigned char *key;
    size_t key_size;
    const unsigned char *in;
    size_t size;
    size_t piece; /* bytes in each update; 0: all in one */
    unsigned char out[64];
    size_t out_size;
};
/** A context with its cipher or digest set, without a key. */
EVP_MAC_CTX *mac_context(OSSL_LIB_CTX *context, const char *mac, const char *algorithm);
/** Whether a MAC takes this cipher or digest; the error queue is emptied. */
bool mac_takes(OSSL_LIB_CTX *context, const char *mac, const char *algorithm);
/** EVP_MAC_CTX_set_params() with an IV. */
int mac_set_iv(EVP_MAC_CTX *ctx, const void *iv, size_t size);
/** Init, updates and final: 1 or 0; the error queue is left for the caller. */
int mac_run(OSSL_LIB_CTX *context, struct mac_message *message);
/** mac_run() by name must fail, and give out nothing: the words on the queue. */
const char *mac_refused(OSSL_LIB_CTX *context, const char *mac, const char *algorithm,
                        const char *name);

/* ---- the spy (spy.c): tests/pkcs11-shim/, whose README has the words of its script ---- */

/**
 * Sets the spy's environment for contexts made from now on, with a new log and a script of `fail`
 * ("C_Login:1:0x30", several with commas) and the token's flags.
 */
void spy_setup(const char *fail, const char *token_flags);
/** One more statement, after spy_setup(). */
void spy_script(const char *statement);
/** The statements of a file that other processes read as well; NULL: none. */
void spy_file(const char *statements);
/** What the module makes of GCM, from now on: "no-update" or "own-iv". */
void spy_gcm(const char *what);
/** What the module makes of templates for keys: "refuse 0x171", "flip 0x162". */
void spy_generate(const char *what);
/**
 * What the module does natively: `offered` ("kw kwp"), how it lies about it, or NULL, and whether
 * it refuses ECB.
 */
void spy_native(const char *offered, const char *lie, bool only);
/** After `after` calls with data the module answers nonsense. */
void spy_nonsense(const char *what, unsigned after);
/** Calls of a function so far; those that the spy itself failed. */
unsigned spy_calls(const char *function);
/** Calls of all functions so far. */
unsigned spy_all_calls(void);
unsigned spy_failures(void);
/** Calls that a "stall" of the script has held up so far. */
unsigned spy_stalls(void);
/** Updates of encryptions with CKM_AES_GCM that went well. */
unsigned spy_streamed(void);
/** From now on every call returns this CKR value; 0: back to normal. */
void spy_gone(unsigned long rv);
/**
 * To a spy in this process, and its children: these statements in the place of those of the
 * environment (NULL: those again), and all counts begin at 0.
 */
void spy_tell(const char *statements);
/** Calls since then of the `i`-th function, whose name is put there; NULL past the last. */
unsigned spy_counted(unsigned i, const char **function);
/** Answers since then that the spy made up. */
unsigned spy_injected(void);

/* ---- random numbers that a seed repeats (random.c) ---- */

struct prng {
    uint64_t state;
};
uint64_t prng_next(struct prng *prng);
/** 0 to limit, both included. */
size_t prng_upto(struct prng *prng, size_t limit);
bool prng_one_in(struct prng *prng, unsigned n);
void prng_fill(struct prng *prng, void *out, size_t size);
/** HSMZKE_TEST_SEED, or a new seed; printed. */
uint64_t prng_seed(void);
/** How many random jobs to run: HSMZKE_TEST_JOBS, else the one or the other of these. */
unsigned long jobs_to_run(unsigned long usually, unsigned long when_quick);
/** Prints "5000 of 5000 agree: AES-256-CBC on nss", and fails if it is not so. */
void jobs_done(unsigned long agreed, unsigned long jobs, const char *what);

#endif
