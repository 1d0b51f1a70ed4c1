/* The verdict in words: see sentence.h. */
#include "sentence.h"

#include <stdio.h>
#include <string.h>

#include "conditions.h"

enum { GROUPS_MOST = 4 };

/* Keys of one form in one kind of place. */
struct group {
    struct words what, where;
    unsigned int keys;
};

struct groups {
    struct group items[GROUPS_MOST];
    size_t count;
    unsigned int more; /* keys that found no room */
};

static void group_add(struct groups *groups, const struct words *what, const struct words *where)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->items[i];

        if (strcmp(group->what.text, what->text) == 0 &&
            strcmp(group->where.text, where->text) == 0) {
            group->keys++;
            return;
        }
    }
    if (groups->count == GROUPS_MOST) {
        groups->more++;
        return;
    }
    groups->items[groups->count++] = (struct group){ .what = *what, .where = *where, .keys = 1 };
}

/* "encrypt schedule, decrypt schedule": what a key is in the place where it was seen first; or what
 * uses it, if that shows. */
static size_t forms_of_key(struct words *what, struct words *where,
                           const struct sightings *sightings, size_t first)
{
    const struct sighting *key = &sightings->items[first];
    const char *used_by = NULL;
    size_t i;

    words_place(where, key->place);
    for (i = first; i < sightings->count && sightings->items[i].role == key->role &&
                    sightings->items[i].key == key->key;
         i++) {
        struct words place = { 0 }, form = { 0 };

        words_place(&place, sightings->items[i].place);
        words_form(&form, sightings->items[i].finding);
        if (sightings->items[i].finding->used_by != NULL)
            used_by = sightings->items[i].finding->used_by;
        if (strcmp(place.text, where->text) == 0 && strstr(what->text, form.text) == NULL)
            words_add(what, "%s%s", what->size > 0 ? ", " : "", form.text);
    }
    if (used_by != NULL) {
        *what = (struct words){ 0 };
        words_add(what, "%s", used_by);
    }
    return i;
}

static const char *plural(const struct group *group)
{
    const size_t size = group->what.size;
    const bool schedule = size >= 8 && strcmp(group->what.text + size - 8, "schedule") == 0;

    return group->keys > 1 && schedule && strchr(group->what.text, ',') == NULL ? "s" : "";
}

/* "3 AES keys: 2 in the heap (encrypt schedules), 1 in libfoo.so's data (decrypt schedule)" */
static void add_keys(struct words *words, const struct sightings *sightings, const char *which)
{
    const unsigned int keys = sightings->keys_of[ROLE_OTHER];
    struct groups groups = { 0 };

    for (size_t i = 0; i < sightings->count;) {
        struct words what = { 0 }, where = { 0 };

        if (sightings->items[i].role != ROLE_OTHER) {
            i++;
            continue;
        }
        i = forms_of_key(&what, &where, sightings, i);
        group_add(&groups, &what, &where);
    }
    words_add(words, "%u %sAES %s%s ", keys, which, keys == 1 ? "key" : "keys",
              groups.count > 1 ? ":" : "");
    for (size_t i = 0; i < groups.count; i++) {
        const struct group *group = &groups.items[i];

        if (groups.count > 1)
            words_add(words, "%s%u ", i > 0 ? ", " : "", group->keys);
        words_add(words, "in %.100s (%.120s%s)", group->where.text, group->what.text,
                  plural(group));
    }
    if (groups.more > 0)
        words_add(words, ", %u elsewhere", groups.more);
}

/* "encrypt schedule in the heap, raw key bytes in registers of thread 12" */
static void add_places(struct words *words, const struct sightings *sightings, enum role role)
{
    struct groups groups = { 0 };

    for (size_t i = 0; i < sightings->count; i++) {
        struct words what = { 0 }, where = { 0 };

        if (sightings->items[i].role != role)
            continue;
        words_form(&what, sightings->items[i].finding);
        words_place(&where, sightings->items[i].place);
        group_add(&groups, &what, &where);
    }
    for (size_t i = 0; i < groups.count; i++) {
        const struct group *group = &groups.items[i];

        words_add(words, "%s%.80s in %.80s", i > 0 ? ", " : "", group->what.text,
                  group->where.text);
        if (group->keys > 1)
            words_add(words, " (%u times)", group->keys);
    }
    if (groups.more > 0)
        words_add(words, ", and in %u more places", groups.more);
}

void sentence_subject(struct words *words, const struct report *report, bool inside)
{
    const struct question *question = &report->question;

    words_add(words, inside ? "the key" : "The key");
    if (question->reference[0] != '\0')
        words_add(words, " %s", question->reference);
    else if (question->key_name[0] != '\0')
        words_add(words, " of %s", question->key_name);
}

/* Since when and until when, in a run. */
static void add_moments(struct words *words, const struct report *report,
                        const struct sightings *sightings)
{
    size_t first = report->count, last = 0, there = 0;

    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *sighting = &sightings->items[i];

        if (sighting->role != ROLE_WANTED)
            continue;
        first = sighting->first < first ? sighting->first : first;
        last = sighting->last > last ? sighting->last : last;
    }
    if (report->kind != TARGET_RUN || first >= report->count)
        return;
    for (size_t i = first; i <= last; i++)
        there += sightings_wanted_in(report, i);
    words_add(words, "; first seen %s", first > 0 ? "between " : "at ");
    if (first > 0) {
        words_moment(words, report->examinations[first - 1]);
        words_add(words, " and ");
    }
    words_moment(words, report->examinations[first]);
    words_add(words, ", last at ");
    words_moment(words, report->examinations[last]);
    words_add(words, ", in %zu of %zu scans", there, report->count);
}

static void say_found(struct words *words, const struct report *report,
                      const struct sightings *sightings)
{
    sentence_subject(words, report, false);
    words_add(words, " is in memory: ");
    add_places(words, sightings, ROLE_WANTED);
    add_moments(words, report, sightings);
    words_add(words, ".");
}

static void say_not_there(struct words *words, const struct report *report)
{
    sentence_subject(words, report, false);
    switch (report->kind) {
    case TARGET_PROCESSES:
        words_add(words, " was not in the memory of %.160s at the moment of the scan.",
                  report->target);
        break;
    case TARGET_RUN:
        words_add(words, " was not in the memory of the command in any of %zu scans.",
                  report->count);
        break;
    default:
        words_add(words, " is not in the bytes of %.160s.", report->target);
    }
}

static void say_inconclusive(struct words *words, const struct report *report)
{
    const char *between = "";

    if (report->question.by_bytes || report->question.by_oracle)
        sentence_subject(words, report, false);
    else
        words_add(words, "An AES key in use");
    words_add(words,
              " was not found, but that %s is not there cannot be said, for these "
              "conditions fail: ",
              report->question.by_bytes || report->question.by_oracle ? "it" : "one");
    for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
        if (report->conditions[i].state != STATE_FAILS)
            continue;
        words_add(words, "%s%s", between, condition_name((enum condition)i));
        between = ", ";
    }
    words_add(words, ".");
}

static void say_pin(struct words *words, const struct report *report,
                    const struct sightings *sightings)
{
    if (!report->question.pin)
        return;
    switch (report->pin_verdict) {
    case VERDICT_KEY_FOUND:
        words_add(words, " The PIN is in memory: ");
        add_places(words, sightings, ROLE_PIN);
        if (report->question.pin_note[0] == '\0')
            words_add(words, ".");
        break;
    case VERDICT_KEY_NOT_IN_MEMORY:
        words_add(words, " The PIN was not found either.");
        break;
    default:
        words_add(words, " The PIN was not found, which is inconclusive%s",
                  report->question.pin_note[0] != '\0' ? "" : ", too.");
    }
    if (report->question.pin_note[0] != '\0')
        words_add(words, ": %s.", report->question.pin_note);
}

void sentence_write(struct report *report, const struct sightings *sightings)
{
    struct words words = { 0 };

    switch (report->verdict) {
    case VERDICT_KEY_FOUND:
        say_found(&words, report, sightings);
        break;
    case VERDICT_KEY_NOT_IN_MEMORY:
        say_not_there(&words, report);
        break;
    case VERDICT_INCONCLUSIVE:
        say_inconclusive(&words, report);
        break;
    case VERDICT_AES_KEYS_FOUND:
        add_keys(&words, sightings, "");
        words_add(&words, ".");
        break;
    case VERDICT_NO_AES_KEYS:
        words_add(&words, "No AES key schedule is in %.200s.", report->target);
        break;
    }
    if (report->verdict != VERDICT_AES_KEYS_FOUND && sightings->of_role[ROLE_OTHER] > 0) {
        words_add(&words, " Beside it, ");
        add_keys(&words, sightings, "other ");
        words_add(&words, ".");
    }
    say_pin(&words, report, sightings);
    snprintf(report->sentence, sizeof(report->sentence), "%s", words.text);
}

/* What helps against the first condition that fails. */
static const char *cure(const struct report *report)
{
    switch (conditions_first_failing(report)) {
    case CONDITION_LEDGER:
        return "The ledger (--ledger, --html) shows which place it is. Swapped pages: swapoff. "
               "A changed map: scan once more.";
    case CONDITION_THREADS:
        return "Run as root, or as the same user with kernel.yama.ptrace_scope = 0, and with no "
               "debugger attached to the target.";
    case CONDITION_ELSEWHERE:
        return report->kind == TARGET_CORE
                   ? "Scan the process while it lives: hsmzke-memscan pid PID. With `image` the "
                     "verdict is about the bytes of the file alone."
                   : "Run as root: then /proc/PID/fd of all target processes can be opened.";
    case CONDITION_CONTROLS:
        return "hsmzke-memscan self-test shows what this machine finds. A run without canaries in "
               "the target proves nothing.";
    case CONDITION_MOMENTS:
        return "Run without --every and --budget, and with a command that uses the key.";
    default:
        return "Run without --without, and with enough memory.";
    }
}

static const char *next_found(const struct report *report)
{
    return report->kind == TARGET_RUN
               ? "A PKCS#11 module that computes in the process (SoftHSM, NSS) brings the key "
                 "there: put it in another process, of another user (docs/hsm-setup.md)."
               : "To see which PKCS#11 call brings it there: hsmzke-memscan run -- COMMAND. A "
                 "module that computes in the process (SoftHSM, NSS) does.";
}

void sentence_next(struct report *report)
{
    const char *text = "";

    switch (report->verdict) {
    case VERDICT_KEY_FOUND:
        text = next_found(report);
        break;
    case VERDICT_KEY_NOT_IN_MEMORY:
        text = report->kind == TARGET_PROCESSES
                   ? "To look at every PKCS#11 call and not at one moment: hsmzke-memscan run -- "
                     "COMMAND."
               : report->kind == TARGET_RUN
                   ? "--syscalls looks at system calls inside the PKCS#11 calls too."
                   : "";
        break;
    case VERDICT_INCONCLUSIVE:
        text = cure(report);
        break;
    case VERDICT_AES_KEYS_FOUND:
        text = "To ask whether one of them is a key of your HSM: --reference hsmzke:NAME, or "
               "--key FILE. Programs have AES keys of their own: OpenSSL's random generator, TLS "
               "sessions.";
        break;
    case VERDICT_NO_AES_KEYS:
        text = "Only keys that are expanded for use can be seen without knowing them. To find the "
               "bytes of one as well: --reference hsmzke:NAME, or --key FILE.";
        break;
    }
    snprintf(report->next, sizeof(report->next), "%s", text);
}
