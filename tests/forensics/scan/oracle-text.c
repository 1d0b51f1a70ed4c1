/*
 * Keys as text, for the oracle search: runs of hexadecimal digits (plain, or bytes with separators)
 * and of base64, in characters of 8, 16 or 32 bits, are decoded at every phase; each 32 bytes that
 * come out are tried.
 */
#include "oracle.h"

#include <string.h>

#include "../../../provider/secret.h"

enum {
    LINE = 16,      /* 43 characters hold a whole line wherever they begin */
    CHUNK = 1024,   /* characters that are decoded together */
    KEY_TEXT = 192, /* the longest text of a key: "0x00, " 32 times */
    BASE64_LEAST = 43,
    BEFORE = 6, /* characters: a group of base64 and a line break */
};

enum { KIND_HEX, KIND_SEPARATED, KIND_BASE64, KINDS };

static const char *const encodings[KINDS][5] = {
    { "", "hex", "hex, UTF-16", "", "hex, UTF-32" },
    { "", "hex, separated", "hex, separated, UTF-16", "", "hex, separated, UTF-32" },
    { "", "base64", "base64, UTF-16", "", "base64, UTF-32" },
};

/* A part of a run of text, and what it decodes to; wiped after use. */
struct run {
    const struct oracle_search *search;
    size_t start;      /* of characters[0], in the piece */
    unsigned int unit; /* bytes a character */
    size_t count;
    unsigned char characters[CHUNK];
    struct {
        size_t count;
        unsigned char bytes[CHUNK + PIECE_MARGIN];
        uint16_t first[CHUNK], last[CHUNK]; /* characters of each byte */
    } decoded;
};

/* What texts of keys are made of: the values of base64 and base64url, and what stands between. */
enum {
    T = -1, /* a separator */
    N = -2, /* a line break */
    X = -3, /* nothing of that kind */
};

static const signed char base64_values[128] = {
    /* clang-format off */
    X, X, X, X, X, X, X, X, X, T, N, X, X, N, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    T, X, X, X, X, T, X, X, X, X, X, 62, T, 62, X, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, T, T, X, T, X, X,
    X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X, T, X, X, 63,
    X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X, X, X, X, X,
    /* clang-format on */
};

static int base64_digit(unsigned char c)
{
    return c < 128 ? base64_values[c] : X;
}

static bool is_break(unsigned char c)
{
    return base64_digit(c) == N;
}

static bool is_text(unsigned char c)
{
    return base64_digit(c) != X;
}

static bool is_separator(unsigned char c)
{
    return is_break(c) || (c != '\0' && strchr(" :,;-\t", c) != NULL);
}

/* By way of base64: 0 to 9 are 52 to 61 there, A to F 0 to 5, a to f 26 to 31. */
static int hex_digit(unsigned char c)
{
    static const signed char values[64] = {
        10, 11, 12, 13, 14, 15, T,  T,  T,  T,  T, T, T, T, T, T, T, T, T, T, T, T,
        T,  T,  T,  T,  10, 11, 12, 13, 14, 15, T, T, T, T, T, T, T, T, T, T, T, T,
        T,  T,  T,  T,  T,  T,  T,  T,  0,  1,  2, 3, 4, 5, 6, 7, 8, 9, T, T,
    };
    const int value = c == '-' || c == '_' ? T : base64_digit(c);

    return value < 0 ? T : values[value];
}

/* ---- what was decoded is tried ---- */

static void locate(const struct oracle_kind *kind, const unsigned char *first,
                   const unsigned char *second, struct finding *finding)
{
    const struct run *run = kind->context;
    const size_t at = (size_t)(first - run->decoded.bytes);
    const size_t from = run->decoded.first[at], last = run->decoded.last[at + 31];

    (void)second;
    finding->address = run->search->piece->address + run->start + from * run->unit;
    finding->size = (uint32_t)((last - from + 1) * run->unit);
}

static void try_decoded(struct run *run, int which)
{
    const struct piece *piece = run->search->piece;
    struct oracle_kind kind;

    if (run->decoded.count < 32) {
        run->decoded.count = 0;
        return;
    }
    kind.search = run->search;
    kind.encoding = encodings[which][run->unit];
    kind.locate = locate;
    kind.context = run;
    kind.batch.shape = ORACLE_NATURAL;
    kind.batch.count = 0;
    for (size_t i = 0; i + 32 <= run->decoded.count; i++) {
        const unsigned char *window = run->decoded.bytes + i;
        const size_t at = run->start + run->decoded.first[i] * (size_t)run->unit;

        /* The same eight bytes twice are filling, in no key but one of 2^64. */
        if (at >= piece->from && at < piece->to && memcmp(window, window + 8, 8) != 0)
            oracle_try(&kind, window, window + 16);
    }
    oracle_flush(&kind);
    run->decoded.count = 0;
}

static void put(struct run *run, int byte, size_t first, size_t last)
{
    run->decoded.bytes[run->decoded.count] = (unsigned char)byte;
    run->decoded.first[run->decoded.count] = (uint16_t)first;
    run->decoded.last[run->decoded.count++] = (uint16_t)last;
}

/* ---- decoding ---- */

static void decode_hex(struct run *run)
{
    for (size_t from = 0, end; from < run->count; from = end + 1) {
        for (end = from; end < run->count && hex_digit(run->characters[end]) >= 0; end++)
            ;
        for (size_t phase = 0; phase < 2 && end - from >= 64; phase++) {
            for (size_t i = from + phase; i + 2 <= end; i += 2)
                put(run, hex_digit(run->characters[i]) << 4 | hex_digit(run->characters[i + 1]), i,
                    i + 1);
            try_decoded(run, KIND_HEX);
        }
    }
}

/* Two digits and no more, with what may stand before them. @return where they end; 0: no */
static size_t one_byte(struct run *run, size_t at)
{
    const unsigned char *c = run->characters;

    if (at + 2 <= run->count && (c[at] == '0' || c[at] == '\\') && (c[at + 1] | 0x20) == 'x')
        at += 2;
    else if (at < run->count && c[at] == '%')
        at++;
    if (at + 2 > run->count || hex_digit(c[at]) < 0 || hex_digit(c[at + 1]) < 0 ||
        (at + 2 < run->count && hex_digit(c[at + 2]) >= 0 &&
         !(c[at + 2] == '0' && at + 3 < run->count && (c[at + 3] | 0x20) == 'x')))
        return 0;
    put(run, hex_digit(c[at]) << 4 | hex_digit(c[at + 1]), at, at + 1);
    return at + 2;
}

static void decode_separated(struct run *run)
{
    size_t at = 0;

    while (at < run->count) {
        const size_t end = one_byte(run, at);
        size_t spaces = 0;

        if (end == 0) {
            try_decoded(run, KIND_SEPARATED);
            /* Not into the middle of a longer number. */
            do
                at++;
            while (at < run->count && hex_digit(run->characters[at - 1]) >= 0 &&
                   hex_digit(run->characters[at]) >= 0);
            continue;
        }
        for (at = end; spaces < 3 && at < run->count && is_separator(run->characters[at]); spaces++)
            at++;
    }
    try_decoded(run, KIND_SEPARATED);
}

static void decode_base64_phase(struct run *run, size_t from, size_t end)
{
    unsigned int value = 0, bits = 0;
    size_t previous = from;

    for (size_t i = from; i < end; i++) {
        const int digit = base64_digit(run->characters[i]);

        if (digit < 0)
            continue;
        value = (value << 6 | (unsigned int)digit) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            put(run, value >> bits & 0xff, previous, i);
        }
        /* The next byte begins in this character, or after it. */
        previous = bits > 0 ? i : i + 1;
    }
    try_decoded(run, KIND_BASE64);
}

/* Line breaks are passed over. */
static void decode_base64(struct run *run)
{
    const unsigned char *c = run->characters;

    for (size_t from = 0, end; from < run->count; from = end + 1) {
        size_t digits = 0, capitals = 0, small = 0;

        for (end = from; end < run->count && (base64_digit(c[end]) >= 0 || is_break(c[end]));
             end++) {
            digits += !is_break(c[end]);
            capitals += c[end] >= 'A' && c[end] <= 'Z';
            small += c[end] >= 'a' && c[end] <= 'z';
        }
        if (digits < BASE64_LEAST || capitals < ORACLE_CASE_LEAST || small < ORACLE_CASE_LEAST)
            continue;
        for (size_t skip = 0, at = from; skip < 4 && at < end; skip++, at++) {
            while (at < end && is_break(c[at]))
                at++;
            decode_base64_phase(run, at, end);
        }
    }
}

/* ---- runs ---- */

static bool is_unit(const struct piece *piece, size_t at, unsigned int unit)
{
    if (at + unit > piece->size || !is_text(piece->bytes[at]))
        return false;
    for (unsigned int i = 1; i < unit; i++)
        if (piece->bytes[at + i] != 0)
            return false;
    return true;
}

static void decode(struct run *run)
{
    const unsigned int set = run->search->set;

    if (set & ORACLE_HEX)
        decode_hex(run);
    if (set & ORACLE_HEX_SEPARATED)
        decode_separated(run);
    if (set & ORACLE_BASE64)
        decode_base64(run);
}

/* The run around `at`, in parts that share what a key can take up. @return where it ends */
static size_t search_run(struct run *run, size_t at)
{
    const struct piece *piece = run->search->piece;
    const size_t unit = run->unit, limit = piece->to + (KEY_TEXT + 1) * unit;
    /* A base64 character before `from` can say at which phase those behind it are. */
    const size_t before = piece->from < BEFORE * unit ? 0 : piece->from - BEFORE * unit;
    size_t start = at, end = at;

    while (start >= before + unit && is_unit(piece, start - unit, run->unit))
        start -= unit;
    while (end < limit && is_unit(piece, end, run->unit))
        end += unit;
    for (size_t from = start; from < end; from += (CHUNK - KEY_TEXT) * unit) {
        const size_t left = (end - from) / unit;

        if (left < BASE64_LEAST)
            break;
        run->start = from;
        run->count = left < CHUNK ? left : CHUNK;
        for (size_t i = 0; i < run->count; i++)
            run->characters[i] = piece->bytes[from + i * unit];
        decode(run);
    }
    return end;
}

/* Most memory is no text: it has top bits, or is zero. */
static bool may_be_text(const unsigned char *line)
{
    uint64_t words[2];

    memcpy(words, line, sizeof(words));
    return ((words[0] | words[1]) & 0x8080808080808080) == 0 && (words[0] | words[1]) != 0;
}

/* How wide the characters of a line are, and at which byte of it one begins; 0: it is no text. */
static unsigned int width_of(const unsigned char *line, unsigned int *phase)
{
    unsigned int text = 0, zero = 0;

    if (!may_be_text(line))
        return 0;
    for (unsigned int i = 0; i < LINE; i++) {
        text |= (unsigned int)is_text(line[i]) << i;
        zero |= (unsigned int)(line[i] == 0) << i;
    }
    *phase = 0;
    if (text == 0xffff)
        return 1;
    for (; *phase < 2; ++*phase)
        if (text == 0x5555u << *phase && (text ^ zero) == 0xffff)
            return 2;
    for (*phase = 0; *phase < 4; ++*phase)
        if (text == 0x1111u << *phase && (text ^ zero) == 0xffff)
            return 4;
    return 0;
}

void oracle_search_text(const struct oracle_search *search)
{
    const struct piece *piece = search->piece;
    const size_t end = piece->to + 4 * LINE < piece->size ? piece->to + 4 * LINE : piece->size;
    struct run run = { .search = search };
    bool used = false;

    for (size_t at = piece->from; at + LINE <= end;) {
        unsigned int phase;

        run.unit = width_of(piece->bytes + at, &phase);
        if (run.unit != 0) {
            const size_t done = search_run(&run, at + phase);

            used = true;
            at += (done - at) / LINE * LINE;
        }
        at += LINE;
    }
    if (used)
        secret_wipe(&run, sizeof(run));
}
