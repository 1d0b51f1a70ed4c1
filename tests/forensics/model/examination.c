/*
 * Examinations, made and freed.
 */
#include "examination.h"

#include <stdlib.h>

struct examination *examination_new(void)
{
    struct examination *examination = calloc(1, sizeof(*examination));

    if (examination == NULL)
        return NULL;
    examination->findings = findings_new();
    if (examination->findings == NULL) {
        free(examination);
        return NULL;
    }
    return examination;
}

void examination_free(struct examination *examination)
{
    if (examination == NULL)
        return;
    findings_free(examination->findings);
    ledger_free(&examination->ledger);
    free(examination);
}
