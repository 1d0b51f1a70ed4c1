/* The tables of the HTML report: findings, controls, the ledger, the scans. */
#include "html-parts.h"

#include <inttypes.h>
#include <string.h>

enum {
    FINDINGS_MOST = 2000,
    PLACES_MOST = 20000,
    SCANS_MOST = 5000,
};

static void put_key(const struct html *html, const struct finding *finding)
{
    if (!html->settings->reveal || finding->key_bits == 0)
        return;
    fputs("<br /><code>", html->out);
    for (size_t i = 0; i < finding->key_bits / 8 && i < sizeof(finding->key); i++)
        fprintf(html->out, "%02x", finding->key[i]);
    fputs("</code>", html->out);
}

/* A cell, which on narrow screens is a line with its label. */
static void open_cell(const struct html *html, const char *label)
{
    fprintf(html->out, "<td data-label=\"%s\"><span>", label);
}

static void close_cell(const struct html *html)
{
    fputs("</span></td>", html->out);
}

static void put_where(const struct html *html, const struct sighting *sighting)
{
    const struct place *place = sighting->place;
    struct words where = { 0 };

    words_where(&where, sighting->finding, place);
    open_cell(html, "Where");
    html_name(html, where.text);
    fprintf(html->out, "<br /><span class=\"addr\">0x%" PRIx64 "</span>",
            sighting->finding->address);
    if (place->permissions[0] != '\0')
        fprintf(html->out, " <code>%.4s</code>", place->permissions);
    if (place->process != 0)
        fprintf(html->out, " in process %d", place->process);
    if (place->thread != 0)
        fprintf(html->out, ", thread %d", place->thread);
    close_cell(html);
}

static void put_finding(const struct html *html, const struct sighting *sighting)
{
    const struct finding *finding = sighting->finding;
    struct words form = { 0 }, matched = { 0 };

    words_form(&form, finding);
    words_matched(&matched, finding);
    fputs("<tr>", html->out);
    open_cell(html, "What");
    fprintf(html->out, "<span class=\"badge %s\">%s</span> %u", html_role_class(sighting->role),
            role_name(sighting->role), sighting->key);
    if (finding->owner != NULL || finding->used_by != NULL) {
        fputs("<br />", html->out);
        html_text(html, finding->owner != NULL ? finding->owner : finding->used_by);
    }
    close_cell(html);
    put_where(html, sighting);
    open_cell(html, "Form");
    if (finding->key_bits > 0)
        fprintf(html->out, "AES-%" PRIu32 ", ", finding->key_bits);
    html_text(html, form.text);
    put_key(html, finding);
    close_cell(html);
    open_cell(html, "Agree");
    html_text(html, matched.text);
    close_cell(html);
    open_cell(html, "In scans");
    fprintf(html->out, sighting->first == sighting->last ? "%zu" : "%zu to %zu (%zu)",
            sighting->first + 1, sighting->last + 1, sighting->times);
    close_cell(html);
    fputs("</tr>\n", html->out);
}

static const char findings_head[] =
    "<table class=\"stack\"><thead><tr><th>What</th><th>Where</th><th>Form</th><th>Agree</th>"
    "<th>In scans</th></tr></thead><tbody>\n";

/* Those that were planted, or those that were not. */
static void put_findings(const struct html *html, bool planted)
{
    const struct sightings *sightings = &html->sightings;
    const size_t all = planted ? sightings->of_role[ROLE_CANARY]
                               : sightings->count - sightings->of_role[ROLE_CANARY];
    size_t written = 0;

    fputs(findings_head, html->out);
    for (size_t i = 0; i < sightings->count && written < FINDINGS_MOST; i++) {
        if ((sightings->items[i].role == ROLE_CANARY) != planted)
            continue;
        put_finding(html, &sightings->items[i]);
        written++;
    }
    fputs("</tbody></table>\n", html->out);
    if (all > written)
        fprintf(html->out, "<p>%zu more are in the JSON report.</p>\n", all - written);
}

void html_findings(const struct html *html)
{
    const struct sightings *sightings = &html->sightings;
    const size_t planted = sightings->of_role[ROLE_CANARY];

    fputs("<section id=\"findings\" class=\"long\"><h2>Findings</h2>\n", html->out);
    if (sightings->count == planted) {
        fputs("<p>None: neither the key nor any other AES key.</p>\n", html->out);
    } else {
        fputs("<p>The wanted key and the PIN make the verdict. Other AES keys are told apart: "
              "programs have some of their own, such as those of random generators and TLS "
              "sessions. One number is one key.</p>\n",
              html->out);
        put_findings(html, false);
    }
    if (planted > 0) {
        fprintf(html->out, "<details><summary>Canaries: %u planted, seen in %zu places</summary>\n",
                sightings->keys_of[ROLE_CANARY], planted);
        put_findings(html, true);
        fputs("</details>\n", html->out);
    }
    fputs("</section>\n", html->out);
}

static void put_control(const struct html *html, const struct control *control)
{
    fputs("<tr>", html->out);
    open_cell(html, "Planted");
    html_name(html, control->name);
    close_cell(html);
    open_cell(html, "In");
    fputs(control->helper                                    ? "the self-test"
          : strcmp(control->name, CONTROL_SOFTWARE_RUN) == 0 ? "the same command"
                                                             : "the target",
          html->out);
    close_cell(html);
    open_cell(html, "Result");
    fprintf(html->out, "<span class=\"badge %s\">%s</span>", control->found ? "found" : "missed",
            control->found ? "found" : "not found");
    close_cell(html);
    open_cell(html, "In scans");
    if (control->of > 0)
        fprintf(html->out, "%u of %u", control->seen, control->of);
    close_cell(html);
    fputs("</tr>\n", html->out);
}

void html_controls(const struct html *html)
{
    const struct report *report = html->report;

    fputs("<section id=\"controls\" class=\"long\"><h2>Controls</h2>\n<p>Keys of our own, in "
          "different forms and places, which the same detectors must find. One that is missed "
          "leaves no negative verdict.</p>\n",
          html->out);
    if (report->control_count == 0) {
        fputs("<p>None was planted.</p></section>\n", html->out);
        return;
    }
    fputs("<table class=\"stack\"><thead><tr><th>Planted</th><th>In</th><th>Result</th>"
          "<th>In scans</th></tr></thead><tbody>\n",
          html->out);
    for (size_t i = 0; i < report->control_count; i++)
        put_control(html, &report->controls[i]);
    fputs("</tbody></table>\n</section>\n", html->out);
}

static void put_place(const struct html *html, const struct place *place)
{
    const bool problem = place->bytes.unreadable > 0 || place->bytes.swapped > 0;

    fprintf(html->out, "<tr%s><td class=\"name\">",
            problem                  ? " class=\"problem\""
            : place->bytes.read == 0 ? " class=\"zero\""
                                     : "");
    if (place->kind == PLACE_MAPPING)
        fprintf(html->out,
                "<span class=\"addr\">%" PRIx64 "-%" PRIx64 "</span> <code>%.4s</code><br />",
                place->start, place->end, place->permissions);
    else
        fprintf(html->out, "<span class=\"soft\">%s</span><br />", place_kind_name(place->kind));
    html_name(html, place->name[0] != '\0' ? place->name : "(anonymous)");
    if (place->guarded)
        fputs(" (memfd_secret)", html->out);
    fprintf(html->out,
            "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
            "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
            "</td><td class=\"n\">%" PRIu64 "</td></tr>\n",
            place->bytes.mapped, place->bytes.read, place->bytes.never_populated,
            place->bytes.unreadable, place->bytes.swapped);
}

static const char ledger_head[] =
    "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
    "aria-label=\"Table\"><table><thead><tr><th>Place</th><th class=\"n\">Mapped</th>"
    "<th class=\"n\">Read</th><th class=\"n\">Never filled</th><th class=\"n\">Unreadable</th>"
    "<th class=\"n\">Swapped</th></tr></thead><tbody>\n";

static void put_sums(const struct html *html, const struct place_sums *sums)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = { { "Mapped", sums->mapped },
                 { "Read", sums->read },
                 { "Never filled", sums->never_populated },
                 { "Unreadable", sums->unreadable },
                 { "Swapped", sums->swapped } };

    fprintf(html->out, "<dl><dt>Places</dt><dd>%zu</dd>\n", sums->places);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct words words = { 0 };

        words_size(&words, rows[i].bytes);
        fprintf(html->out, "<dt>%s</dt><dd>%" PRIu64 " bytes", rows[i].name, rows[i].bytes);
        if (rows[i].bytes >= 1024)
            fprintf(html->out, " (%s)", words.text);
        fputs("</dd>\n", html->out);
    }
    fputs("</dl>\n", html->out);
}

void html_ledger(const struct html *html)
{
    const struct ledger *ledger;
    struct place_sums sums;

    fputs(
        "<section id=\"ledger\" class=\"long\"><h2>The ledger, in bytes</h2>\n<p>For each place: "
        "mapped = read + never filled + unreadable. Never filled is memory that was set aside and "
        "not written to yet: the kernel has no page for it.</p>\n",
        html->out);
    if (html->shown == NULL) {
        fputs("<p>Nothing was read.</p></section>\n", html->out);
        return;
    }
    ledger = &html->shown->ledger;
    sums = ledger_sums(ledger);
    if (html->report->count > 1)
        fprintf(html->out, "<p>This is scan %zu; the sums of all scans are below.</p>\n",
                html->shown_index + 1);
    put_sums(html, &sums);
    fprintf(html->out, "<details><summary>Each place</summary>\n%s", ledger_head);
    for (size_t i = 0; i < ledger->count && i < PLACES_MOST; i++)
        put_place(html, &ledger->places[i]);
    fputs("</tbody></table></div>\n", html->out);
    if (ledger->count > PLACES_MOST)
        fprintf(html->out, "<p>%zu more are in the JSON report.</p>\n",
                ledger->count - PLACES_MOST);
    fputs("</details>\n", html->out);
    html_scans(html);
    fputs("</section>\n", html->out);
}

static void put_scan(const struct html *html, size_t index)
{
    const struct examination *examination = html->report->examinations[index];
    const struct place_sums sums = ledger_sums(&examination->ledger);
    struct words moment = { 0 };

    words_moment(&moment, examination);
    fprintf(html->out, "<tr><td class=\"n\">%zu</td><td class=\"name\">", index + 1);
    html_text(html, moment.text);
    if (examination->trouble[0] != '\0') {
        fputs("<br /><span class=\"soft\">", html->out);
        html_text(html, examination->trouble);
        fputs("</span>", html->out);
    }
    if (examination->remark[0] != '\0') {
        fputs("<br /><span class=\"soft\">", html->out);
        html_text(html, examination->remark);
        fputs("</span>", html->out);
    }
    fprintf(html->out,
            "</td><td class=\"n\">%.1f</td><td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>"
            "<td class=\"n\">%u</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
            "</td><td class=\"n\">%zu</td></tr>\n",
            examination->at, examination->frozen, examination->searched, examination->threads,
            sums.read, sums.unreadable, findings_count(examination->findings));
}

void html_scans(const struct html *html)
{
    const struct report *report = html->report;

    fprintf(
        html->out,
        "<details%s><summary>Each scan</summary>\n<div class=\"scroll\" role=\"region\" "
        "tabindex=\"0\" "
        "aria-label=\"Table\"><table><thead><tr>"
        "<th class=\"n\">Scan</th><th>At</th><th class=\"n\">After ms</th><th class=\"n\">Stood "
        "still ms</th><th class=\"n\">Searched ms</th><th class=\"n\">Threads</th>"
        "<th class=\"n\">Bytes read</th><th class=\"n\">Unreadable</th>"
        "<th class=\"n\">Findings</th></tr></thead><tbody>\n",
        report->count <= 20 ? " open=\"open\"" : "");
    for (size_t i = 0; i < report->count && i < SCANS_MOST; i++)
        put_scan(html, i);
    fputs("</tbody></table></div>\n", html->out);
    if (report->count > SCANS_MOST)
        fprintf(html->out, "<p>%zu more are in the JSON report.</p>\n", report->count - SCANS_MOST);
    fputs("</details>\n", html->out);
}
