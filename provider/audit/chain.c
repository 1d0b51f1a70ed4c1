/* A chain of lines: see chain.h. */

/*
 * SHA256_Init() and so on are libcrypto's bare functions: without library context, provider, lock
 * or memory.  EVP would fetch SHA-256, from us under the gateway; and must not be used after
 * OPENSSL_cleanup(), which the last line of a program may come after.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audit/chain.h"

#include <openssl/sha.h>
#include <string.h>

enum {
    TIME_TEXT = 28,       /* "2026-01-31T23:59:59.123456Z", NUL */
    AT_MICROSECONDS = 29, /* of a line: {"time":" has 9 bytes, the time up to the point 20 */
};

void chain_begin(struct chain *chain, uint64_t pid, uint64_t start)
{
    *chain = (struct chain){ .pid = pid, .start = start };
    memset(chain->previous, '0', CHAIN_HASH);
}

static void put_number(char *to, size_t places, uint64_t value)
{
    while (places-- > 0) {
        to[places] = (char)('0' + value % 10);
        value /= 10;
    }
}

/*
 * Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.  gmtime()
 * takes a lock of the C library, which a forked child may find taken for good.
 */
static void civil(uint64_t days, uint64_t *year, uint64_t *month, uint64_t *day)
{
    const uint64_t since = days + 719468; /* 0000-03-01 */
    const uint64_t era = since / 146097, of_era = since % 146097;
    const uint64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    const uint64_t m = (5 * of_year + 2) / 153; /* from March */

    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + y + (*month <= 2);
}

static void write_time(uint64_t seconds, char text[TIME_TEXT])
{
    const uint64_t of_day = seconds % 86400;
    uint64_t year, month, day;

    civil(seconds / 86400, &year, &month, &day);
    memcpy(text, "0000-00-00T00:00:00.000000Z", TIME_TEXT);
    put_number(text, 4, year);
    put_number(text + 5, 2, month);
    put_number(text + 8, 2, day);
    put_number(text + 11, 2, of_day / 3600);
    put_number(text + 14, 2, of_day / 60 % 60);
    put_number(text + 17, 2, of_day % 60);
}

/* What all lines of one second begin with, but for the microseconds. */
static void write_head(struct chain *chain, time_t second)
{
    char text[TIME_TEXT];
    struct json json;

    write_time((uint64_t)second, text);
    json_begin(&json);
    json_word(&json, "time", text);
    json_number(&json, "pid", chain->pid);
    json_number(&json, "start", chain->start);
    memcpy(chain->head, json.text, json.size);
    chain->head_size = json.size;
    chain->second = second;
}

void chain_line(struct chain *chain, const struct timespec *now, const char *event,
                struct json *json)
{
    if (chain->head_size == 0 || chain->second != now->tv_sec)
        write_head(chain, now->tv_sec);
    json_resume(json, chain->head, chain->head_size);
    put_number(json->text + AT_MICROSECONDS, 6, (uint64_t)now->tv_nsec / 1000);
    json_number(json, "seq", chain->next);
    json_word(json, "event", event);
}

bool chain_seal(const struct chain *chain, struct json *json)
{
    json_word(json, "prev", chain->previous);
    return json_end(json);
}

void chain_written(struct chain *chain, const struct json *json)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256_CTX sha;

    SHA256_Init(&sha);
    SHA256_Update(&sha, json->text, json->size);
    SHA256_Final(hash, &sha);
    for (size_t i = 0; i < sizeof(hash); i++) {
        chain->previous[2 * i] = digits[hash[i] >> 4];
        chain->previous[2 * i + 1] = digits[hash[i] & 15];
    }
    chain->next++;
}
