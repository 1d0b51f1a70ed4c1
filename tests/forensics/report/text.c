/*
 * A report as text for people: 80 columns, colours where a terminal reads it.
 */
#include "writers.h"

#include <inttypes.h>
#include <string.h>

#include "escape.h"
#include "sightings.h"
#include "words.h"

enum {
    WIDTH = 80,
    SIGHTINGS_MOST = 40, /* of a role, unless everything was asked for */
};

struct page {
    FILE *out;
    const struct report *report;
    const struct writer_settings *settings;
};

static const char *colour(const struct page *page, const char *code)
{
    return page->settings->colour ? code : "";
}

static const char *plain(const struct page *page)
{
    return colour(page, "\033[0m");
}

static size_t columns_of_word(const char *text)
{
    size_t columns = 0, size;

    for (; *text != '\0' && *text != ' '; text += size)
        columns += escape_columns(text, &size);
    return columns;
}

/* Writes a paragraph from column `at` on; lines that follow begin at `indent`. */
static void put_wrapped(const struct page *page, const char *text, size_t at, size_t indent)
{
    while (*text != '\0') {
        const bool blank = *text == ' ';
        size_t size;
        const size_t columns = escape_columns(text, &size);

        if (at + columns + (blank ? columns_of_word(text + 1) : 0) > WIDTH && at > indent) {
            fprintf(page->out, "\n%*s", (int)indent, "");
            at = indent;
            if (blank) {
                text++;
                continue;
            }
        }
        escape_next(page->out, text, ESCAPE_TEXT);
        at += columns;
        text += size;
    }
    fputc('\n', page->out);
}

static const char *verdict_colour(const struct page *page, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_KEY_NOT_IN_MEMORY:
    case VERDICT_NO_AES_KEYS:
        return colour(page, "\033[1;32m");
    case VERDICT_KEY_FOUND:
        return colour(page, "\033[1;31m");
    default:
        return colour(page, "\033[1;33m");
    }
}

static void put_head(const struct page *page)
{
    const struct report *report = page->report;

    put_wrapped(page, report->target, 0, 0);
    fprintf(page->out, "\n%s%s%s\n", verdict_colour(page, report->verdict),
            verdict_name(report->verdict), plain(page));
    put_wrapped(page, report->sentence, 0, 0);
}

static void put_key(const struct page *page, const struct finding *finding)
{
    fprintf(page->out, "      key ");
    for (size_t i = 0; i < finding->key_bits / 8 && i < sizeof(finding->key); i++)
        fprintf(page->out, "%02x", finding->key[i]);
    fputc('\n', page->out);
}

static void put_sighting(const struct page *page, const struct sighting *sighting)
{
    const struct finding *finding = sighting->finding;
    const struct place *place = sighting->place;
    struct words words = { 0 };

    words_add(&words, "  %2u  ", sighting->key);
    if (finding->key_bits > 0)
        words_add(&words, "AES-%" PRIu32 " ", finding->key_bits);
    words_form(&words, finding);
    words_add(&words, ", ");
    words_matched(&words, finding);
    if (finding->owner != NULL)
        words_add(&words, ": %s", finding->owner);
    else if (finding->used_by != NULL)
        words_add(&words, ": %s", finding->used_by);
    put_wrapped(page, words.text, 0, 6);
    words = (struct words){ 0 };
    words_add(&words, "0x%" PRIx64 " in ", finding->address);
    if (finding->where == NULL && place->name[0] != '\0')
        words_add(&words, "%s", place->name);
    else
        words_where(&words, finding, place);
    if (place->permissions[0] != '\0')
        words_add(&words, " (%s)", place->permissions);
    if (place->process != 0)
        words_add(&words, ", process %d", place->process);
    if (page->report->count > 1)
        words_add(&words, "; scans %zu to %zu", sighting->first + 1, sighting->last + 1);
    fputs("      ", page->out);
    put_wrapped(page, words.text, 6, 6);
    if (page->settings->reveal && finding->key_bits > 0)
        put_key(page, finding);
}

static void put_role(const struct page *page, const struct sightings *sightings, enum role role)
{
    size_t shown = 0;

    if (sightings->of_role[role] == 0)
        return;
    fprintf(page->out, "\n%s%s%s\n", colour(page, "\033[1m"),
            role == ROLE_WANTED  ? "Where the key is"
            : role == ROLE_PIN   ? "Where the PIN is"
            : role == ROLE_OTHER ? page->report->verdict == VERDICT_AES_KEYS_FOUND
                                       ? "AES keys"
                                       : "Other AES keys, which do not make the verdict"
                                 : "Self-test keys of libraries, which are public",
            plain(page));
    for (size_t i = 0; i < sightings->count; i++) {
        if (sightings->items[i].role != role)
            continue;
        if (shown < SIGHTINGS_MOST || page->settings->everything)
            put_sighting(page, &sightings->items[i]);
        shown++;
    }
    if (shown > SIGHTINGS_MOST && !page->settings->everything)
        fprintf(page->out, "  and %zu more (--ledger shows all)\n", shown - SIGHTINGS_MOST);
}

static void put_conditions(const struct page *page)
{
    static const char *const colours[] = { "\033[32m", "\033[31m", "\033[2m" };

    fprintf(page->out, "\n%sConditions for a negative answer%s\n", colour(page, "\033[1m"),
            plain(page));
    for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
        const struct condition_result *result = &page->report->conditions[i];

        fprintf(page->out, "  %s%-5s%s  %-9s  ", colour(page, colours[result->state]),
                result->state == STATE_NOT_APPLICABLE ? "n/a" : condition_state_name(result->state),
                plain(page), condition_name((enum condition)i));
        put_wrapped(page, result->reason, 20, 20);
    }
}

static void put_controls(const struct page *page)
{
    const struct report *report = page->report;
    size_t missed = 0;

    for (size_t i = 0; i < report->control_count; i++)
        missed += !report->controls[i].found;
    if (missed == 0 && !page->settings->everything)
        return;
    fprintf(page->out, "\n%sControls%s\n", colour(page, "\033[1m"), plain(page));
    for (size_t i = 0; i < report->control_count; i++) {
        const struct control *control = &report->controls[i];

        fprintf(page->out, "  %-9s  ", control->found ? "found" : "NOT FOUND");
        put_wrapped(page, control->name, 13, 13);
    }
}

static void put_ledger(const struct page *page)
{
    fprintf(page->out, "\n%sLedger%s, in bytes\n", colour(page, "\033[1m"), plain(page));
    for (size_t i = 0; i < page->report->count; i++) {
        const struct examination *examination = page->report->examinations[i];
        struct words words = { 0 };

        words_add(&words, "Scan %zu, at ", i + 1);
        words_moment(&words, examination);
        put_wrapped(page, words.text, 0, 0);
        fprintf(page->out, "  %16s %14s %14s %12s  place\n", "mapped", "read", "never filled",
                "unreadable");
        for (size_t j = 0; j < examination->ledger.count; j++) {
            const struct place *place = &examination->ledger.places[j];

            fprintf(page->out, "  %16" PRIu64 " %14" PRIu64 " %14" PRIu64 " %12" PRIu64 "  ",
                    place->bytes.mapped, place->bytes.read, place->bytes.never_populated,
                    place->bytes.unreadable);
            if (place->kind == PLACE_MAPPING)
                fprintf(page->out, "%" PRIx64 "-%" PRIx64 " %s ", place->start, place->end,
                        place->permissions);
            escape_put(page->out, place->name[0] != '\0' ? place->name : "-", ESCAPE_TEXT);
            fputc('\n', page->out);
        }
    }
}

static void put_figures(const struct page *page)
{
    const struct report *report = page->report;
    double frozen = 0;
    struct words words = { 0 };

    for (size_t i = 0; i < report->count; i++)
        frozen =
            report->examinations[i]->frozen > frozen ? report->examinations[i]->frozen : frozen;
    words_add(&words, "%zu %s in ", report->count, report->count == 1 ? "scan" : "scans");
    words_time(&words, report->duration * 1000);
    if (frozen > 0) {
        words_add(&words, "; the target stood still for ");
        words_time(&words, frozen);
        words_add(&words, report->count > 1 ? " at most" : "");
    }
    if (report->count == 1 && report->examinations[0]->remark[0] != '\0')
        words_add(&words, "; %s", report->examinations[0]->remark);
    fputc('\n', page->out);
    put_wrapped(page, words.text, 0, 0);
}

bool report_text(const struct report *report, const struct writer_settings *settings, FILE *out)
{
    const struct page page = { out, report, settings };
    struct sightings sightings;

    sightings_collect(&sightings, report);
    put_head(&page);
    put_role(&page, &sightings, ROLE_WANTED);
    put_role(&page, &sightings, ROLE_PIN);
    put_role(&page, &sightings, ROLE_OTHER);
    put_role(&page, &sightings, ROLE_SELF_TEST);
    put_conditions(&page);
    put_controls(&page);
    if (settings->everything)
        put_ledger(&page);
    put_figures(&page);
    if (report->next[0] != '\0') {
        fprintf(out, "%sNext:%s ", colour(&page, "\033[1m"), plain(&page));
        put_wrapped(&page, report->next, 6, 6);
    }
    sightings_free(&sightings);
    return fflush(out) == 0 && ferror(out) == 0;
}
