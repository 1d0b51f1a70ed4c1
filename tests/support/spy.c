/*
 * The test's side of tests/pkcs11-shim/: the environment that it reads, what it is told in this
 * process, and counts from its log.
 */
#include "testing.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_path;
static const char *file_path;
static const char *script;

void spy_script(const char *statement)
{
    script = text("%s%s\n", script, statement);
    setenv("HSMZKE_SPY_SCRIPT", script, 1);
}

/* In the place of all statements that begin so. */
static void replace(const char *start, const char *statement)
{
    const char *kept = "";

    for (const char *line = script; *line != '\0'; line = strchr(line, '\n') + 1)
        if (strncmp(line, start, strlen(start)) != 0)
            kept = text("%s%.*s\n", kept, (int)strcspn(line, "\n"), line);
    script = kept;
    spy_script(statement);
}

void spy_setup(const char *fail, const char *token_flags)
{
    log_path = write_file("spy-log", "", 0);
    file_path = text("%s-script", log_path);
    setenv("HSMZKE_SPY_MODULE", module_path(), 1);
    setenv("HSMZKE_SPY_LOG", log_path, 1);
    setenv("HSMZKE_SPY_FILE", file_path, 1);
    script = "";
    spy_script(text("flags %s", token_flags == NULL ? "0" : token_flags));
    for (size_t length; fail != NULL && *fail != '\0'; fail += length + (fail[length] == ',')) {
        length = strcspn(fail, ",");
        spy_script(text("fail %.*s", (int)length, fail));
    }
}

void spy_gcm(const char *what)
{
    replace("gcm-", text("gcm-%s", what));
}

void spy_generate(const char *what)
{
    replace("generate-", text("generate-%s", what));
}

void spy_native(const char *offered, const char *lie, bool only)
{
    replace("native", text("native %s", offered));
    if (lie != NULL)
        spy_script(text("native-lie %s", lie));
    if (only)
        spy_script("native-only");
}

void spy_nonsense(const char *what, unsigned after)
{
    replace("nonsense", text("nonsense %s %u", what, after));
}

/* Lines of the log that begin with `start` and hold `part`. */
static unsigned count_lines(const char *start, const char *part)
{
    FILE *file = fopen(log_path, "r");
    char line[256];
    unsigned count = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, start, strlen(start)) == 0 && strstr(line, part) != NULL)
            count++;
    fclose(file);
    return count;
}

unsigned spy_calls(const char *function)
{
    return count_lines(text("%s ", function), "");
}

unsigned spy_all_calls(void)
{
    return count_lines("", "");
}

unsigned spy_streamed(void)
{
    return count_lines("C_EncryptUpdate 0x0 ", "gcm");
}

unsigned spy_stalls(void)
{
    return count_lines("", " stalled");
}

unsigned spy_failures(void)
{
    return count_lines("", " spy");
}

void spy_file(const char *statements)
{
    const char *next = text("%s-next", file_path);
    FILE *file;

    if (statements == NULL) {
        unlink(file_path);
        return;
    }
    /* Renamed into place: other threads must not see an empty file. */
    file = fopen(next, "w");
    CHECK(file != NULL && fputs(statements, file) >= 0 && fclose(file) == 0);
    CHECK(rename(next, file_path) == 0);
}

void spy_gone(unsigned long rv)
{
    spy_file(rv == 0 ? NULL : text("fail *:1+:%lu", rv));
}

/* ---- in this process ---- */

/* The shim's own function; the provider loads the same instance. */
static void *control(const char *name)
{
    static void *library;
    void *symbol;

    if (library == NULL)
        library = dlopen(testing_path("HSMZKE_TEST_SPY_MODULE"), RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    symbol = dlsym(library, name);
    CHECK(symbol != NULL);
    return symbol;
}

void spy_tell(const char *statements)
{
    void (*const function)(const char *) = (void (*)(const char *))control("shim_script");

    function(statements);
}

unsigned spy_counted(unsigned i, const char **function)
{
    unsigned (*const counted)(unsigned, const char **) =
        (unsigned (*)(unsigned, const char **))control("shim_calls");

    return counted(i, function);
}

unsigned spy_injected(void)
{
    unsigned (*const function)(void) = (unsigned (*)(void))control("shim_injected");

    return function();
}
