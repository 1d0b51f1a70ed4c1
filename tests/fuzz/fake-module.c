/*
 * The fake HSM in the place of what loads a module, lists its slots and makes tokens: the linker
 * puts the __wrap_ functions there (--wrap).  See fake-hsm.h.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake-inner.h"
#include "pkcs11/slots.h"
#include "secret.h"

enum { TOKENS = 64, SLOTS = 6 };

static struct token *tokens[TOKENS];
static size_t token_count;
static struct module module;

struct module *__wrap_module_up(const char *path, const char *init_args, struct failure *why);
CK_RV __wrap_slots_list(PKCS11_CTX *libp11, CK_SLOT_ID **ids, size_t *count);
struct token *__real_token_new(const struct hsm_settings *settings, const char *text,
                               bool configured, struct failure *why);
struct token *__wrap_token_new(const struct hsm_settings *settings, const char *text,
                               bool configured, struct failure *why);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

/* As it is after dlopen() and C_Initialize. */
struct module *__wrap_module_up(const char *path, const char *init_args, struct failure *why)
{
    (void)path, (void)init_args;
    if (module.phase == PHASE_UP)
        return &module;
    if (CALL(module.f, C_Initialize(NULL)) != CKR_OK) {
        failure_set(why, FAILURE_MODULE, "the fake module does not start");
        return NULL;
    }
    module.phase = PHASE_UP;
    module.starts++;
    return &module;
}

/* libp11 lists the slots of other modules; here a lie has more of them. */
CK_RV __wrap_slots_list(PKCS11_CTX *libp11, CK_SLOT_ID **ids, size_t *count)
{
    const struct lie lie = fake_next();

    (void)libp11;
    *ids = NULL;
    *count = 0;
    if (lie.rv != CKR_OK)
        return lie.rv;
    *ids = calloc(SLOTS, sizeof(**ids));
    EXPECT(*ids != NULL);
    *count = lie.kind == LIE_NONE ? 1 : lie.number % SLOTS;
    for (size_t i = 1; i < SLOTS; i++)
        (*ids)[i] = lie.number & 0x80 ? 0 : i;
    return CKR_OK;
}

struct token *__wrap_token_new(const struct hsm_settings *settings, const char *text,
                               bool configured, struct failure *why)
{
    struct token *token = NULL;

    if (token_count == TOKENS) /* those of earlier runs stay until the process ends */
        failure_set(why, FAILURE_TOKEN, "the fake HSM has no more tokens");
    else
        token = __real_token_new(settings, text, configured, why);
    if (token != NULL)
        tokens[token_count++] = token;
    return token;
}

/* Nobody waits for a fake. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)time, (void)left;
    return 0;
}

/* As token_new() makes it, but for the scratch memory of the configured one's sessions, which is
 * costly. */
static void reset_token(struct token *token)
{
    struct token fresh = {
        .next = token->next,
        .settings = token->settings,
        .text = token->text,
        .uri = token->uri,
        .configured = token->configured,
        .sessions = token->sessions,
    };

    EXPECT(token->held == 0);
    for (unsigned int i = 0; i < token->settings->sessions; i++) {
        struct session *session = &token->sessions[i];

        EXPECT(!session->busy);
        if (!token->configured && session->scratch != NULL) {
            secret_free(session->scratch, 2 * session->half);
            session->scratch = NULL;
            session->half = 0;
        }
        *session = (struct session){ .scratch = session->scratch, .half = session->half };
    }
    fresh.pool_generation = life_generation();
    *token = fresh;
}

void fake_reset_key(struct hsm_key *key)
{
    memset(&key->facts, 0, sizeof(key->facts));
    memset(key->refuses, 0, sizeof(key->refuses));
    memset(key->proven, 0, sizeof(key->proven));
    memset(key->used, 0, sizeof(key->used));
    key->without_ecb = key->stale = key->replaced = key->busy = false;
}

void fake_reset(void)
{
    EXPECT(life_start());
    EXPECT(module.users == 0); /* whoever was in has left */
    module = (struct module){ .path = (char *)(uintptr_t) "fake",
                              .f = &fake_functions,
                              .ours = true,
                              .pid = getpid(),
                              .generation = life_generation() };
    fake = (struct fake_hsm){ 0 };
    for (size_t i = 0; i < token_count; i++)
        reset_token(tokens[i]);
    fake_close_all();
    fake_forget_made();
}

struct hsm *fake_open(void)
{
    static char path[] = "fake", pin[] = "env:HSMZKE_FUZZ_PIN";
    struct hsm_settings settings = {
        .module = path, .pin_source = pin, .sessions = 3, .wait = 0, .reuse = 86400, .parallel = 1
    };
    struct failure why;
    struct hsm *hsm;

    EXPECT(setenv("HSMZKE_FUZZ_PIN", "1234", 1) == 0);
    hsm = hsm_get(&settings, &why);
    EXPECT(hsm != NULL);
    return hsm;
}
