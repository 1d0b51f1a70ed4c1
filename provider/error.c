/* OpenSSL's error queue through the core's upcalls: see error.h. */
#include "error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

void errors_init(struct errors *errors, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
    *errors = (struct errors){ .handle = handle };
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_NEW_ERROR:
            errors->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            errors->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            errors->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        default:
            break;
        }
    }
}

const OSSL_ITEM *errors_reason_strings(void)
{
    /* The core's table type is not const; nobody writes to it. */
    static char texts[][40] = {
        [FAILURE_CONFIGURATION] = "configuration error",
        [FAILURE_REFERENCE] = "malformed key reference",
        [FAILURE_RAW_KEY] = "raw key refused",
        [FAILURE_MODULE] = "PKCS#11 module failure",
        [FAILURE_TOKEN] = "token not available",
        [FAILURE_PIN] = "login to the token failed",
        [FAILURE_KEY_NOT_FOUND] = "key not found",
        [FAILURE_KEY_AMBIGUOUS] = "several keys match",
        [FAILURE_KEY_UNSUITABLE] = "key not suitable",
        [FAILURE_IDENTITY] = "key identity differs",
        [FAILURE_SESSIONS] = "no session free",
        [FAILURE_OPERATION] = "operation in the HSM failed",
        [FAILURE_IV_MISSING] = "IV not set",
        [FAILURE_MEMORY] = "out of memory",
        [FAILURE_EXITING] = "process is exiting",
        [FAILURE_NOT_OFFERED] = "not offered for HSM keys",
        [FAILURE_AUDIT] = "audit log failed",
        [FAILURE_POLICY] = "key refused by key-policy",
    };
    enum { REASONS = sizeof(texts) / sizeof(texts[0]) };
    static OSSL_ITEM items[REASONS]; /* the last one stays zero: the end */

    for (unsigned int reason = 1; reason < REASONS; reason++)
        items[reason - 1] = (OSSL_ITEM){ reason, texts[reason] };
    return items;
}

static void raise_at(const struct errors *errors, uint32_t reason, const char *file, int line,
                     const char *function, const char *format, ...)
{
    va_list arguments;

    if (errors->new_error == NULL || errors->vset_error == NULL)
        return;
    errors->new_error(errors->handle);
    if (errors->set_error_debug != NULL)
        errors->set_error_debug(errors->handle, file, line, function);
    va_start(arguments, format);
    errors->vset_error(errors->handle, reason, format, arguments);
    va_end(arguments);
}

int error_raise_at(const struct errors *errors, const struct failure *why, const char *file,
                   int line, const char *function)
{
    raise_at(errors, why->reason, file, line, function, "%s", why->text);
    return 0;
}

int error_raise_prov_at(const struct errors *errors, int reason, const char *file, int line,
                        const char *function, const char *format, ...)
{
    char text[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* A reason that carries a library number is raised under that library (provider-base(7)). */
    raise_at(errors, (uint32_t)ERR_PACK(ERR_LIB_PROV, 0, reason), file, line, function, "%s", text);
    return 0;
}
