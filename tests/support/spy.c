/*
 * The test's side of spy-module.c: its environment variables, and counts from its log.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_path;
static const char *gone_path;

void spy_setup(const char *fail, const char *token_flags)
{
    log_path = write_file("spy-log", "", 0);
    gone_path = text("%s-gone", log_path);
    setenv("HSMZKE_SPY_MODULE", module_path(), 1);
    setenv("HSMZKE_SPY_LOG", log_path, 1);
    setenv("HSMZKE_SPY_GONE", gone_path, 1);
    setenv("HSMZKE_SPY_FAIL", fail == NULL ? "" : fail, 1);
    unsetenv("HSMZKE_SPY_GCM");
    unsetenv("HSMZKE_SPY_GENERATE");
    unsetenv("HSMZKE_SPY_NATIVE");
    unsetenv("HSMZKE_SPY_NATIVE_LIE");
    unsetenv("HSMZKE_SPY_NATIVE_ONLY");
    unsetenv("HSMZKE_SPY_NONSENSE");
    unsetenv("HSMZKE_SPY_NONSENSE_AFTER");
    setenv("HSMZKE_SPY_TOKEN_FLAGS", token_flags == NULL ? "0" : token_flags, 1);
}

void spy_gcm(const char *what)
{
    setenv("HSMZKE_SPY_GCM", what, 1);
}

void spy_generate(const char *what)
{
    setenv("HSMZKE_SPY_GENERATE", what, 1);
}

void spy_native(const char *offered, const char *lie, bool only)
{
    setenv("HSMZKE_SPY_NATIVE", offered, 1);
    if (lie != NULL)
        setenv("HSMZKE_SPY_NATIVE_LIE", lie, 1);
    if (only)
        setenv("HSMZKE_SPY_NATIVE_ONLY", "", 1);
}

void spy_nonsense(const char *what, unsigned after)
{
    setenv("HSMZKE_SPY_NONSENSE", what, 1);
    setenv("HSMZKE_SPY_NONSENSE_AFTER", text("%u", after), 1);
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

unsigned spy_failures(void)
{
    return count_lines("", " spy");
}

void spy_gone(unsigned long rv)
{
    const char *next = text("%s-next", gone_path);
    FILE *file;

    if (rv == 0) {
        unlink(gone_path);
        return;
    }
    /* Renamed into place: other threads must not see an empty file. */
    file = fopen(next, "w");
    CHECK(file != NULL && fprintf(file, "%lu\n", rv) > 0 && fclose(file) == 0);
    CHECK(rename(next, gone_path) == 0);
}
