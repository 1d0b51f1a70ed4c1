/* The model's names in words: see words.h. */
#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME(list, index) ((size_t)(index) < sizeof(list) / sizeof(*(list)) ? (list)[index] : "?")

void words_add(struct words *words, const char *format, ...)
{
    const size_t room = sizeof(words->text) - words->size;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(words->text + words->size, room, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    if ((size_t)size < room) {
        words->size += (size_t)size;
        return;
    }
    words->size = sizeof(words->text) - 1;
    memcpy(words->text + words->size - 3, "...", 3);
}

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = { "KEY_NOT_IN_MEMORY", "KEY_FOUND", "INCONCLUSIVE",
                                         "AES_KEYS_FOUND", "NO_AES_KEYS" };

    return NAME(names, verdict);
}

const char *condition_name(enum condition condition)
{
    static const char *const names[] = { "ledger",   "threads", "elsewhere",
                                         "controls", "moments", "detectors" };

    return NAME(names, condition);
}

const char *condition_title(enum condition condition)
{
    static const char *const titles[] = {
        "Every byte is accounted for",
        "Every thread stood still, registers included",
        "What is in no mapping was searched too",
        "What was planted was found",
        "It was looked at every moment that counts",
        "All detectors ran",
    };

    return NAME(titles, condition);
}

const char *condition_state_name(enum condition_state state)
{
    static const char *const names[] = { "holds", "fails", "not applicable" };

    return NAME(names, state);
}

const char *moment_name(enum moment moment)
{
    static const char *const names[] = { "once", "entry", "return", "system call", "exec", "exit" };

    return NAME(names, moment);
}

void words_moment(struct words *words, const struct examination *examination)
{
    const char *call = examination->call[0] != '\0' ? examination->call : "a call";

    switch (examination->moment) {
    case MOMENT_ONCE:
        words_add(words, "the scan");
        break;
    case MOMENT_ENTRY:
        words_add(words, "the entry of %s", call);
        break;
    case MOMENT_RETURN:
        words_add(words, "the return of %s", call);
        break;
    case MOMENT_SYSCALL:
        words_add(words, "the system call %s", call);
        break;
    case MOMENT_EXEC:
        words_add(words, "exec");
        break;
    case MOMENT_EXIT:
        words_add(words, "the end");
        break;
    }
}

const char *target_kind_name(enum target_kind kind)
{
    static const char *const names[] = { "process", "run", "core file", "image" };

    return NAME(names, kind);
}

const char *place_kind_name(enum place_kind kind)
{
    static const char *const names[] = { "mapping",       "registers",    "memfd",
                                         "unlinked file", "segment",      "pipe",
                                         "environment",   "command line", "file" };

    return NAME(names, kind);
}

const char *finding_kind_name(enum finding_kind kind)
{
    static const char *const names[] = { "schedule", "known key", "oracle", "PIN" };

    return NAME(names, kind);
}

const char *schedule_order_name(enum schedule_order order)
{
    return order == ORDER_REVERSED ? "reversed" : "forward";
}

const char *schedule_transform_name(enum schedule_transform transform)
{
    static const char *const names[] = { "plain",         "InvMixColumns", "vpaes encrypt",
                                         "vpaes decrypt", "fixslice32",    "fixslice64" };

    return NAME(names, transform);
}

const char *schedule_bytes_name(enum schedule_bytes bytes)
{
    static const char *const names[] = { "natural", "swapped in words of 32 bits", "reversed" };

    return NAME(names, bytes);
}

/* Which direction's schedule it is, as far as its form says. */
static const char *schedule_words(const struct finding *finding)
{
    switch (finding->transform) {
    case TRANSFORM_VPAES_ENCRYPT:
        return "encrypt schedule (vpaes)";
    case TRANSFORM_VPAES_DECRYPT:
        return "decrypt schedule (vpaes)";
    case TRANSFORM_FIXSLICE32:
        return "bitsliced schedule (fixslice32)";
    case TRANSFORM_FIXSLICE64:
        return "bitsliced schedule (fixslice64)";
    case TRANSFORM_INV_MIX_COLUMNS:
        return finding->order == ORDER_REVERSED ? "decrypt schedule" : "forward decrypt schedule";
    case TRANSFORM_PLAIN:
        break;
    }
    return finding->order == ORDER_REVERSED ? "reversed schedule" : "encrypt schedule";
}

void words_form(struct words *words, const struct finding *finding)
{
    static const char *const whole[] = { "", " with its words' bytes swapped",
                                         " with its bytes reversed" };

    if (finding->kind != FINDING_SCHEDULE) {
        const char *encoding = finding->encoding != NULL ? finding->encoding : "raw";

        if (finding->matched < finding->of)
            words_add(words, "part of the %s, ", finding->kind == FINDING_PIN ? "PIN" : "key");
        if (strcmp(encoding, "raw") == 0)
            words_add(words, "raw %s", finding->kind == FINDING_PIN ? "text" : "key bytes");
        else
            words_add(words, "%s", encoding);
        return;
    }
    if (finding->matched < finding->of)
        words_add(words, "part of a%s ", schedule_words(finding)[0] == 'e' ? "n" : "");
    words_add(words, "%s", schedule_words(finding));
    words_add(words, "%s", NAME(whole, finding->bytes));
}

void words_matched(struct words *words, const struct finding *finding)
{
    const char *what = finding->kind == FINDING_SCHEDULE ? "round keys" : "bytes";

    words_add(words, "%u of %u %s", finding->matched, finding->of, what);
}

/* "libfoo.so's data": the last part of a path, and what this mapping of it is. */
static void add_file(struct words *words, const struct place *place)
{
    const char *name = strrchr(place->name, '/') + 1;
    size_t size = strlen(name);
    static const char deleted[] = " (deleted)";

    if (size > sizeof(deleted) - 1 && strcmp(name + size - (sizeof(deleted) - 1), deleted) == 0)
        size -= sizeof(deleted) - 1;
    words_add(words, "%.*s's %s", (int)(size > 80 ? 80 : size), name,
              place->permissions[2] == 'x'   ? "code"
              : place->permissions[1] == 'w' ? "data"
                                             : "constants");
}

static void add_mapping(struct words *words, const struct place *place)
{
    if (strcmp(place->name, "[heap]") == 0)
        words_add(words, "the heap");
    else if (strcmp(place->name, "[stack]") == 0)
        words_add(words, "the stack");
    else if (place->name[0] == '\0')
        words_add(words, "anonymous memory");
    else if (place->name[0] == '/')
        add_file(words, place);
    else
        words_add(words, "%.80s", place->name);
}

void words_place(struct words *words, const struct place *place)
{
    if (place->kind == PLACE_MAPPING) {
        add_mapping(words, place);
        return;
    }
    if (place->kind == PLACE_ENVIRONMENT)
        words_add(words, "the environment");
    else if (place->kind == PLACE_COMMAND_LINE)
        words_add(words, "the command line");
    else if (place->name[0] != '\0')
        words_add(words, "%.80s", place->name);
    else if (place->kind == PLACE_REGISTERS)
        words_add(words, "registers of thread %d", place->thread);
    else
        words_add(words, "a %s", place_kind_name(place->kind));
}

void words_where(struct words *words, const struct finding *finding, const struct place *place)
{
    if (finding->where != NULL)
        words_add(words, "%.400s", finding->where);
    else
        words_place(words, place);
}

void words_size(struct words *words, uint64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        words_add(words, "%u %s", (unsigned int)bytes, bytes == 1 ? "byte" : "bytes");
    else
        words_add(words, "%.1f %s", value, units[unit]);
}

void words_time(struct words *words, double milliseconds)
{
    if (milliseconds < 10)
        words_add(words, "%.2f ms", milliseconds);
    else if (milliseconds < 1000)
        words_add(words, "%.0f ms", milliseconds);
    else
        words_add(words, "%.1f s", milliseconds / 1000);
}
