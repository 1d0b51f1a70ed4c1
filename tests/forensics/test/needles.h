/*
 * The 32 bytes that are hidden in targets and looked for, by number: made anew wherever they are
 * needed, so that a program has no other copy of them.
 */
#ifndef MEMSCAN_NEEDLES_H
#define MEMSCAN_NEEDLES_H

/** Where live-keys hides which needle. */
enum needle {
    NEEDLE_FREED,   /**< heap that was freed */
    NEEDLE_STACK,   /**< another thread's stack */
    NEEDLE_BELOW,   /**< below the stack pointer */
    NEEDLE_NO_DUMP, /**< MADV_DONTDUMP */
    NEEDLE_NO_ACCESS,
    NEEDLE_MEMFD,
    NEEDLE_UNLINKED,
    NEEDLE_PIPE,
    NEEDLE_SOCKET, /**< the second datagram that waits */
    NEEDLE_SEGMENT,
    NEEDLE_ENVIRONMENT,
    NEEDLE_COMMAND_LINE,
    NEEDLE_XMM,    /**< one half in XMM3, one in XMM9 */
    NEEDLE_YMM,    /**< YMM5 */
    NEEDLE_ZMM,    /**< the upper half of ZMM20 */
    NEEDLE_STATIC, /**< live_static_key, across a border of mappings */
    NEEDLE_COUNT,
};

/** Printable bytes, no two needles with four bytes in common. */
static inline void needle_make(unsigned int number, volatile unsigned char *to)
{
    unsigned int x = number * 2654435761u + 12345;

    for (int i = 0; i < 32; i++) {
        x = x * 1664525u + 1013904223u;
        to[i] = (unsigned char)('!' + (x >> 24) % 90);
    }
}

#endif
