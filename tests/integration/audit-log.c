/* The audit log as its tests read it: see audit-log.h. */
#include "audit-log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *log_path(void)
{
    static unsigned count;
    const char *directory = text("%s/log-%u-%u", work_dir(), (unsigned)getpid(), count++);

    CHECK(mkdir(directory, 0700) == 0);
    return text("%s/audit.log", directory);
}

OSSL_LIB_CTX *context_logged(const char *path)
{
    return context_with(text("%saudit = file:%s\n", settings_standard(), path), NULL);
}

const char **log_lines(const char *path)
{
    size_t size = 0, count = 0;
    char *all = (char *)read_file(path, &size);
    const char **lines;

    CHECK(all != NULL);
    for (size_t i = 0; i < size; i++)
        count += all[i] == '\n';
    CHECK(size == 0 || all[size - 1] == '\n');
    lines = keep((count + 1) * sizeof(*lines));
    for (size_t i = 0; i < count; i++) {
        lines[i] = all;
        all = strchr(all, '\n');
        *all++ = '\0';
    }
    return lines;
}

const char *log_field(const char *line, const char *name)
{
    const char *at = strstr(line, text("\"%s\":", name));

    if (at == NULL)
        return "";
    at += strlen(name) + 3;
    if (*at == '"')
        return text("%.*s", (int)strcspn(at + 1, "\""), at + 1);
    return text("%.*s", (int)strcspn(at, ",}"), at);
}

unsigned log_count(const char *path, const char *event)
{
    const char **lines = log_lines(path);
    unsigned count = 0;

    for (; *lines != NULL; lines++)
        count += strcmp(log_field(*lines, "event"), event) == 0;
    return count;
}

const char *log_line(const char *path, const char *event, unsigned n)
{
    const char **lines = log_lines(path);

    for (; *lines != NULL; lines++) {
        if (strcmp(log_field(*lines, "event"), event) == 0 && n-- == 0)
            return *lines;
    }
    testing_failed(__FILE__, __LINE__, text("there is such an event: %s", event));
    return "";
}

int log_check(const char *paths, const char **words)
{
    return run_shell(text("cat %s | sh -c \"$(sed -n \"/^    python3 -c '/,/^    '/p\" '%s' |"
                          " sed -e 's/^    //' -e \"s/^' < audit.log/'/\")\"",
                          paths, testing_path("HSMZKE_TEST_AUDIT_DOC")),
                     words);
}

int log_work(OSSL_LIB_CTX *context, size_t size)
{
    unsigned char reference[32], in[96] = { 0 }, out[sizeof(in) + 32];
    struct message message = {
        .cipher = "AES-256-ECB", .key = reference, .encrypt = 1, .in = in, .size = size, .out = out
    };

    CHECK(size <= sizeof(in));
    reference_by_name(reference, "gold");
    return message_run(context, &message);
}
