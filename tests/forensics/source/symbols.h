/*
 * The name of what lies at an address of a mapped ELF file.  A small reader of our own: the file is
 * whoever's program is scanned, so nothing in it is believed, and it is not mapped (it could shrink
 * meanwhile).
 */
#ifndef MEMSCAN_SYMBOLS_H
#define MEMSCAN_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct symbol {
    char name[128];    /**< printable */
    uint64_t distance; /**< from its beginning */
    bool inside;       /**< else it is the last one before the address */
};

/**
 * Looks in .symtab, and where there is none (stripped) in .dynsym.
 * @param start, offset of one of the file's mappings
 * @return false if there is no symbol within 64 KiB, or the file is no ELF file of 64 bits
 */
bool symbol_find(int fd, uint64_t start, uint64_t offset, uint64_t address, struct symbol *symbol);

/**
 * Whether an address is the file's own in memory, zeroed data (.bss) included: anonymous memory
 * right behind it may be anybody's.
 * @param start, offset of one of the file's mappings
 */
bool symbol_covers(int fd, uint64_t start, uint64_t offset, uint64_t address);

#endif
