/*
 * A report as one HTML file for an auditor: it fetches nothing, needs no script, and allows none.
 */
#include "html-parts.h"

#include <time.h>

#include "escape.h"

void html_text(const struct html *html, const char *text)
{
    escape_put(html->out, text, ESCAPE_HTML);
}

void html_name(const struct html *html, const char *name)
{
    fputs("<bdi>", html->out);
    html_text(html, name);
    fputs("</bdi>", html->out);
}

const char *html_role_class(enum role role)
{
    static const char *const classes[] = { "wanted", "pin", "other", "selftest", "canary" };

    return (size_t)role < ROLE_COUNT ? classes[role] : "other";
}

static void put_time(const struct html *html)
{
    const time_t seconds = (time_t)html->report->when;
    char text[40] = "";
    struct tm parts;

    if (gmtime_r(&seconds, &parts) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
    html_text(html, text);
}

static void put_head(const struct html *html)
{
    const struct report *report = html->report;

    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'\" />\n<title>",
          html->out);
    fprintf(html->out, "%s: ", verdict_name(report->verdict));
    html_text(html, report->target);
    fprintf(html->out, "</title>\n<style>%s</style>\n</head>\n<body>\n", html_style);
    fputs("<header>\n<p class=\"over\">Memory examination by hsmzke-memscan, ", html->out);
    put_time(html);
    fputs("</p>\n<h1>", html->out);
    html_name(html, report->target);
    fputs("</h1>\n<nav aria-label=\"Parts\"><a href=\"#question\">Question</a>"
          "<a href=\"#conditions\">Conditions</a><a href=\"#findings\">Findings</a>"
          "<a href=\"#map\">Map</a><a href=\"#timeline\">Timeline</a>"
          "<a href=\"#controls\">Controls</a><a href=\"#ledger\">Ledger</a></nav>\n</header>\n"
          "<main>\n",
          html->out);
}

/* Red is a key that must not be there; that a program has AES keys of its own is no alarm. */
static const char *verdict_class(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_KEY_NOT_IN_MEMORY:
    case VERDICT_NO_AES_KEYS:
        return "good";
    case VERDICT_KEY_FOUND:
        return "bad";
    default:
        return "open";
    }
}

static void put_verdict(const struct html *html)
{
    const struct report *report = html->report;

    fprintf(html->out, "<section class=\"verdict %s\" id=\"verdict\" aria-label=\"Verdict\">\n",
            verdict_class(report->verdict));
    fprintf(html->out, "<h2>%s</h2>\n<p>", verdict_name(report->verdict));
    html_text(html, report->sentence);
    fputs("</p>\n", html->out);
    if (report->question.pin)
        fprintf(html->out, "<p>The PIN: <b>%s</b></p>\n", verdict_name(report->pin_verdict));
    if (report->next[0] != '\0') {
        fputs("<p class=\"next\"><b>Next:</b> ", html->out);
        html_text(html, report->next);
        fputs("</p>\n", html->out);
    }
    fputs("</section>\n", html->out);
}

static void put_term(const struct html *html, const char *term, const char *value)
{
    if (value[0] == '\0')
        return;
    fprintf(html->out, "<dt>%s</dt><dd>", term);
    html_name(html, value);
    fputs("</dd>\n", html->out);
}

static void put_asked(const struct html *html)
{
    const struct question *question = &html->report->question;

    if (!question->by_bytes && !question->by_oracle) {
        fputs("<p>No key was named: which AES keys are in memory, expanded for use?</p>\n",
              html->out);
        return;
    }
    fprintf(html->out, "<p>Is this key in memory, whole, %sencoded, or expanded for use?</p>\n",
            question->by_bytes ? "in pieces, " : "");
    if (question->by_oracle)
        fputs("<p>The examination did not have the key. The HSM encrypted one random block under "
              "it; whatever 32 bytes of memory encrypt that block to the same are the key (by "
              "chance: 2<sup>&#8722;128</sup>).</p>\n",
              html->out);
}

static void put_question(const struct html *html)
{
    const struct report *report = html->report;
    const struct question *question = &report->question;
    struct words words = { 0 };

    fputs("<section id=\"question\"><h2>The question</h2>\n", html->out);
    put_asked(html);
    fputs("<dl>\n", html->out);
    put_term(html, "Target", report->target);
    put_term(html, "Key in the HSM", question->reference);
    put_term(html, "Pair made by", question->mechanism);
    put_term(html, "Key from file", question->key_name);
    put_term(html, "PIN", question->pin ? "searched for as well" : "");
    put_term(html, "What holds for it", question->pin_note);
    put_term(html, "Host", report->host);
    put_term(html, "Kernel", report->kernel);
    put_term(html, "Processor", report->processor);
    put_term(html, "Detectors", report->detectors);
    put_term(html, "Code path", report->path);
    words_add(&words, "%zu in ", report->count);
    words_time(&words, 1000 * report->duration);
    put_term(html, "Scans", words.text);
    put_term(html, "Version", report->version);
    fputs("</dl>\n</section>\n", html->out);
}

static void put_conditions(const struct html *html)
{
    static const char *const classes[] = { "holds", "fails", "na" };

    fputs("<section id=\"conditions\"><h2>The six conditions</h2>\n<p>That something is not in "
          "memory is said only if none of these fails. What is found is found, whatever "
          "fails.</p>\n<ol class=\"conditions\">\n",
          html->out);
    for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
        const struct condition_result *result = &html->report->conditions[i];
        const char *class = classes[result->state];

        fprintf(html->out, "<li class=\"%s\"><span class=\"badge %s\">%s</span><b>%s</b><p>", class,
                class, condition_state_name(result->state), condition_title((enum condition)i));
        html_text(html, result->reason);
        fputs("</p></li>\n", html->out);
    }
    fputs("</ol>\n</section>\n", html->out);
}

static void put_foot(const struct html *html)
{
    fprintf(html->out,
            "</main>\n<footer><p>%s Names of mappings, threads and commands are the target's own; "
            "characters that cannot be shown stand as \\u and their number. This file fetches "
            "nothing and runs nothing.</p></footer>\n</body>\n</html>\n",
            html->settings->reveal
                ? "<b>This report holds keys (--reveal): protect it as you protect them.</b>"
                : "No key is in this report.");
}

/* The first scan with as many places as any: of later ones a run keeps the ledger in short. */
static void choose_shown(struct html *html)
{
    const struct report *report = html->report;

    for (size_t i = 0; i < report->count; i++) {
        if (html->shown != NULL &&
            report->examinations[i]->ledger.count <= html->shown->ledger.count)
            continue;
        html->shown = report->examinations[i];
        html->shown_index = i;
    }
}

bool report_html(const struct report *report, const struct writer_settings *settings, FILE *out)
{
    struct html html = { .out = out, .report = report, .settings = settings };

    sightings_collect(&html.sightings, report);
    choose_shown(&html);
    put_head(&html);
    put_verdict(&html);
    put_question(&html);
    put_conditions(&html);
    html_findings(&html);
    html_map(&html);
    html_timeline(&html);
    html_controls(&html);
    html_ledger(&html);
    put_foot(&html);
    sightings_free(&html.sightings);
    return fflush(out) == 0 && ferror(out) == 0;
}
