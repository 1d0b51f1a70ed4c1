/* What is done with a key's findings: see policy.h. */
#include "policy.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lock.h"
#include "notice.h"

enum {
    TOLD_MOST = 1024,   /* findings that are remembered; beyond that nothing more is told */
    ROOM_FOR_MORE = 24, /* for " and 30 more" */
};

size_t policy_findings(const struct hsm_judgement *audit, char *text, size_t size)
{
    size_t count = 0, shown = 0, used = 0;

    text[0] = '\0';
    for (enum hsm_severity s = HSM_CRITICAL + 1; s-- > HSM_INFO;) {
        for (size_t i = 0; i < audit->findings_count; i++) {
            const struct hsm_finding *finding = &audit->findings[i];
            char word[64];
            size_t length;

            if (!finding->refused || finding->severity != s)
                continue;
            count++;
            length = (size_t)snprintf(
                word, sizeof(word), "%s%s (%s)", used > 0 ? ", " : "", finding->check,
                finding->result == HSM_FAIL ? hsm_severity_name(s) : "not told by the module");
            if (shown + 1 < count || used + length + ROOM_FOR_MORE > size)
                continue;
            memcpy(text + used, word, length + 1);
            used += length;
            shown++;
        }
    }
    if (shown < count)
        snprintf(text + used, size - used, " and %zu more", count - shown);
    return count;
}

/* Whether `text` was not told before in this process, by a hash of it. */
static bool is_news(const char *text)
{
    static uint64_t told[TOLD_MOST]; /* guarded by lock_take() */
    static size_t count;
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    size_t i;
    bool news;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    lock_take();
    for (i = 0; i < count && told[i] != hash;)
        i++;
    news = i == count && count < TOLD_MOST;
    if (news)
        told[count++] = hash;
    lock_release();
    return news;
}

static void warn(const struct hsm_judgement *audit, const char *findings)
{
    char text[480];

    snprintf(text, sizeof(text), "hsmzke: %s: %s; see `key-policy`", audit->key, findings);
    if (is_news(text))
        notice_write(text);
}

/* `*connection`: in which it was judged. */
static bool judge(enum key_policy policy, struct hsm_key *key, const char *pin,
                  unsigned long *connection, struct failure *why)
{
    struct hsm_judgement *audit = hsm_key_judge(key, pin, why);
    char findings[260];
    bool accepted = true;

    if (audit == NULL) /* `warn` leaves it to the key's use to say what is broken */
        return policy == KEY_POLICY_WARN;
    *connection = audit->connection;
    if (policy_findings(audit, findings, sizeof(findings)) > 0) {
        accepted = policy == KEY_POLICY_WARN;
        if (accepted)
            warn(audit, findings);
        else
            failure_set(why, FAILURE_POLICY,
                        "%s is refused by key-policy = strict: %s; make a key without these, or "
                        "set key-policy = warn",
                        audit->key, findings);
    }
    hsm_judgement_free(audit);
    return accepted;
}

bool policy_check(enum key_policy policy, struct hsm_key *key, const char *pin, struct failure *why)
{
    struct hsm_judgement *audit;
    char findings[260];
    bool good;

    if (policy == KEY_POLICY_OFF)
        return true;
    audit = hsm_key_judge(key, pin, why);
    if (audit == NULL)
        return false;
    good = policy_findings(audit, findings, sizeof(findings)) == 0 ||
           failure_set(why, FAILURE_POLICY, "%s does not pass: %s; `openssl pkey -text` says more",
                       audit->key, findings);
    hsm_judgement_free(audit);
    return good;
}

bool policy_accepts(enum key_policy policy, struct hsm_key *key, const char *pin,
                    struct failure *why)
{
    unsigned long connection = 0;

    if (policy == KEY_POLICY_OFF || hsm_key_accepted(key))
        return true;
    if (!judge(policy, key, pin, &connection, why))
        return false;
    hsm_key_accept(key, connection);
    return true;
}
