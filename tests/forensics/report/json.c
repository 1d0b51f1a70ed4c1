/*
 * A report as JSON for machines: docs/memscan-report.schema.json is its form.
 */
#include "writers.h"

#include <time.h>

#include "json-out.h"
#include "sightings.h"
#include "words.h"

static void put_time(struct json_out *json, const char *name, int64_t when)
{
    const time_t seconds = (time_t)when;
    char text[32] = "";
    struct tm parts;

    if (gmtime_r(&seconds, &parts) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_text(json, name, text);
}

static void put_question(struct json_out *json, const struct question *question)
{
    json_object(json, "question");
    json_bool(json, "by_bytes", question->by_bytes);
    json_bool(json, "by_oracle", question->by_oracle);
    json_bool(json, "pin", question->pin);
    json_text(json, "reference", question->reference);
    json_text(json, "mechanism", question->mechanism);
    json_text(json, "key_file", question->key_name);
    json_text(json, "pin_note", question->pin_note);
    json_object_end(json);
}

static void put_head(struct json_out *json, const struct report *report)
{
    json_text(json, "schema", "hsmzke-memscan-report-1");
    json_count(json, "status", (uint64_t)report_status(report));
    json_text(json, "verdict", verdict_name(report->verdict));
    if (report->question.pin)
        json_text(json, "pin_verdict", verdict_name(report->pin_verdict));
    json_text(json, "sentence", report->sentence);
    json_text(json, "next", report->next);
    json_text(json, "target", report->target);
    json_text(json, "kind", target_kind_name(report->kind));
    json_text(json, "version", report->version);
    put_time(json, "when", report->when);
    json_number(json, "duration_s", report->duration);
    json_text(json, "host", report->host);
    json_text(json, "kernel", report->kernel);
    json_text(json, "processor", report->processor);
    json_text(json, "code_path", report->path);
    json_text(json, "detectors", report->detectors);
    put_question(json, &report->question);
}

static void put_conditions(struct json_out *json, const struct report *report)
{
    json_object(json, "conditions");
    for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
        json_object(json, condition_name((enum condition)i));
        json_text(json, "state", condition_state_name(report->conditions[i].state));
        json_text(json, "reason", report->conditions[i].reason);
        json_object_end(json);
    }
    json_object_end(json);
}

static void put_controls(struct json_out *json, const struct report *report)
{
    json_array(json, "controls");
    for (size_t i = 0; i < report->control_count; i++) {
        const struct control *control = &report->controls[i];

        json_object(json, NULL);
        json_text(json, "name", control->name);
        json_bool(json, "found", control->found);
        json_text(json, "planted_in", control->helper ? "self-test" : "target");
        json_count(json, "seen", control->seen);
        json_count(json, "of", control->of);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_finding(struct json_out *json, const struct finding *finding)
{
    json_text(json, "detector", finding_kind_name(finding->kind));
    json_address(json, "address", finding->address);
    json_count(json, "size", finding->size);
    json_count(json, "key_bits", finding->key_bits);
    json_count(json, "matched", finding->matched);
    json_count(json, "of", finding->of);
    if (finding->kind == FINDING_SCHEDULE) {
        json_text(json, "order", schedule_order_name(finding->order));
        json_text(json, "transform", schedule_transform_name(finding->transform));
        json_text(json, "bytes", schedule_bytes_name(finding->bytes));
    } else {
        json_text(json, "encoding", finding->encoding != NULL ? finding->encoding : "raw");
    }
    if (finding->owner != NULL)
        json_text(json, "owner", finding->owner);
    if (finding->used_by != NULL)
        json_text(json, "used_by", finding->used_by);
}

static void put_sighting(struct json_out *json, const struct sighting *sighting, bool reveal)
{
    const struct finding *finding = sighting->finding;
    const struct place *place = sighting->place;
    struct words form = { 0 }, where = { 0 };

    words_form(&form, finding);
    words_where(&where, finding, place);
    json_object(json, NULL);
    json_text(json, "is", role_name(sighting->role));
    json_count(json, "number", sighting->key);
    json_text(json, "form", form.text);
    put_finding(json, finding);
    json_text(json, "where", where.text);
    json_text(json, "place", place->name);
    json_text(json, "place_kind", place_kind_name(place->kind));
    json_text(json, "permissions", place->permissions);
    json_count(json, "process", (uint64_t)place->process);
    json_count(json, "thread", (uint64_t)place->thread);
    json_count(json, "first_scan", sighting->first + 1);
    json_count(json, "last_scan", sighting->last + 1);
    json_count(json, "scans", sighting->times);
    if (reveal && finding->key_bits > 0 && finding->key_bits <= 8 * sizeof(finding->key))
        json_hex(json, "key", finding->key, finding->key_bits / 8);
    json_object_end(json);
}

static void put_bytes(struct json_out *json, uint64_t mapped, uint64_t read, uint64_t never,
                      uint64_t unreadable, uint64_t swapped)
{
    json_count(json, "mapped", mapped);
    json_count(json, "read", read);
    json_count(json, "never_populated", never);
    json_count(json, "unreadable", unreadable);
    json_count(json, "swapped", swapped);
}

static void put_places(struct json_out *json, const struct ledger *ledger)
{
    json_array(json, "places");
    for (size_t i = 0; i < ledger->count; i++) {
        const struct place *place = &ledger->places[i];

        json_object(json, NULL);
        json_text(json, "kind", place_kind_name(place->kind));
        json_text(json, "name", place->name);
        json_address(json, "start", place->start);
        json_address(json, "end", place->end);
        json_text(json, "permissions", place->permissions);
        json_count(json, "process", (uint64_t)place->process);
        json_count(json, "thread", (uint64_t)place->thread);
        json_bool(json, "guarded", place->guarded);
        put_bytes(json, place->bytes.mapped, place->bytes.read, place->bytes.never_populated,
                  place->bytes.unreadable, place->bytes.swapped);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_examination(struct json_out *json, const struct examination *examination,
                            bool everything)
{
    const struct place_sums sums = ledger_sums(&examination->ledger);

    json_object(json, NULL);
    json_text(json, "moment", moment_name(examination->moment));
    json_text(json, "call", examination->call);
    json_number(json, "at_ms", examination->at);
    json_number(json, "frozen_ms", examination->frozen);
    json_number(json, "searched_ms", examination->searched);
    json_count(json, "processes", examination->processes);
    json_count(json, "threads", examination->threads);
    json_count(json, "threads_missed", examination->threads_missed);
    json_count(json, "snapshot_bytes", examination->snapshot);
    json_bool(json, "copied_whole", examination->copied_whole);
    json_text(json, "left_out", examination->trouble);
    json_text(json, "remark", examination->remark);
    json_count(json, "findings", findings_count(examination->findings));
    json_object(json, "ledger");
    json_bool(json, "map_changed", examination->ledger.changed);
    put_bytes(json, sums.mapped, sums.read, sums.never_populated, sums.unreadable, sums.swapped);
    if (everything)
        put_places(json, &examination->ledger);
    json_object_end(json);
    json_object_end(json);
}

bool report_json(const struct report *report, const struct writer_settings *settings, FILE *out)
{
    struct json_out json = { .out = out };
    struct sightings sightings;

    sightings_collect(&sightings, report);
    json_object(&json, NULL);
    put_head(&json, report);
    put_conditions(&json, report);
    put_controls(&json, report);
    json_array(&json, "findings");
    for (size_t i = 0; i < sightings.count; i++)
        put_sighting(&json, &sightings.items[i], settings->reveal);
    json_array_end(&json);
    json_count(&json, "pkcs11_calls", report->calls);
    json_count(&json, "stops_passed_over", report->dropped);
    json_number(&json, "longest_unscanned_ms", report->longest_unscanned);
    json_array(&json, "scans");
    for (size_t i = 0; i < report->count; i++)
        put_examination(&json, report->examinations[i], settings->everything || i == 0);
    json_array_end(&json);
    json_object_end(&json);
    fputc('\n', out);
    sightings_free(&sightings);
    return fflush(out) == 0 && ferror(out) == 0;
}
