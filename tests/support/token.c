/*
 * Tokens of the module under test, filled by token-tool, and key references as the public header
 * describes them.
 */
#include "testing.h"

#include <hsmzke/hsmzke.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void tool(const char *const argv[], const char *input)
{
    const char *output;

    if (run_program(argv, input, &output) != 0)
        testing_failed(__FILE__, __LINE__, text("token-tool %s: %s", argv[2], output));
}

void token_store(void)
{
    static unsigned count;
    const char *directory = text("%s/tokens-%u-%u", work_dir(), (unsigned)getpid(), count++);
    const char *config = text("directories.tokendir = %s\n"
                              "objectstore.backend = file\n"
                              "log.level = ERROR\n"
                              "slots.removable = false\n",
                              directory);

    if (!module_makes_tokens()) {
        module_store(directory);
        return;
    }
    CHECK(mkdir(directory, 0700) == 0);
    setenv("SOFTHSM2_CONF", write_file("softhsm2.conf", config, strlen(config)), 1);
}

void token_init(const char *label, const char *pin)
{
    const char *const argv[] = {
        testing_path("HSMZKE_TEST_TOKEN_TOOL"), module_tool_path(), "init", label, SO_PIN, pin, NULL
    };

    if (module_makes_tokens())
        tool(argv, "");
    else
        CHECK(strcmp(pin, USER_PIN) == 0); /* the token is there, with this PIN */
}

void token_import(const char *label, const char *pin, const char *lines)
{
    const char *const argv[] = { testing_path("HSMZKE_TEST_TOKEN_TOOL"),
                                 module_tool_path(),
                                 "import",
                                 module_label(label),
                                 pin,
                                 NULL };

    if (!module_imports(lines))
        tool(argv, lines);
}

void token_set(const char *label, const char *pin, const char *key, const char *change)
{
    const char *const argv[] = { testing_path("HSMZKE_TEST_TOKEN_TOOL"),
                                 module_tool_path(),
                                 "set",
                                 module_label(label),
                                 pin,
                                 key,
                                 change,
                                 NULL };

    tool(argv, "");
}

void token_destroy(const char *label, const char *pin, const char *key)
{
    const char *const argv[] = { testing_path("HSMZKE_TEST_TOKEN_TOOL"),
                                 module_tool_path(),
                                 "destroy",
                                 module_label(label),
                                 pin,
                                 key,
                                 NULL };

    tool(argv, "");
}

const char *token_show(const char *label, const char *pin, const char *key)
{
    const char *const argv[] = { testing_path("HSMZKE_TEST_TOKEN_TOOL"),
                                 module_tool_path(),
                                 "show",
                                 module_label(label),
                                 pin,
                                 key,
                                 NULL };
    const char *output;

    if (run_program(argv, "", &output) != 0)
        testing_failed(__FILE__, __LINE__, text("token-tool show: %s", output));
    return output;
}

void token_standard(void)
{
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN,
                 "gold " GOLD_KEY " id=" GOLD_ID "\n"
                 "silver " SILVER_KEY "\n");
}

void reference_by_name(unsigned char reference[32], const char *name)
{
    size_t length = strlen(name);

    CHECK(length <= HSMZKE_REFERENCE_SIZE - HSMZKE_REFERENCE_PREFIX_SIZE);
    memset(reference, 0, HSMZKE_REFERENCE_SIZE);
    memcpy(reference, HSMZKE_REFERENCE_PREFIX, HSMZKE_REFERENCE_PREFIX_SIZE);
    memcpy(reference + HSMZKE_REFERENCE_PREFIX_SIZE, name, length);
}

void reference_by_id(unsigned char reference[32], const char *id_hex)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char id[HSMZKE_REFERENCE_ID_SIZE];
    unsigned char *out = reference + HSMZKE_REFERENCE_PREFIX_SIZE;
    unsigned check = 0;

    CHECK(unhex(id_hex, id, sizeof(id)) == sizeof(id));
    memcpy(reference, HSMZKE_REFERENCE_PREFIX, HSMZKE_REFERENCE_PREFIX_SIZE);
    for (size_t i = 0; i < 24; i++) {
        unsigned bits = (unsigned)id[i / 4 * 3] << 16 | (unsigned)id[i / 4 * 3 + 1] << 8 |
                        (unsigned)id[i / 4 * 3 + 2];
        unsigned value = bits >> (6 * (3 - i % 4)) & 63;

        out[i] = (unsigned char)alphabet[value];
        check = (check ^ value) << 1;
        if (check & 64)
            check ^= 0x43;
    }
    out[24] = (unsigned char)alphabet[check];
}
