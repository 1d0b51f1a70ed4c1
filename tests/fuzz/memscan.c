/* What the targets of hsmzke-memscan share: see memscan.h. */
#include "memscan.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of LeakSanitizer, where it is: it does not see what locked memory, a scanner's, points to. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

const struct scanner *memscan_scanner(enum code_path path, bool sought)
{
    static const unsigned char key[] = { 0x8c, 0x61, 0xd2, 0x1f, 0xb7, 0x3a, 0x95, 0x0e,
                                         0x47, 0xf8, 0x29, 0xc3, 0x5d, 0xea, 0x74, 0x96,
                                         0x12, 0xab, 0x6f, 0xd9, 0x83, 0x3e, 0xc5, 0x50,
                                         0xe7, 0x1a, 0xbc, 0x48, 0xf1, 0x2d, 0x06, 0x9b };
    static const struct sought wanted = { .name = "the key", .key = key };
    static const struct scanner *made[PATH_AVX512 + 1][2];
    const struct scanner_settings settings = { .detectors = DETECT_ALL,
                                               .path = path,
                                               .sought = sought ? &wanted : NULL,
                                               .sought_count = sought,
                                               .plain = "hsmzke's fuzzer",
                                               .pin = sought ? "Tr0ub4dor&3" : NULL };

    if (made[path][sought] == NULL) {
        if (__lsan_disable != NULL)
            __lsan_disable();
        made[path][sought] = scanner_new(&settings);
        if (__lsan_enable != NULL)
            __lsan_enable();
    }
    EXPECT(made[path][sought] != NULL);
    return made[path][sought];
}

int memscan_file(const uint8_t *data, size_t size, char path[64])
{
    const int fd = memfd_create("input", MFD_CLOEXEC);

    EXPECT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}
