/*
 * A module that answers CKR_OK and gives no handle has done nothing: what lay in its place before,
 * or zero, is not used for one.  The module is a few functions of this test.
 */
#include "testing.h"

#include "pkcs11/session.h"
#include "pkcs11/template.h"

static bool gives;
static CK_RV reading; /* what a session that may only read is opened with */

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *handle)
{
    (void)slot, (void)application, (void)notify;
    if ((flags & CKF_RW_SESSION) == 0 && reading != CKR_OK)
        return reading;
    if (gives)
        *handle = 7;
    return CKR_OK;
}

static CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                          CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    (void)session, (void)mechanism, (void)attributes, (void)count;
    if (gives)
        *handle = 8;
    return CKR_OK;
}

static CK_FUNCTION_LIST functions = { .C_OpenSession = open_session,
                                      .C_GenerateKey = generate_key };

/* The handle of a session that was closed may be another one's by now. */
static void sessions(void **state)
{
    CK_SESSION_HANDLE handle = 3;

    (void)state;
    gives = false;
    assert_int_not_equal(session_open(&functions, 0, CKF_SERIAL_SESSION, &handle), CKR_OK);
    assert_int_equal(handle, CK_INVALID_HANDLE);
    gives = true;
    assert_int_equal(session_open(&functions, 0, CKF_SERIAL_SESSION, &handle), CKR_OK);
    assert_int_equal(handle, 7);
}

/* A module may open no session that may only read; other errors are not tried again. */
static void sessions_that_may_write(void **state)
{
    static struct module module = { .f = &functions };
    static struct token token = { .module = &module };

    (void)state;
    gives = true;
    assert_int_equal(session_open_anchor(&token), CKR_OK);
    assert_int_equal(token.session_flags, CKF_SERIAL_SESSION);
    reading = CKR_DEVICE_REMOVED;
    assert_int_equal(session_open_anchor(&token), CKR_DEVICE_REMOVED);
    reading = CKR_FUNCTION_FAILED;
    assert_int_equal(session_open_anchor(&token), CKR_OK);
    assert_int_equal(token.anchor, 7);
    assert_int_equal(token.session_flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
    gives = false;
    assert_int_equal(session_open_anchor(&token), CKR_FUNCTION_FAILED);
    assert_int_equal(token.anchor, CK_INVALID_HANDLE);
    reading = CKR_OK;
}

static void new_keys(void **state)
{
    static struct module module = { .f = &functions };
    static struct token token = { .module = &module };
    const struct hsm_template wanted = { .label = "new", .size = 32 };
    struct generation generation = { .token = &token, .wanted = &wanted };
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

    (void)state;
    gives = false;
    assert_int_not_equal(template_make(&generation, 1, &made), CKR_OK);
    gives = true;
    assert_int_equal(template_make(&generation, 1, &made), CKR_OK);
    assert_int_equal(made, 8);
}

static int start(void **state)
{
    (void)state;
    return life_start() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sessions),
                                        cmocka_unit_test(sessions_that_may_write),
                                        cmocka_unit_test(new_keys) };

    return cmocka_run_group_tests(tests, start, NULL);
}
