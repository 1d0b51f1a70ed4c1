/* Looks for a PIN: see pin-search.h. */
#include "pin-search.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "testing.h"

#include "../forensics/scan/pin.h"
#include "../forensics/source/source.h"

static const char *piece_of(const char *pin, size_t piece)
{
    return text("%.*s", PIN_PIECE, pin + piece * PIN_PIECE);
}

static size_t pieces(const char *pin)
{
    return strlen(pin) / PIN_PIECE;
}

static bool is_strong(const char *pin)
{
    for (size_t i = 0; i < pieces(pin); i++)
        if (pin_weakness(piece_of(pin, i)) != NULL)
            return false;
    return true;
}

const char *pin_make(size_t size)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char *random = keep(size);
    char *pin = keep(size + 1);

    do {
        CHECK(RAND_bytes(random, (int)size) == 1);
        for (size_t i = 0; i < size; i++)
            pin[i] = alphabet[random[i] % (sizeof(alphabet) - 1)];
    } while (!is_strong(pin));
    return pin;
}

static struct scanner *scanner_for(const char *wanted)
{
    const struct scanner_settings settings = { .detectors = DETECT_PIN, .pin = wanted };
    struct scanner *scanner = scanner_new(&settings);

    CHECK(scanner != NULL);
    return scanner;
}

/* What was left out could hold the PIN: nothing may be. */
static void check_whole(const struct examination *examination)
{
    const struct place_sums sums = ledger_sums(&examination->ledger);

    CHECK_HAS(text("<%s>", examination->trouble), "<>");
    CHECK(sums.read > 0 && sums.unreadable == 0 && sums.swapped == 0);
    CHECK(ledger_balances(&examination->ledger) && !examination->ledger.changed);
    CHECK(!examination->ledger.truncated && !findings_overflowed(examination->findings));
    CHECK(examination->threads > 0 && examination->threads_missed == 0);
}

static void add(struct pin_seen *seen, const struct examination *examination)
{
    const size_t count = findings_count(examination->findings);

    if (seen->places == 0 && count > 0) {
        const struct finding *first = findings_at(examination->findings, 0);
        const struct place *place = &examination->ledger.places[first->place];

        seen->where =
            text("%s, %s", *place->name != '\0' ? place->name : "a mapping", first->encoding);
        seen->address = first->address;
    }
    seen->places += count;
    seen->bytes += ledger_sums(&examination->ledger).read;
}

static void search_for(const pid_t *processes, size_t count, const char *wanted,
                       struct pin_seen *seen)
{
    struct scanner *scanner = scanner_for(wanted);
    const struct source_settings settings = { .scanner = scanner, .snapshot = 256 << 20 };
    struct examination *examination = examination_new();
    struct source_trouble why;

    CHECK(examination != NULL);
    if (!source_processes(processes, count, &settings, examination, &why))
        testing_failed(__FILE__, __LINE__, why.text);
    check_whole(examination);
    add(seen, examination);
    examination_free(examination);
    scanner_free(scanner);
}

void pin_search(const pid_t *processes, size_t count, const char *pin, struct pin_seen *seen)
{
    *seen = (struct pin_seen){ .where = "" };
    search_for(processes, count, pin, seen);
    for (size_t i = 0; i < pieces(pin) && seen->places == 0; i++)
        search_for(processes, count, piece_of(pin, i), seen);
}

void pin_print(const char *source, const char *module, unsigned scans, const struct pin_seen *seen)
{
    printf("table: %-26s %-22s %u scan%s of %llu MiB: %s%s%s\n", source, module, scans,
           scans == 1 ? "" : "s", (unsigned long long)seen->bytes >> 20,
           seen->places > 0 ? "FOUND" : "not found", seen->places > 0 ? ", first in " : "",
           seen->where);
}

bool pin_in_core(const char *path, const char *wanted)
{
    struct scanner *scanner = scanner_for(wanted);
    const struct source_settings settings = { .scanner = scanner };
    struct examination *examination = examination_new();
    struct source_trouble why;
    bool found;

    CHECK(examination != NULL);
    if (!source_core(path, &settings, examination, &why))
        testing_failed(__FILE__, __LINE__, why.text);
    CHECK(ledger_sums(&examination->ledger).read > 0);
    found = findings_count(examination->findings) > 0;
    examination_free(examination);
    scanner_free(scanner);
    return found;
}
