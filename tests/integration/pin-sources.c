/* Sources of PINs: see pin-sources.h. */
#include "pin-sources.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "testing.h"

static const char *lines(const char *token, const char *source)
{
    return text("token = %s\npin-source = %s\n", token, source);
}

/* "file:PATH", with a line end, as editors leave it. */
static const char *file_with(const char *pin)
{
    return pin_file(text("%s\n", pin));
}

static const char *prepare_file(struct pin_start *start, const char *token, const char *pin)
{
    (void)start;
    return lines(token, file_with(pin));
}

static const char *prepare_descriptor(struct pin_start *start, const char *token, const char *pin)
{
    start->descriptor = open(strchr(file_with(pin), ':') + 1, O_RDONLY | O_CLOEXEC);
    CHECK(start->descriptor > 0);
    return lines(token, text("fd:%d", PIN_DESCRIPTOR));
}

static const char *prepare_pipe(struct pin_start *start, const char *token, const char *pin)
{
    int ends[2];

    CHECK(pipe2(ends, O_CLOEXEC) == 0 && dprintf(ends[1], "%s\n", pin) > 0 && close(ends[1]) == 0);
    start->descriptor = ends[0];
    return lines(token, text("fd:%d", PIN_DESCRIPTOR));
}

static const char *prepare_credential(struct pin_start *start, const char *token, const char *pin)
{
    start->environment = text("CREDENTIALS_DIRECTORY=%s", work_dir());
    return lines(token, text("credential:%s", strrchr(file_with(pin), '/') + 1));
}

static const char *prepare_prompt(struct pin_start *start, const char *token, const char *pin)
{
    (void)pin;
    start->terminal = true;
    return lines(token, "prompt");
}

static const char *prepare_uri(struct pin_start *start, const char *token, const char *pin)
{
    (void)start;
    return text("token = %s?pin-source=%s\n", token, file_with(pin));
}

static const char *prepare_variable(struct pin_start *start, const char *token, const char *pin)
{
    start->environment = text("TRY_PIN=%s", pin);
    return lines(token, "env:TRY_PIN");
}

static const char *prepare_value(struct pin_start *start, const char *token, const char *pin)
{
    (void)start;
    return text("token = %s?pin-value=%s\n", token, pin);
}

const struct pin_source pin_sources[] = {
    { "file:", false, false, prepare_file },
    { "fd: of a file", false, false, prepare_descriptor },
    { "fd: of a pipe", false, true, prepare_pipe },
    { "credential:", false, false, prepare_credential },
    { "prompt", false, false, prepare_prompt },
    { "a URI's pin-source=file:", false, false, prepare_uri },
    { "env:", true, false, prepare_variable },
    { "a URI's pin-value", true, false, prepare_value },
    { NULL, false, false, NULL },
};

const struct pin_source *pin_source_named(const char *name)
{
    const struct pin_source *source = pin_sources;

    while (source->name != NULL && strcmp(source->name, name) != 0)
        source++;
    CHECK(source->name != NULL);
    return source;
}
