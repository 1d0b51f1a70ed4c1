/*
 * Names of what lies in a mapped file (forensics/source/symbols.c), which is whoever's program is
 * scanned: a name is printable and ends, and its place is where the address is.
 */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "../forensics/source/symbols.h"
#include "memscan.h"

enum { START = 0x10000 };

static void look(int fd, uint64_t offset, uint64_t address)
{
    struct symbol symbol;

    (void)symbol_covers(fd, START, offset, address);
    memset(&symbol, 0xff, sizeof(symbol));
    if (!symbol_find(fd, START, offset, address, &symbol))
        return;
    EXPECT(memchr(symbol.name, '\0', sizeof(symbol.name)) != NULL && symbol.name[0] != '\0');
    for (const char *p = symbol.name; *p != '\0'; p++)
        EXPECT(isgraph((unsigned char)*p));
    EXPECT(symbol.inside || symbol.distance <= 64 << 10);
    fuzz_trace("%s+%llx\n", symbol.name, (unsigned long long)symbol.distance);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int fd = memscan_file(data, size, path);

    for (uint64_t offset = 0; offset < 0x5000; offset += 0x1000)
        for (uint64_t address = START; address < START + 0x3000; address += 0x310)
            look(fd, offset, address);
    close(fd);
    return 0;
}
