/*
 * Memory for secrets (secret.[ch]): locked, out of core dumps, not for children, and wiped.  What
 * the kernel made of it stands in /proc/self/smaps; munmap() is wrapped (meson.build) to see what
 * is given back.
 */
#include "testing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "secret.h"

static struct {
    const void *memory;
    size_t size;
    bool clean;
} unmapped;

int __real_munmap(void *memory, size_t size);
int __wrap_munmap(void *memory, size_t size);

int __wrap_munmap(void *memory, size_t size)
{
    const unsigned char *bytes = memory;

    unmapped.memory = memory;
    unmapped.size = size;
    unmapped.clean = true;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            unmapped.clean = false;
    }
    return __real_munmap(memory, size);
}

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The flags of the mapping that holds `memory`, "rd wr mr mw me lo ac dd ", or "". */
static void flags_of(const void *memory, char flags[200])
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false;

    CHECK(smaps != NULL);
    flags[0] = '\0';
    while (flags[0] == '\0' && fgets(line, sizeof(line), smaps) != NULL) {
        uintptr_t from, to;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            inside = (uintptr_t)memory >= from && (uintptr_t)memory < to;
        else if (inside && strncmp(line, "VmFlags: ", 9) == 0)
            snprintf(flags, 200, "%.190s", line + 9);
    }
    fclose(smaps);
}

/* Every page of the memory has the flag: "lo" by mlock(), "dd" by MADV_DONTDUMP. */
static void check_flag(const char *flag)
{
    const size_t sizes[] = { 1, page(), page() + 1, 3 * page() };
    struct failure why;
    char flags[200];

    for (size_t i = 0; i < 4; i++) {
        unsigned char *memory = secret_alloc(sizes[i], &why);

        assert_non_null(memory);
        for (size_t at = 0; at < sizes[i]; at += page()) {
            flags_of(memory + at, flags);
            CHECK_HAS(flags, flag);
        }
        flags_of(memory + sizes[i] - 1, flags);
        CHECK_HAS(flags, flag);
        secret_free(memory, sizes[i]);
        flags_of(memory, flags);
        assert_null(strstr(flags, flag));
    }
}

static void needs_mlock(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("sanitizers make mlock() do nothing\n");
    skip();
#endif
}

static void locked(void **state)
{
    (void)state;
    needs_mlock();
    check_flag("lo ");
}

static void not_dumped(void **state)
{
    (void)state;
    check_flag("dd ");
}

static void zeroed_and_own_pages(void **state)
{
    struct failure why;

    (void)state;
    for (size_t size = 1; size < 3 * page(); size += 1000) {
        unsigned char *memory = secret_alloc(size, &why);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % page(), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
        secret_free(memory, size);
    }
}

static void wiped_when_given_back(void **state)
{
    struct failure why;
    const size_t size = 2 * page() + 5;
    unsigned char *memory = secret_alloc(size, &why);

    (void)state;
    assert_non_null(memory);
    memset(memory, 0xff, size);
    memset(&unmapped, 0, sizeof(unmapped));
    secret_free(memory, size);
    assert_ptr_equal(unmapped.memory, memory);
    assert_int_equal(unmapped.size, 3 * page());
    assert_true(unmapped.clean);
    secret_free(NULL, size);
}

static void wipe(void **state)
{
    unsigned char bytes[40];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    secret_wipe(bytes + 4, 32);
    for (size_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], i < 4 || i >= 36 ? 0xff : 0);
    secret_wipe(bytes, 0);
    assert_int_equal(bytes[0], 0xff);
}

static unsigned char *shared;

static void find_zeros(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < 100; i++)
        CHECK(shared[i] == 0);
}

static void not_for_children(void **state)
{
    struct failure why;

    (void)state;
    shared = secret_alloc(100, &why);
    assert_non_null(shared);
    memset(shared, 0xff, 100);
    assert_int_equal(run_child(find_zeros, NULL), 0);
    assert_int_equal(shared[0], 0xff);
    secret_free(shared, 100);
}

/* Root may lock what it likes: the limit is tried as somebody else. */
static void limit_locked_memory(size_t size)
{
    const struct rlimit limit = { size, size };

    CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (geteuid() == 0)
        CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

static void check_refusal(const struct failure *why)
{
    CHECK(why->reason == FAILURE_MEMORY);
    CHECK_HAS(why->text, "cannot be locked");
    CHECK_HAS(why->text, "ulimit -l");
    CHECK(unmapped.memory != NULL); /* what was got is given back */
}

static void nothing_may_be_locked(void *argument)
{
    struct failure why;

    (void)argument;
    limit_locked_memory(0);
    memset(&unmapped, 0, sizeof(unmapped));
    CHECK(secret_alloc(1, &why) == NULL);
    check_refusal(&why);
}

static void one_page_may_be_locked(void *argument)
{
    struct failure why;
    void *memory;

    (void)argument;
    limit_locked_memory(page());
    memset(&unmapped, 0, sizeof(unmapped));
    CHECK(secret_alloc(page() + 1, &why) == NULL);
    check_refusal(&why);
    memory = secret_alloc(page(), &why);
    CHECK(memory != NULL);
    CHECK(secret_alloc(1, &why) == NULL);
    secret_free(memory, page());
    memory = secret_alloc(1, &why);
    CHECK(memory != NULL);
    secret_free(memory, 1);
}

static void limit_too_small(void **state)
{
    (void)state;
    needs_mlock();
    assert_int_equal(run_child(nothing_may_be_locked, NULL), 0);
    assert_int_equal(run_child(one_page_may_be_locked, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locked),
        cmocka_unit_test(not_dumped),
        cmocka_unit_test(zeroed_and_own_pages),
        cmocka_unit_test(wiped_when_given_back),
        cmocka_unit_test(wipe),
        cmocka_unit_test(not_for_children),
        cmocka_unit_test(limit_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
