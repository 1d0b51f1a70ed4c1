/*
 * What the shim's parts share: its script, and the layers that stand on each other.  module.c puts
 * them together; README.md has the script's words.
 */
#ifndef HSMZKE_SHIM_H
#define HSMZKE_SHIM_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

enum function {
#define CRYPTOKI(name, parameters, arguments) FUNCTION_##name,
#include "functions.h"
    FUNCTION_C_GetFunctionList,
    FUNCTIONS
};

/** A call on its way in. */
struct call {
    enum function function;
    unsigned number; /* from 1 on, of this function's calls */
    unsigned of_all; /* of all calls but those of C_GetFunctionList */
};

/* ---- the script (script.c) ---- */

enum { WORD = 64 };

/** Reads the script anew, for this thread. */
void script_take(void);
/** Whether there is a statement with this first word.  `rest`, or NULL: what follows it. */
bool script_says(const char *verb, char *rest, size_t room);
/** Whether there is a statement with this first and this second word. */
bool script_has(const char *verb, const char *word);
/**
 * Whether a statement "VERB FUNCTION:N[+][:ARGUMENT]" is for this call; FUNCTION can be "*", any
 * but C_GetFunctionList; N is counted over all of them then.  `argument`, or NULL: what follows, ""
 * if nothing.
 */
bool script_at(const char *verb, const struct call *call, char argument[WORD]);
/** Puts `text` in the place of HSMZKE_SPY_SCRIPT; NULL: that again. */
void script_set(const char *text);

/* ---- calls (calls.c) ---- */

/** Counts a call and does what the script has for it; true if it fails here, with *rv. */
bool call_enter(struct call *call, enum function function, CK_RV *rv);
/** Logs a call that came back. */
CK_RV call_leave(const struct call *call, CK_RV rv);
/** A word for the log's line about this thread's call. */
void call_note(const char *note);
/** The call that this thread is in. */
const struct call *call_now(void);
const char *call_name(enum function function);
/** One more answer that the shim made up. */
void call_injected(void);

/* ---- layers: each gives a list that stands in front of the one below ---- */

CK_FUNCTION_LIST *native_over(CK_FUNCTION_LIST *below);   /* native.c */
CK_FUNCTION_LIST *generate_over(CK_FUNCTION_LIST *below); /* generate.c */
CK_FUNCTION_LIST *gcm_over(CK_FUNCTION_LIST *below);      /* gcm.c */
CK_FUNCTION_LIST *token_over(CK_FUNCTION_LIST *below);    /* token.c */
CK_FUNCTION_LIST *handles_over(CK_FUNCTION_LIST *below);  /* handles.c */
CK_FUNCTION_LIST *lengths_over(CK_FUNCTION_LIST *below);  /* lengths.c */
CK_FUNCTION_LIST *answers_over(CK_FUNCTION_LIST *below);  /* answers.c */

/** What happens to a token from outside, before a call (token.c). */
void token_events(const struct call *call);
/** All handles that were given out are void (handles.c). */
void handles_forget(void);

#endif
