/*
 * The registers of a thread as bytes that can be searched: general registers in both orders, and
 * the halves that XSAVE keeps apart put together to XMM, YMM and ZMM registers.  Pure.
 */
#ifndef MEMSCAN_XSTATE_H
#define MEMSCAN_XSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XSTATE_COMPONENTS = 32,
    XSTATE_SIZE_MAX = 16 << 10, /**< AMX included */
    /** Where what lies in the image that registers_assemble() makes. */
    REGISTERS_GENERAL = 0,    /**< as the kernel gives them */
    REGISTERS_REVERSED = 640, /**< the same words, last first: a key in r8 to r11 */
    REGISTERS_X87 = 1280,     /**< ST0 to ST7, 16 bytes each */
    REGISTERS_MMX = 1440,     /**< MM0 to MM7, 8 bytes each */
    REGISTERS_MASKS = 1536,   /**< k0 to k7 */
    REGISTERS_XMM = 1632,     /**< 32 of 16 bytes */
    REGISTERS_YMM = 2176,     /**< 32 of 32 bytes, if any has an upper half */
    REGISTERS_ZMM = 3232,     /**< 32 of 64 bytes, if any has an upper half */
    REGISTERS_OTHER = 5312,   /**< all other components, AMX tiles for one, as they are */
    REGISTERS_PAIRS = REGISTERS_OTHER + XSTATE_SIZE_MAX + 64, /**< two XMM registers that are no
                                                                 neighbours, put together */
    REGISTERS_SIZE = REGISTERS_PAIRS + 16 * (34 * 32),
};

/** Where the components of the state lie in an XSAVE area (standard format). */
struct xstate_layout {
    uint32_t offset[XSTATE_COMPONENTS], size[XSTATE_COMPONENTS];
    uint32_t aligned; /**< bit i: component i begins at 64 bytes in the compacted format */
};

/** What this processor says (CPUID leaf 0xD); false if it has no XSAVE, or is none of x86. */
bool xstate_layout_cpu(struct xstate_layout *layout);

/** What a core file says in its note NT_X86_XSAVE_LAYOUT (Linux 6.12). */
bool xstate_layout_note(struct xstate_layout *layout, const void *note, size_t size);

/** Intel's or AMD's, told apart by the area's size, for core files that do not say. */
void xstate_layout_guess(struct xstate_layout *layout, size_t area_size);

/**
 * Makes the image of a thread's registers.
 * @return its size: up to the last byte that is not 0
 */
size_t registers_assemble(unsigned char image[REGISTERS_SIZE], const void *general,
                          size_t general_size, const void *area, size_t area_size,
                          const struct xstate_layout *layout);

/** Names the register at an offset in the image: "xmm3", "r12". */
void registers_name(uint64_t offset, char *text, size_t size);

#endif
