/*
 * The calls as they come in: counted, logged, and made to fail, to wait or to kill where the script
 * says so.  A line "NAME 0xRV" goes to HSMZKE_SPY_LOG for each call that came back, with " spy"
 * behind it when the answer was made here.
 */
#include "shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

static const char *const names[] = {
#define CRYPTOKI(name, parameters, arguments) #name,
#include "functions.h"
    "C_GetFunctionList",
};

static atomic_uint counts[FUNCTIONS], all, injected;
static atomic_bool dead; /* the remote */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int log_fd = -1;

static _Thread_local struct call now;
static _Thread_local const char *noted;

const char *call_name(enum function function)
{
    return names[function];
}

const struct call *call_now(void)
{
    return &now;
}

void call_note(const char *note)
{
    noted = note;
}

void call_injected(void)
{
    atomic_fetch_add(&injected, 1);
}

static void open_log(void)
{
    const char *path = getenv("HSMZKE_SPY_LOG");

    if (path != NULL)
        log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void log_call(const char *name, CK_RV rv, const char *by)
{
    char line[128];
    int size = snprintf(line, sizeof(line), "%s 0x%lx%s\n", name, (unsigned long)rv, by);

    pthread_once(&once, open_log);
    /* One write to a file opened for appending: lines of threads and processes do not mix. */
    if (log_fd >= 0 && write(log_fd, line, (size_t)size) != size)
        perror("HSMZKE_SPY_LOG");
}

static void pause_for(unsigned long milliseconds)
{
    const struct timespec time = { (time_t)(milliseconds / 1000),
                                   (long)(milliseconds % 1000) * 1000000 };

    nanosleep(&time, NULL);
}

static void wait_as_told(const struct call *call)
{
    static atomic_uint jitter = 1;
    char argument[WORD];

    if (script_at("delay", call, argument)) {
        call_injected();
        pause_for(strtoul(argument, NULL, 0));
    }
    if (script_at("jitter", call, argument)) {
        const unsigned random = atomic_fetch_add(&jitter, 1) * 2654435761U >> 8;

        call_injected();
        pause_for(random % (strtoul(argument, NULL, 0) + 1));
    }
    if (script_at("stall", call, NULL)) {
        call_injected();
        log_call(names[call->function], 0, " stalled");
    }
    while (script_at("stall", call, NULL)) {
        pause_for(1);
        script_take();
    }
}

/* As p11-kit's client when its server dies: a write that nobody reads, and no answer ever after. */
static bool died(const struct call *call, CK_RV *rv)
{
    if (script_at("die", call, NULL) && !atomic_exchange(&dead, true))
        pthread_kill(pthread_self(), SIGPIPE);
    if (call->function == FUNCTION_C_Initialize && !script_says("die", NULL, 0))
        atomic_store(&dead, false); /* the remote was started again */
    *rv = CKR_DEVICE_ERROR;
    return atomic_load(&dead) && call->function != FUNCTION_C_Finalize;
}

bool call_enter(struct call *call, enum function function, CK_RV *rv)
{
    char argument[WORD];

    call->function = function;
    call->number = atomic_fetch_add(&counts[function], 1) + 1;
    call->of_all = atomic_fetch_add(&all, function != FUNCTION_C_GetFunctionList) + 1;
    now = *call;
    noted = "";
    script_take();
    wait_as_told(call);
    token_events(call);
    if (!died(call, rv)) {
        if (!script_at("fail", call, argument))
            return false;
        *rv = strtoul(argument, NULL, 0);
    }
    call_injected();
    log_call(names[function], *rv, " spy");
    return true;
}

CK_RV call_leave(const struct call *call, CK_RV rv)
{
    log_call(names[call->function], rv, noted);
    return rv;
}

/* ---- control.h ---- */

__attribute__((visibility("default"))) void shim_script(const char *text)
{
    script_set(text);
    for (size_t i = 0; i < FUNCTIONS; i++)
        atomic_store(&counts[i], 0);
    atomic_store(&all, 0);
    atomic_store(&injected, 0);
}

__attribute__((visibility("default"))) unsigned shim_calls(unsigned i, const char **name)
{
    *name = i < FUNCTIONS ? names[i] : NULL;
    return i < FUNCTIONS ? atomic_load(&counts[i]) : 0;
}

__attribute__((visibility("default"))) unsigned shim_injected(void)
{
    return atomic_load(&injected);
}
