/*
 * The address space of each process as pictures: what lies together is a row that is to scale;
 * between rows lie gaps, which are not drawn but told.  A bar is filled as high as its part that
 * was in memory.
 */
#include "html-parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROCESSES_MOST = 8,
    ROWS_MOST = 24,
    NAMES_MOST = 4,
    GAP = 6,     /* units of the viewBox */
    STEPS = 400, /* of a row: findings in the same step are one mark */
};

static const double width = 1000; /* of a row, in units of its viewBox */

/* A process's mappings in the order of their addresses. */
struct map {
    const struct place **places;
    size_t count;
    int process;
};

/* Mappings without a large gap between them. */
struct row {
    size_t from, to; /* in map.places */
    uint64_t start, end;
};

static int by_start(const void *one, const void *other)
{
    const struct place *const *a = one, *const *b = other;

    return (*a)->start < (*b)->start ? -1 : (*a)->start > (*b)->start;
}

static bool map_make(struct map *map, const struct ledger *ledger, int process)
{
    map->places = calloc(ledger->count > 0 ? ledger->count : 1, sizeof(*map->places));
    map->count = 0;
    map->process = process;
    if (map->places == NULL)
        return false;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct place *place = &ledger->places[i];

        if ((place->kind == PLACE_MAPPING || place->kind == PLACE_FILE) &&
            place->process == process && place->end > place->start)
            map->places[map->count++] = place;
    }
    if (map->count > 0)
        qsort(map->places, map->count, sizeof(*map->places), by_start);
    return true;
}

/* @return how many rows there are when gaps of more than `gap` part them; enters the first ones */
static size_t make_rows(const struct map *map, uint64_t gap, struct row rows[ROWS_MOST])
{
    size_t count = 0;

    for (size_t i = 0; i < map->count; i++) {
        const struct place *place = map->places[i];

        if (i > 0 && place->start <= map->places[i - 1]->end + gap) {
            if (count <= ROWS_MOST) {
                rows[count - 1].to = i + 1;
                if (place->end > rows[count - 1].end)
                    rows[count - 1].end = place->end;
            }
            continue;
        }
        if (count < ROWS_MOST)
            rows[count] = (struct row){ i, i + 1, place->start, place->end };
        count++;
    }
    return count;
}

static const char *class_of(const struct place *place)
{
    const char *name = place->name;

    if (place->kind == PLACE_FILE)
        return "anon";
    if (strncmp(name, "[v", 2) == 0)
        return "special";
    if (place->permissions[2] == 'x')
        return "code";
    if (strncmp(place->permissions, "---", 3) == 0)
        return "none";
    if (strncmp(name, "[heap", 5) == 0)
        return "heap";
    if (strstr(name, "stack") != NULL && name[0] != '/')
        return "stack";
    if (name[0] == '/')
        return place->permissions[1] == 'w' ? "data" : "const";
    return "anon";
}

static double position(const struct row *row, uint64_t address)
{
    return width * (double)(address - row->start) / (double)(row->end - row->start);
}

static void put_rect(const struct html *html, const char *class, double x, double w, double part,
                     double from_top)
{
    if (part > 0)
        fprintf(html->out,
                "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" y=\"%.2f\" height=\"%.2f\"/>", class,
                x, w, 32 * from_top, 32 * part);
}

static void put_title(const struct html *html, const struct place *place)
{
    struct words size = { 0 };

    words_size(&size, place->end - place->start);
    fprintf(html->out, "<title>%" PRIx64 "-%" PRIx64 " %.4s %s ", place->start, place->end,
            place->permissions, size.text);
    html_text(html, place->name);
    fputs("</title>", html->out);
}

/* Faint: set aside; full: was in memory and read; red, from above: could not be read. */
static void put_bar(const struct html *html, const struct row *row, const struct place *place)
{
    const double x = position(row, place->start), end = position(row, place->end);
    const double all = (double)place->bytes.mapped;
    const double read = all > 0 ? (double)place->bytes.read / all : 0;
    const double unread = all > 0 ? (double)place->bytes.unreadable / all : 0;
    char class[32];

    fputs("<g>", html->out);
    put_title(html, place);
    snprintf(class, sizeof(class), "k-%s faint", class_of(place));
    put_rect(html, class, x, end - x, 1, 0);
    snprintf(class, sizeof(class), "k-%s", class_of(place));
    put_rect(html, class, x, end - x, read, 1 - read);
    put_rect(html, "k-unread", x, end - x, unread, 0);
    fputs("</g>\n", html->out);
}

/* Names of a row, each once, the first few. */
static void put_names(const struct html *html, const struct map *map, const struct row *row)
{
    const char *names[NAMES_MOST];
    size_t count = 0, more = 0;

    for (size_t i = row->from; i < row->to; i++) {
        const char *name = map->places[i]->name;
        bool known = name[0] == '\0';

        for (size_t j = 0; j < count && !known; j++)
            known = strcmp(names[j], name) == 0;
        if (known)
            continue;
        if (count < NAMES_MOST)
            names[count++] = name;
        else if (i == row->from || strcmp(map->places[i - 1]->name, name) != 0)
            more++;
    }
    for (size_t i = 0; i < count; i++) {
        const char *last = names[i][0] == '/' ? strrchr(names[i], '/') + 1 : names[i];

        fputs(i > 0 ? ", " : ": ", html->out);
        html_name(html, last);
    }
    if (more > 0)
        fprintf(html->out, ", %zu more", more);
}

static unsigned int count_in(const struct html *html, const struct map *map, const struct row *row,
                             enum role role)
{
    unsigned int count = 0;

    for (size_t i = 0; i < html->sightings.count; i++) {
        const struct sighting *sighting = &html->sightings.items[i];

        count += sighting->role == role && sighting->place->process == map->process &&
                 (sighting->place->kind == PLACE_MAPPING || sighting->place->kind == PLACE_FILE) &&
                 sighting->finding->address >= row->start && sighting->finding->address < row->end;
    }
    return count;
}

/* A mark for each step of the row that has findings of a role. */
static void put_marks(const struct html *html, const struct map *map, const struct row *row,
                      enum role role)
{
    unsigned int steps[STEPS] = { 0 };

    if (count_in(html, map, row, role) == 0)
        return;
    for (size_t i = 0; i < html->sightings.count; i++) {
        const struct sighting *sighting = &html->sightings.items[i];
        const uint64_t address = sighting->finding->address;

        if (sighting->role != role || sighting->place->process != map->process ||
            (sighting->place->kind != PLACE_MAPPING && sighting->place->kind != PLACE_FILE) ||
            address < row->start || address >= row->end)
            continue;
        steps[(size_t)(position(row, address) / width * STEPS)]++;
    }
    for (size_t i = 0; i < STEPS; i++)
        if (steps[i] > 0)
            fprintf(html->out,
                    "<span class=\"mark %s\" style=\"left:%.2f%%\" title=\"%s: %u\"></span>",
                    html_role_class(role), 100.0 * ((double)i + 0.5) / STEPS, role_name(role),
                    steps[i]);
}

static void put_row(const struct html *html, const struct map *map, const struct row *row)
{
    struct words size = { 0 };

    words_size(&size, row->end - row->start);
    fprintf(html->out,
            "<div class=\"row\"><p><span class=\"addr\">%" PRIx64 "-%" PRIx64 "</span>, %s",
            row->start, row->end, size.text);
    put_names(html, map, row);
    fputs("</p><div class=\"strip\">", html->out);
    fprintf(html->out,
            "<svg viewBox=\"0 0 1000 32\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"%zu mappings, %s; findings of the wanted key: %u, of other AES keys: "
            "%u\">\n",
            row->to - row->from, size.text, count_in(html, map, row, ROLE_WANTED),
            count_in(html, map, row, ROLE_OTHER));
    for (size_t i = row->from; i < row->to; i++)
        put_bar(html, row, map->places[i]);
    fputs("</svg>", html->out);
    for (unsigned int role = ROLE_COUNT; role-- > 0;)
        put_marks(html, map, row, (enum role)role);
    fputs("</div></div>\n", html->out);
}

static void put_gap(const struct html *html, uint64_t bytes)
{
    struct words size = { 0 };

    words_size(&size, bytes);
    fprintf(html->out, "<div class=\"gap\">%s with nothing mapped (not to scale)</div>\n",
            size.text);
}

/* All rows at one scale, with a thin line for each gap. */
static void put_whole(const struct html *html, const struct map *map, const struct row *rows,
                      size_t count)
{
    struct words size = { 0 };
    uint64_t all = 0;
    double x = 0;

    for (size_t i = 0; i < count; i++)
        all += rows[i].end - rows[i].start;
    words_size(&size, all);
    fprintf(html->out,
            "<p class=\"soft\">All rows at one scale, %s:</p><div class=\"strip\">"
            "<svg viewBox=\"0 0 1000 32\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"all rows at one scale\">\n",
            size.text);
    for (size_t i = 0; i < count; i++) {
        const double w = (width - GAP * (double)(count - 1)) *
                         (double)(rows[i].end - rows[i].start) / (double)all;

        fprintf(html->out,
                "<svg x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"32\" viewBox=\"0 0 1000 32\" "
                "preserveAspectRatio=\"none\">\n",
                x, w);
        for (size_t j = rows[i].from; j < rows[i].to; j++)
            put_bar(html, &rows[i], map->places[j]);
        fputs("</svg>\n", html->out);
        x += w + GAP;
        if (i + 1 < count)
            fprintf(html->out,
                    "<rect class=\"cut\" x=\"%.2f\" y=\"0\" width=\"1\" "
                    "height=\"32\"/>\n",
                    x - GAP / 2.0);
    }
    fputs("</svg></div>\n", html->out);
}

static void put_process(const struct html *html, const struct map *map)
{
    struct row rows[ROWS_MOST];
    uint64_t gap = UINT64_C(4) << 20;
    size_t count;

    while ((count = make_rows(map, gap, rows)) > ROWS_MOST)
        gap *= 4;
    if (map->process != 0)
        fprintf(html->out, "<h3>Process %d</h3>\n", map->process);
    if (count > 1)
        put_whole(html, map, rows, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_gap(html, rows[i].start - rows[i - 1].end);
        put_row(html, map, &rows[i]);
    }
}

static void put_legend(const struct html *html)
{
    static const char *const kinds[][2] = {
        { "code", "code" },      { "const", "constants" },  { "data", "data of files" },
        { "heap", "heap" },      { "anon", "anonymous" },   { "stack", "stack" },
        { "none", "no access" }, { "special", "kernel's" }, { "unread", "could not be read" },
    };

    fputs("<ul class=\"legend\">", html->out);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        fprintf(html->out, "<li><i class=\"k-%s\"></i>%s</li>", kinds[i][0], kinds[i][1]);
    for (unsigned int role = 0; role < ROLE_COUNT; role++)
        if (html->sightings.of_role[role] > 0)
            fprintf(html->out, "<li><i class=\"mark %s\"></i> %s</li>",
                    html_role_class((enum role)role), role_name((enum role)role));
    fputs("</ul>\n", html->out);
}

/* Findings that have no address in a map. */
static void put_unmapped(const struct html *html)
{
    size_t count = 0;

    for (size_t i = 0; i < html->sightings.count; i++)
        count += html->sightings.items[i].place->kind != PLACE_MAPPING &&
                 html->sightings.items[i].place->kind != PLACE_FILE;
    if (count > 0)
        fprintf(html->out,
                "<p>%zu of the findings lie where no map shows them: registers, memfds, pipes, "
                "environment. The table of findings has them.</p>\n",
                count);
}

/* The next process number above `after` that has mappings; -1 if there is none. */
static int next_process(const struct ledger *ledger, int after)
{
    int next = -1;

    for (size_t i = 0; i < ledger->count; i++) {
        const struct place *place = &ledger->places[i];

        if ((place->kind == PLACE_MAPPING || place->kind == PLACE_FILE) && place->process > after &&
            (next < 0 || place->process < next))
            next = place->process;
    }
    return next;
}

void html_map(const struct html *html)
{
    int process = -1;
    size_t shown = 0;

    fputs("<section id=\"map\" class=\"long\"><h2>Map</h2>\n", html->out);
    if (html->shown == NULL) {
        fputs("<p>Nothing was read.</p></section>\n", html->out);
        return;
    }
    fputs("<p>Each row is to scale by itself; gaps between rows are told and not drawn. A bar is "
          "filled as "
          "high as the part of it that was in memory and was read; the faint rest was set aside "
          "and never filled.</p>\n",
          html->out);
    if (html->report->count > 1)
        fprintf(html->out, "<p>This is scan %zu, with what was found in all scans.</p>\n",
                html->shown_index + 1);
    put_legend(html);
    put_unmapped(html);
    while ((process = next_process(&html->shown->ledger, process)) >= 0) {
        struct map map;

        if (++shown <= PROCESSES_MOST && map_make(&map, &html->shown->ledger, process)) {
            put_process(html, &map);
            free(map.places);
        }
    }
    if (shown > PROCESSES_MOST)
        fprintf(html->out, "<p>%zu more processes are in the ledger below.</p>\n",
                shown - PROCESSES_MOST);
    fputs("</section>\n", html->out);
}
