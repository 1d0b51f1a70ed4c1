/* Registers as bytes: see xstate.h. */
#include "xstate.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

/* Components of the state (Intel SDM 1, 13.1), and the legacy area before them. */
enum {
    AVX = 2,
    MASKS = 5,
    ZMM_HIGH = 6,
    ZMM_UPPER16 = 7,
    COMPONENT_FIRST_OTHER = 8,
    LEGACY_X87 = 32,
    LEGACY_XMM = 160,
    LEGACY_END = 416,
    HEADER = 512,
    HEADER_END = 576,
};

bool xstate_layout_cpu(struct xstate_layout *layout)
{
    *layout = (struct xstate_layout){ 0 };
#if defined(__x86_64__) || defined(__i386__)
    unsigned int a, b, c, d;

    if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0)
        return false;
    for (unsigned int i = AVX; i < XSTATE_COMPONENTS; i++)
        /* Bit 0 of ECX: a supervisor component, which no program sees. */
        if (__get_cpuid_count(0xd, i, &a, &b, &c, &d) && a != 0 && (c & 1) == 0) {
            layout->offset[i] = b;
            layout->size[i] = a;
            layout->aligned |= (c & 2) != 0 ? UINT32_C(1) << i : 0;
        }
    return true;
#else
    return false;
#endif
}

bool xstate_layout_note(struct xstate_layout *layout, const void *note, size_t size)
{
    struct {
        uint32_t type, size, offset, flags;
    } component;

    *layout = (struct xstate_layout){ 0 };
    for (size_t at = 0; at + sizeof(component) <= size; at += sizeof(component)) {
        memcpy(&component, (const unsigned char *)note + at, sizeof(component));
        if (component.type >= AVX && component.type < XSTATE_COMPONENTS) {
            layout->offset[component.type] = component.offset;
            layout->size[component.type] = component.size;
        }
    }
    return layout->size[AVX] != 0;
}

void xstate_layout_guess(struct xstate_layout *layout, size_t area_size)
{
    /* Sizes of areas without and with protection keys, as AMD's processors have them. */
    const bool amd = area_size == 2432 || area_size == 2440;

    *layout = (struct xstate_layout){ 0 };
    layout->offset[AVX] = HEADER_END;
    layout->size[AVX] = 256;
    layout->offset[MASKS] = amd ? 832 : 1088;
    layout->size[MASKS] = 64;
    layout->offset[ZMM_HIGH] = amd ? 896 : 1152;
    layout->size[ZMM_HIGH] = 512;
    layout->offset[ZMM_UPPER16] = amd ? 1408 : 1664;
    layout->size[ZMM_UPPER16] = 1024;
}

struct area {
    const unsigned char *bytes;
    size_t size;
    uint64_t compacted; /* components in it, if it is in the compacted format; else 0 */
    const struct xstate_layout *layout;
};

/* A component's bytes; NULL if the area has none. */
static const unsigned char *component(const struct area *area, unsigned int which)
{
    uint64_t offset = area->layout->offset[which];

    if (area->layout->size[which] == 0)
        return NULL;
    if (area->compacted != 0) {
        if ((area->compacted >> which & 1) == 0)
            return NULL;
        offset = HEADER_END;
        for (unsigned int i = AVX; i <= which; i++) {
            if ((area->compacted >> i & 1) == 0)
                continue;
            if ((area->layout->aligned >> i & 1) != 0)
                offset = (offset + 63) / 64 * 64;
            offset += i < which ? area->layout->size[i] : 0;
        }
    }
    if (offset < HEADER_END || offset > area->size ||
        area->size - offset < area->layout->size[which])
        return NULL;
    return area->bytes + offset;
}

static bool is_blank(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Whether 16 bytes could be half of a random key; a random half fails once in 10^8. */
static bool is_half(const unsigned char *half)
{
    unsigned int zeros = 0;

    for (int i = 0; i < 16; i++)
        zeros += half[i] == 0;
    return zeros <= 4;
}

/* Copies, for each of 16 registers, its part of a component to its part of the image. */
static void spread(unsigned char *image, size_t stride, const unsigned char *from, size_t part)
{
    for (size_t i = 0; i < 16; i++)
        memcpy(image + i * stride, from + i * part, part);
}

static void assemble_vectors(unsigned char *image, const struct area *area)
{
    const unsigned char *low = area->bytes + LEGACY_XMM;
    const unsigned char *avx = component(area, AVX);
    const unsigned char *high = component(area, ZMM_HIGH);
    const unsigned char *upper = component(area, ZMM_UPPER16);
    const bool has_upper =
        upper != NULL && area->layout->size[ZMM_UPPER16] >= 1024 && !is_blank(upper, 1024);
    const bool has_high =
        high != NULL && area->layout->size[ZMM_HIGH] >= 512 && !is_blank(high, 512);
    const bool has_avx = avx != NULL && area->layout->size[AVX] >= 256 && !is_blank(avx, 256);

    memcpy(image + REGISTERS_XMM, low, 256);
    if (has_avx) {
        spread(image + REGISTERS_YMM, 32, low, 16);
        spread(image + REGISTERS_YMM + 16, 32, avx, 16);
    }
    if (has_high) {
        spread(image + REGISTERS_ZMM, 64, low, 16);
        if (avx != NULL)
            spread(image + REGISTERS_ZMM + 16, 64, avx, 16);
        spread(image + REGISTERS_ZMM + 32, 64, high, 32);
    }
    for (size_t i = 0; i < 16 && has_upper; i++) {
        memcpy(image + REGISTERS_XMM + 256 + i * 16, upper + i * 64, 16);
        memcpy(image + REGISTERS_YMM + 512 + i * 32, upper + i * 64, 32);
        memcpy(image + REGISTERS_ZMM + 1024 + i * 64, upper + i * 64, 64);
    }
}

/*
 * Each two halves a < b, both ways round: b a c a d a ... for each a, and then a gap.  Neighbours
 * in ascending order are in the image of the XMM registers already, and not made again.
 */
static void assemble_pairs(unsigned char *image)
{
    const unsigned char *xmm = image + REGISTERS_XMM;
    size_t at = REGISTERS_PAIRS;

    for (size_t a = 0; a < 32; a++) {
        const size_t row = at;

        for (size_t b = a + 1; b < 32 && is_half(xmm + 16 * a); b++) {
            if (!is_half(xmm + 16 * b))
                continue;
            if (at == row && b > a + 1) {
                memcpy(image + at, xmm + 16 * a, 16);
                at += 16;
            }
            memcpy(image + at, xmm + 16 * b, 16);
            memcpy(image + at + 16, xmm + 16 * a, 16);
            at += 32;
        }
        at += at > row ? 16 : 0;
    }
}

static void assemble_legacy(unsigned char *image, const struct area *area)
{
    for (size_t i = 0; i < 8; i++) {
        memcpy(image + REGISTERS_X87 + 16 * i, area->bytes + LEGACY_X87 + 16 * i, 10);
        memcpy(image + REGISTERS_MMX + 8 * i, area->bytes + LEGACY_X87 + 16 * i, 8);
    }
}

static void assemble_others(unsigned char *image, const struct area *area)
{
    const unsigned char *masks = component(area, MASKS);
    size_t at = REGISTERS_OTHER;

    if (masks != NULL && area->layout->size[MASKS] >= 64)
        memcpy(image + REGISTERS_MASKS, masks, 64);
    for (unsigned int i = COMPONENT_FIRST_OTHER; i < XSTATE_COMPONENTS; i++) {
        const unsigned char *bytes = component(area, i);
        const size_t size = area->layout->size[i];

        if (bytes == NULL || at + size > REGISTERS_PAIRS)
            continue;
        memcpy(image + at, bytes, size);
        at += size;
    }
}

size_t registers_assemble(unsigned char image[REGISTERS_SIZE], const void *general,
                          size_t general_size, const void *area_bytes, size_t area_size,
                          const struct xstate_layout *layout)
{
    struct area area = { .bytes = area_bytes, .size = area_size, .layout = layout };
    const size_t word = general_size > 100 ? 8 : 4; /* a 32-bit program has 17 words of 4 */
    size_t size = REGISTERS_SIZE;
    uint64_t compacted;

    memset(image, 0, REGISTERS_SIZE);
    if (general_size > REGISTERS_REVERSED - 32)
        general_size = REGISTERS_REVERSED - 32;
    if (general_size > 0)
        memcpy(image, general, general_size);
    for (size_t i = 0; (i + 1) * word <= general_size; i++)
        memcpy(image + REGISTERS_REVERSED + i * word,
               (const unsigned char *)general + general_size - (i + 1) * word, word);
    if (area_size >= LEGACY_END) {
        if (area_size >= HEADER_END) {
            memcpy(&compacted, area.bytes + HEADER + 8, sizeof(compacted));
            if (compacted >> 63 != 0)
                area.compacted = compacted & ~(UINT64_C(1) << 63);
        } else {
            area.size = 0; /* FXSAVE: no components */
        }
        assemble_legacy(image, &area);
        assemble_vectors(image, &area);
        assemble_others(image, &area);
        assemble_pairs(image);
    }
    while (size > 0 && image[size - 1] == 0)
        size--;
    return size;
}

void registers_name(uint64_t offset, char *text, size_t size)
{
#if defined(__x86_64__)
    static const char *const general[] = { "r15",    "r14", "r13", "r12",      "rbp",     "rbx",
                                           "r11",    "r10", "r9",  "r8",       "rax",     "rcx",
                                           "rdx",    "rsi", "rdi", "orig_rax", "rip",     "cs",
                                           "eflags", "rsp", "ss",  "fs_base",  "gs_base", "ds",
                                           "es",     "fs",  "gs" };
    enum { GENERAL_COUNT = (int)(sizeof(general) / sizeof(*general)) };
    if (offset / 8 < GENERAL_COUNT) {
        snprintf(text, size, "%s", general[offset / 8]);
        return;
    }
    if (offset >= REGISTERS_REVERSED && (offset - REGISTERS_REVERSED) / 8 < GENERAL_COUNT) {
        snprintf(text, size, "%s", general[GENERAL_COUNT - 1 - (offset - REGISTERS_REVERSED) / 8]);
        return;
    }
#endif
    static const struct {
        unsigned int from, each;
        const char *name;
    } kinds[] = { { REGISTERS_ZMM, 64, "zmm" }, { REGISTERS_YMM, 32, "ymm" },
                  { REGISTERS_XMM, 16, "xmm" }, { REGISTERS_MASKS, 8, "k" },
                  { REGISTERS_MMX, 8, "mm" },   { REGISTERS_X87, 16, "st" } };

    if (offset >= REGISTERS_PAIRS) {
        snprintf(text, size, "two XMM registers");
    } else if (offset >= REGISTERS_OTHER) {
        snprintf(text, size, "other registers");
    } else {
        snprintf(text, size, "general registers");
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
            if (offset >= kinds[i].from) {
                snprintf(text, size, "%s%u", kinds[i].name,
                         (unsigned int)(offset - kinds[i].from) / kinds[i].each);
                break;
            }
    }
}
