/* What a module's return values are called and what they mean: see cryptoki.h. */
#include <p11-kit/p11-kit.h>
#include <stdarg.h>
#include <stdio.h>

#include "pkcs11/cryptoki.h"

#define NAME(rv)                                                                                   \
    {                                                                                              \
        rv, #rv                                                                                    \
    }
static const struct {
    CK_RV rv;
    const char *name;
} names[] = {
    NAME(CKR_OK),
    NAME(CKR_CANCEL),
    NAME(CKR_HOST_MEMORY),
    NAME(CKR_SLOT_ID_INVALID),
    NAME(CKR_GENERAL_ERROR),
    NAME(CKR_FUNCTION_FAILED),
    NAME(CKR_ARGUMENTS_BAD),
    NAME(CKR_NO_EVENT),
    NAME(CKR_NEED_TO_CREATE_THREADS),
    NAME(CKR_CANT_LOCK),
    NAME(CKR_ATTRIBUTE_READ_ONLY),
    NAME(CKR_ATTRIBUTE_SENSITIVE),
    NAME(CKR_ATTRIBUTE_TYPE_INVALID),
    NAME(CKR_ATTRIBUTE_VALUE_INVALID),
    NAME(CKR_ACTION_PROHIBITED),
    NAME(CKR_DATA_INVALID),
    NAME(CKR_DATA_LEN_RANGE),
    NAME(CKR_DEVICE_ERROR),
    NAME(CKR_DEVICE_MEMORY),
    NAME(CKR_DEVICE_REMOVED),
    NAME(CKR_ENCRYPTED_DATA_INVALID),
    NAME(CKR_ENCRYPTED_DATA_LEN_RANGE),
    NAME(CKR_FUNCTION_CANCELED),
    NAME(CKR_FUNCTION_NOT_PARALLEL),
    NAME(CKR_FUNCTION_NOT_SUPPORTED),
    NAME(CKR_KEY_HANDLE_INVALID),
    NAME(CKR_KEY_SIZE_RANGE),
    NAME(CKR_KEY_TYPE_INCONSISTENT),
    NAME(CKR_KEY_NOT_NEEDED),
    NAME(CKR_KEY_CHANGED),
    NAME(CKR_KEY_NEEDED),
    NAME(CKR_KEY_INDIGESTIBLE),
    NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
    NAME(CKR_KEY_NOT_WRAPPABLE),
    NAME(CKR_KEY_UNEXTRACTABLE),
    NAME(CKR_MECHANISM_INVALID),
    NAME(CKR_MECHANISM_PARAM_INVALID),
    NAME(CKR_OBJECT_HANDLE_INVALID),
    NAME(CKR_OPERATION_ACTIVE),
    NAME(CKR_OPERATION_NOT_INITIALIZED),
    NAME(CKR_PIN_INCORRECT),
    NAME(CKR_PIN_INVALID),
    NAME(CKR_PIN_LEN_RANGE),
    NAME(CKR_PIN_EXPIRED),
    NAME(CKR_PIN_LOCKED),
    NAME(CKR_SESSION_CLOSED),
    NAME(CKR_SESSION_COUNT),
    NAME(CKR_SESSION_HANDLE_INVALID),
    NAME(CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    NAME(CKR_SESSION_READ_ONLY),
    NAME(CKR_SESSION_EXISTS),
    NAME(CKR_SESSION_READ_ONLY_EXISTS),
    NAME(CKR_SESSION_READ_WRITE_SO_EXISTS),
    NAME(CKR_SIGNATURE_INVALID),
    NAME(CKR_SIGNATURE_LEN_RANGE),
    NAME(CKR_TEMPLATE_INCOMPLETE),
    NAME(CKR_TEMPLATE_INCONSISTENT),
    NAME(CKR_TOKEN_NOT_PRESENT),
    NAME(CKR_TOKEN_NOT_RECOGNIZED),
    NAME(CKR_TOKEN_WRITE_PROTECTED),
    NAME(CKR_UNWRAPPING_KEY_SIZE_RANGE),
    NAME(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT),
    NAME(CKR_USER_ALREADY_LOGGED_IN),
    NAME(CKR_USER_NOT_LOGGED_IN),
    NAME(CKR_USER_PIN_NOT_INITIALIZED),
    NAME(CKR_USER_TYPE_INVALID),
    NAME(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    NAME(CKR_USER_TOO_MANY_TYPES),
    NAME(CKR_WRAPPED_KEY_INVALID),
    NAME(CKR_WRAPPED_KEY_LEN_RANGE),
    NAME(CKR_WRAPPING_KEY_HANDLE_INVALID),
    NAME(CKR_WRAPPING_KEY_SIZE_RANGE),
    NAME(CKR_WRAPPING_KEY_TYPE_INCONSISTENT),
    NAME(CKR_RANDOM_SEED_NOT_SUPPORTED),
    NAME(CKR_RANDOM_NO_RNG),
    NAME(CKR_DOMAIN_PARAMS_INVALID),
    NAME(CKR_CURVE_NOT_SUPPORTED),
    NAME(CKR_BUFFER_TOO_SMALL),
    NAME(CKR_SAVED_STATE_INVALID),
    NAME(CKR_INFORMATION_SENSITIVE),
    NAME(CKR_STATE_UNSAVEABLE),
    NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
    NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    NAME(CKR_MUTEX_BAD),
    NAME(CKR_MUTEX_NOT_LOCKED),
    NAME(CKR_NEW_PIN_MODE),
    NAME(CKR_NEXT_OTP),
    NAME(CKR_EXCEEDED_MAX_ITERATIONS),
    NAME(CKR_FIPS_SELF_TEST_FAILED),
    NAME(CKR_LIBRARY_LOAD_FAILED),
    NAME(CKR_PIN_TOO_WEAK),
    NAME(CKR_PUBLIC_KEY_INVALID),
    NAME(CKR_FUNCTION_REJECTED),
};
#undef NAME

/* Where p11-kit's words leave a person without the cure, or would mislead. */
static const struct {
    CK_RV rv;
    const char *words;
} words[] = {
    { CKR_PIN_INCORRECT, "the PIN was not accepted; correct it and start the program anew" },
    { CKR_PIN_INVALID, "the PIN has characters that the token does not take" },
    { CKR_PIN_LEN_RANGE, "the PIN is too short or too long" },
    { CKR_PIN_EXPIRED, "the PIN has expired and must be changed" },
    { CKR_PIN_LOCKED, "the PIN is locked; the security officer must unlock it" },
    { CKR_USER_NOT_LOGGED_IN, "the token needs a login; set pin-source" },
    { CKR_USER_PIN_NOT_INITIALIZED, "the token has no user PIN yet" },
    { CKR_TOKEN_NOT_PRESENT, "the token was removed" },
    { CKR_DEVICE_REMOVED, "the token was removed" },
    { CKR_DEVICE_ERROR, "the HSM, or the way to it, is broken" },
    { CKR_SESSION_COUNT, "the token opens no more sessions; lower `sessions`" },
    { CKR_KEY_FUNCTION_NOT_PERMITTED, "the key's attributes do not permit it" },
    { CKR_MECHANISM_INVALID,
      "the token or the key does not offer this mechanism; use an algorithm that it offers, or a "
      "key whose CKA_ALLOWED_MECHANISMS have it" },
    { CKR_KEY_HANDLE_INVALID, "the key is gone from the token" },
    { CKR_OBJECT_HANDLE_INVALID, "the key is gone from the token" },
    { CKR_HSMZKE_EXITING, "the process is exiting" },
    { CKR_HSMZKE_IV, "the module put an IV of its own in the place of the one that was given" },
    { CKR_HSMZKE_SUSPECT, "the message is not authentic, or the session is broken" },
    { CKR_HSMZKE_WRONG_TAG, "the message is not authentic" },
    { CKR_HSMZKE_NOT_COMPUTED,
      "the module says that all went well, and gave back what went in, or nothing: it must not be "
      "used; check pkcs11-module" },
    { CKR_HSMZKE_BUFFERED, "the module answered with another length than it was given" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *ckr_name(CK_RV rv)
{
    static _Thread_local char number[32];

    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].rv == rv)
            return names[i].name;
    }
    snprintf(number, sizeof(number), "0x%lx", rv);
    return number;
}

const char *ckr_words(CK_RV rv)
{
    const char *others;

    for (size_t i = 0; i < COUNT(words); i++) {
        if (words[i].rv == rv)
            return words[i].words;
    }
    others = p11_kit_strerror(rv);
    return others != NULL && *others != '\0' ? others : "the module failed";
}

bool ckr_failure(struct failure *why, enum failure_reason reason, CK_RV rv, const char *format, ...)
{
    char where[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(where, sizeof(where), format, arguments);
    va_end(arguments);
    if (rv == CKR_HSMZKE_EXITING)
        reason = FAILURE_EXITING;
    if ((rv & ~0xffUL) == (CKR_HSMZKE_EXITING & ~0xffUL)) /* no name that the standard knows */
        return failure_set(why, reason, "%s: %s", where, ckr_words(rv));
    return failure_set(why, reason, "%s: %s (%s)", where, ckr_words(rv), ckr_name(rv));
}

bool ckr_connection_lost(CK_RV rv)
{
    switch (rv) {
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return true;
    default:
        return false;
    }
}

bool ckr_key_gone(CK_RV rv)
{
    return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID;
}

bool ckr_refusal(CK_RV rv)
{
    switch (rv) {
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_SIZE_RANGE:
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED:
    case CKR_HSMZKE_EXITING:
    case CKR_HSMZKE_TOLD:
    case CKR_HSMZKE_WRONG_TAG:
    case CKR_HSMZKE_IV:
        return true;
    default:
        return false;
    }
}
