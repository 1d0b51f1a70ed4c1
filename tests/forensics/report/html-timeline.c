/* Scans against PKCS#11 calls, over time: a picture for a run, a sentence for one scan. */
#include "html-parts.h"

#include <inttypes.h>
#include <string.h>

enum { DRAWN_MOST = 4000 };

static double end_of(const struct report *report)
{
    double end = 1;

    for (size_t i = 0; i < report->count; i++) {
        const struct examination *examination = report->examinations[i];

        if (examination->at + examination->frozen > end)
            end = examination->at + examination->frozen;
    }
    return end;
}

/* The return that belongs to an entry: the next of the same call. */
static size_t return_of(const struct report *report, size_t entry)
{
    for (size_t i = entry + 1; i < report->count; i++)
        if (report->examinations[i]->moment == MOMENT_RETURN &&
            strcmp(report->examinations[i]->call, report->examinations[entry]->call) == 0)
            return i;
    return entry;
}

static void put_call(const struct html *html, size_t entry, double end)
{
    const struct report *report = html->report;
    const double from = report->examinations[entry]->at;
    const double to = report->examinations[return_of(report, entry)]->at;
    const double width = 1000 * (to - from) / end;

    fprintf(html->out,
            "<rect class=\"t-call\" x=\"%.2f\" width=\"%.2f\" y=\"4\" height=\"24\"><title>",
            1000 * from / end, width > 1 ? width : 1);
    html_text(html, report->examinations[entry]->call);
    fprintf(html->out, ", scans %zu and %zu</title></rect>\n", entry + 1,
            return_of(report, entry) + 1);
}

static void put_scan(const struct html *html, size_t index, double end)
{
    const struct examination *examination = html->report->examinations[index];
    const double width = 1000 * examination->frozen / end;
    const bool found = sightings_wanted_in(html->report, index);
    struct words moment = { 0 };

    words_moment(&moment, examination);
    fprintf(html->out,
            "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" y=\"%d\" height=\"24\"><title>Scan %zu, "
            "at ",
            found ? "t-found" : "t-scan", 1000 * examination->at / end, width > 1.5 ? width : 1.5,
            36, index + 1);
    html_text(html, moment.text);
    fprintf(html->out, ": %s</title></rect>\n",
            found ? "the key is there" : "the key is not there");
}

static void put_picture(const struct html *html)
{
    const struct report *report = html->report;
    const double end = end_of(report);
    size_t found = 0;

    for (size_t i = 0; i < report->count; i++)
        found += sightings_wanted_in(report, i);
    fprintf(html->out,
            "<div class=\"strip time\"><svg viewBox=\"0 0 1000 64\" preserveAspectRatio=\"none\" "
            "role=\"img\" aria-label=\"%zu scans over %.0f ms; the key was there in %zu of "
            "them\">\n",
            report->count, end, found);
    for (size_t i = 0; i < report->count && i < DRAWN_MOST; i++)
        if (report->examinations[i]->moment == MOMENT_ENTRY)
            put_call(html, i, end);
    for (size_t i = 0; i < report->count && i < DRAWN_MOST; i++)
        put_scan(html, i, end);
    fprintf(html->out,
            "</svg></div><div class=\"axis\"><span>0 ms</span><span>%.0f ms</span></div>\n", end);
    if (report->count > DRAWN_MOST)
        fprintf(html->out, "<p>Drawn: the first %d scans of %zu.</p>\n", DRAWN_MOST, report->count);
    fprintf(html->out,
            "<ul class=\"legend\"><li><i class=\"t-call-i\"></i>a PKCS#11 call, from its entry to "
            "its return</li><li><i class=\"t-scan-i\"></i>a scan, as long as the target stood "
            "still: the key is not there</li><li><i class=\"t-found-i\"></i>a scan: the key is "
            "there (%zu of %zu)</li></ul>\n",
            found, report->count);
}

static void put_one(const struct html *html)
{
    const struct examination *examination = html->report->examinations[0];
    struct words frozen = { 0 }, searched = { 0 };

    words_time(&frozen, examination->frozen);
    words_time(&searched, examination->searched);
    if (html->report->kind == TARGET_PROCESSES)
        fprintf(html->out, "<p>One scan; the target stood still for %s. ", frozen.text);
    else
        fputs("<p>One scan. ", html->out);
    fprintf(html->out, "The search took %s.%s</p>\n", searched.text,
            html->report->kind != TARGET_PROCESSES ? ""
            : examination->copied_whole
                ? " All that was searched had been copied while the target stood still."
                : " What was not copied was searched while the target stood still.");
}

void html_timeline(const struct html *html)
{
    const struct report *report = html->report;

    fputs("<section id=\"timeline\"><h2>Timeline</h2>\n", html->out);
    if (report->count == 0) {
        fputs("<p>There was no scan.</p></section>\n", html->out);
        return;
    }
    if (report->kind != TARGET_RUN) {
        put_one(html);
    } else {
        struct words longest = { 0 };

        words_time(&longest, report->longest_unscanned);
        fprintf(html->out,
                "<p>%zu scans; %" PRIu64 " PKCS#11 calls; the longest stretch for which the target "
                "ran without being looked at took %s",
                report->count, report->calls, longest.text);
        if (report->dropped > 0)
            fprintf(html->out, "; %" PRIu64 " stops were passed over", report->dropped);
        fputs(".</p>\n", html->out);
        put_picture(html);
    }
    fputs("</section>\n", html->out);
}
