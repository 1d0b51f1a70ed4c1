/* Keys whose user shows in what lies beside them: see neighbours.h. */
#include "neighbours.h"

#include <string.h>

/* From the generator's CTR context to that of its derivation function: 656 bytes in OpenSSL 3.0,
   672 in 3.5.  The ECB context may be anywhere on the heap. */
enum { REACH = 4096 };

static bool is_derivation_key(const struct finding *finding)
{
    if (finding->kind != FINDING_SCHEDULE || finding->key_bits != 256)
        return false;
    for (unsigned int i = 0; i < 32; i++)
        if (finding->key[i] != i)
            return false;
    return true;
}

/* Another schedule in the same place and form. */
static bool is_alike(const struct finding *one, const struct finding *other)
{
    return one->kind == FINDING_SCHEDULE && one->place == other->place && one->key_bits == 256 &&
           one->order == other->order && one->transform == other->transform &&
           one->bytes == other->bytes;
}

/* Names all schedules with one key in one place; @return false if it has only the one */
static bool name_twins(struct findings *findings, const struct finding *one)
{
    unsigned int named = 0;

    for (int naming = 0; naming < 2 && named != 1; naming++) { /* counts first */
        named = 0;
        for (size_t i = 0; i < findings_count(findings); i++) {
            struct finding *other = findings_edit(findings, i);

            if (!is_alike(other, one) || memcmp(other->key, one->key, 32) != 0)
                continue;
            named++;
            if (naming != 0)
                other->used_by = "OpenSSL's CTR-DRBG";
        }
    }
    return named > 1;
}

/* Of what lies before the derivation function's schedule: the nearest that is there twice. */
static void name_generator(struct findings *findings, size_t derivation)
{
    const struct finding *anchor = findings_at(findings, derivation);

    for (size_t i = derivation; i-- > 0;) {
        const struct finding *finding = findings_at(findings, i);

        if (finding->place != anchor->place || anchor->address - finding->address > REACH)
            return;
        if (is_alike(finding, anchor) && !is_derivation_key(finding) &&
            name_twins(findings, finding))
            return;
    }
}

void neighbours_name(struct findings *findings)
{
    for (size_t i = 0; i < findings_count(findings); i++)
        if (is_derivation_key(findings_at(findings, i)))
            name_generator(findings, i);
}
