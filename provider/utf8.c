/* Characters of UTF-8: see utf8.h. */
#include "utf8.h"

size_t utf8_character(const unsigned char *in, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const size_t size = in[0] < 0x80             ? 1
                        : (in[0] & 0xe0) == 0xc0 ? 2
                        : (in[0] & 0xf0) == 0xe0 ? 3
                        : (in[0] & 0xf8) == 0xf0 ? 4
                                                 : 0;

    *code = size <= 1 ? in[0] : in[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((in[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (in[i] & 0x3fU);
    }
    if (*code < least[size] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return size;
}
