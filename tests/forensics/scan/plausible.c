/*
 * The plausibility test as it is defined, and a block of them on any processor.
 */
#include "plausible.h"

#include "plausible-block.h"
#include "scanner.h"

/* 00 01 02 04 05 08 0f 10 24 31 41 44 48 49 4c 74 83 85 89 8b 8d c0 e8 ff: counted in libraries and
   programs of Debian 12. */
const unsigned char plausible_common[2][16] = {
    { 0x03, 0x19, 0x01, 0x00, 0x95, 0x01, 0x00, 0x00, 0x11, 0x10, 0x00, 0x00, 0x10, 0x00, 0x00,
      0x01 },
    { 0x10, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00,
      0x80 },
};

static bool is_common(unsigned char byte)
{
    return plausible_common[byte >> 7][byte & 15] >> (byte >> 4 & 7) & 1;
}

static void mark_common(const unsigned char *bytes, unsigned char *marks)
{
    for (size_t i = 0; i < PLAUSIBLE_SUMS; i++)
        marks[i] = is_common(bytes[i]);
}

static int same(const unsigned char *window, int distance)
{
    int count = 0;

    for (int i = 0; i < PLAUSIBLE_PAIRS; i++)
        count += window[i] == window[i + distance];
    return count;
}

bool plausible_window(const unsigned char *window)
{
    int zeros = 0, ones = 0, tops = 0, common = 0;

    for (int i = 0; i < PLAUSIBLE_WINDOW; i++) {
        zeros += window[i] == 0x00;
        ones += window[i] == 0xff;
        tops += window[i] >> 7;
        common += is_common(window[i]);
    }
    return zeros <= PLAUSIBLE_ZEROS_MOST && ones <= PLAUSIBLE_ONES_MOST &&
           tops >= PLAUSIBLE_TOPS_LEAST && common <= PLAUSIBLE_COMMON_MOST &&
           same(window, 1) <= PLAUSIBLE_SAME_MOST && same(window, 4) <= PLAUSIBLE_SAME_MOST &&
           same(window, 8) <= PLAUSIBLE_SAME_MOST;
}

void plausible_block(const unsigned char *bytes, uint64_t masks[PLAUSIBLE_BLOCK / 64])
{
    plausible_block_inline(bytes, masks, mark_common);
}

bool scanner_plausible(const unsigned char *window)
{
    return plausible_window(window);
}
