/* What the scanner saw: see seen.h. */
#include "seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../source/source.h"

/* vpaes and Crypto++ keep the first and the last round key in another form than the others. */
enum { WHOLE = 13 };

static void print_other(const struct finding *finding)
{
    printf("    another key, %s: AES-%u, %s, %u of %u round keys, at 0x%" PRIx64 ": ",
           finding->owner     ? finding->owner
           : finding->used_by ? finding->used_by
                              : "of nobody known",
           finding->key_bits, live_form_name(live_form_of(finding)), finding->matched, finding->of,
           finding->address);
    for (unsigned int i = 0; i < finding->key_bits / 8; i++)
        printf("%02x", finding->key[i]);
    putchar('\n');
}

static void count_schedule(struct seen *seen, const struct finding *finding,
                           const struct place *place, const unsigned char *key)
{
    if (key == NULL || finding->key_bits != 256 || memcmp(finding->key, key, 32) != 0) {
        print_other(finding);
        seen->nameless += finding->owner == NULL && finding->used_by == NULL;
        seen->mistaken += finding->sought >= 0;
        if (finding->owner != NULL)
            seen->owner = finding->owner;
        *(finding->owner != NULL ? &seen->selftest : &seen->strangers) += 1;
        return;
    }
    if (finding->matched >= WHOLE)
        seen->forms |= live_form_of(finding);
    seen->disowned += finding->sought != 0;
    *(place->kind == PLACE_REGISTERS ? &seen->in_registers : &seen->in_memory) += 1;
}

static void sight(struct sightings *sightings, const struct finding *finding)
{
    if (sightings->count < SEEN_MAX)
        sightings->at[sightings->count++] =
            (struct sighting){ finding->address, finding->matched, finding->of, finding->encoding };
}

static void count(struct seen *seen, const struct finding *finding, const struct place *place,
                  const unsigned char *key)
{
    switch (finding->kind) {
    case FINDING_SCHEDULE:
        count_schedule(seen, finding, place, key);
        break;
    case FINDING_KNOWN_KEY:
        sight(&seen->known, finding);
        break;
    case FINDING_ORACLE_KEY:
        sight(&seen->oracle, finding);
        break;
    case FINDING_PIN:
        break;
    }
}

/* Whatever could not be read would make a miss no miss. */
static bool complete(const struct examination *examination)
{
    const struct place_sums sums = ledger_sums(&examination->ledger);

    if (examination->threads_missed == 0 && sums.unreadable == 0 && sums.swapped == 0 &&
        sums.read > 0 && !findings_overflowed(examination->findings))
        return true;
    printf("    not all was read: %" PRIu64 " bytes unreadable, %" PRIu64 " swapped. %s\n",
           sums.unreadable, sums.swapped, examination->trouble);
    return false;
}

bool seen_look(struct seen *seen, const struct scanner *scanner, pid_t process,
               const unsigned char *key)
{
    const struct source_settings settings = { .scanner = scanner, .workers = 1 };
    struct examination *examination = examination_new();
    struct source_trouble why = { "" };
    bool good;

    *seen = (struct seen){ 0 };
    if (examination == NULL)
        return false;
    good = source_processes(&process, 1, &settings, examination, &why);
    if (!good)
        printf("    not read: %s\n", why.text);
    good = good && complete(examination);
    for (size_t i = 0; i < findings_count(examination->findings); i++) {
        const struct finding *finding = findings_at(examination->findings, i);

        count(seen, finding, &examination->ledger.places[finding->place], key);
    }
    examination_free(examination);
    return good;
}

const char *sightings_best(const struct sightings *sightings)
{
    const struct sighting *best = NULL;

    for (unsigned int i = 0; i < sightings->count; i++)
        if (best == NULL || sightings->at[i].matched > best->matched)
            best = &sightings->at[i];
    return best == NULL ? NULL : best->encoding;
}

/* The oracle search tells fewer forms of text apart: its "hex" is also "hex, upper case". */
bool sightings_have(const struct sightings *sightings, const char *encoding)
{
    for (unsigned int i = 0; i < sightings->count; i++)
        if (strcmp(sightings->at[i].encoding, encoding) == 0)
            return true;
    return false;
}

/* A plain schedule begins with the key. */
static bool begins_with_key(const struct sighting *sighting)
{
    return sighting->matched == sighting->of && (strcmp(sighting->encoding, "raw") == 0 ||
                                                 strcmp(sighting->encoding, "key schedule") == 0);
}

static bool seen_raw_at(const struct sightings *oracle, uint64_t address)
{
    for (unsigned int i = 0; i < oracle->count; i++)
        if (oracle->at[i].address == address && strcmp(oracle->at[i].encoding, "raw") == 0)
            return true;
    return false;
}

bool seen_agree(const struct seen *by_bytes, const struct seen *by_oracle)
{
    for (unsigned int i = 0; i < by_bytes->known.count; i++) {
        const struct sighting *sighting = &by_bytes->known.at[i];

        if (begins_with_key(sighting) && !seen_raw_at(&by_oracle->oracle, sighting->address)) {
            printf("    the oracle search missed the key at 0x%" PRIx64 "\n", sighting->address);
            return false;
        }
    }
    return true;
}
