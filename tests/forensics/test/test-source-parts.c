/*
 * The pure parts: the text of maps, also 2,000 damaged ones; register images in each format of
 * XSAVE; symbols of damaged ELF files, and where such a file ends in memory.
 */
#include "scan-target.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../source/maps.h"
#include "../source/symbols.h"
#include "../source/xstate.h"

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const char good_maps[] =
    "55d0a0000000-55d0a0001000 r-xp 00000000 fd:01 1234    /usr/bin/a b (deleted)\n"
    "55d0a0001000-55d0a0002000 rw-p 00001000 fd:01 1234    /usr/bin/a b (deleted)\n"
    "55d0a1000000-55d0a1021000 rw-p 00000000 00:00 0       [heap]\n"
    "7f0000000000-7f0000001000 rw-s 00000000 00:01 77      /memfd:x (deleted)\n"
    "7f0000001000-7f0000002000 rw-s 00000000 00:0d 78      /secretmem (deleted)\n"
    "7f0000002000-7f0000003000 rw-s 00000000 00:06 79      /dev/nvidia0\n"
    "7f0000003000-7f0000004000 rw-s 00000000 00:06 80      /dev/shm/y\n"
    "7f0000004000-7f0000005000 rw-p 00000000 00:00 0 \n"
    "7ffc00000000-7ffc00004000 r--p 00000000 00:00 0       [vvar]\n"
    "7ffc00004000-7ffc00006000 r-xp 00000000 00:00 0       [vdso]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

static void maps_are_read(void **state)
{
    static const enum mapping_kind kinds[] = {
        MAPPING_FILE,   MAPPING_FILE,    MAPPING_ANONYMOUS, MAPPING_FILE,
        MAPPING_SECRET, MAPPING_DEVICE,  MAPPING_FILE,      MAPPING_ANONYMOUS,
        MAPPING_KERNEL, MAPPING_SPECIAL, MAPPING_KERNEL
    };
    struct maps maps;

    (void)state;
    assert_true(maps_parse(&maps, strdup(good_maps), strlen(good_maps)));
    assert_int_equal(maps.count, sizeof(kinds) / sizeof(*kinds));
    assert_int_equal(maps.damaged, 0);
    for (size_t i = 0; i < maps.count; i++)
        assert_int_equal(mapping_kind(&maps.items[i]), kinds[i]);
    assert_string_equal(maps.items[0].path, "/usr/bin/a b (deleted)");
    assert_string_equal(maps.items[7].path, "");
    assert_int_equal(maps.items[1].offset, 0x1000);
    assert_int_equal(maps.items[3].inode, 77);
    maps_free(&maps);
}

static void damaged_maps(void **state)
{
    uint32_t random = 6;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        char *text = strdup(good_maps);
        size_t size = strlen(text);
        struct maps maps;

        for (unsigned int changes = 1 + next(&random) % 10; changes > 0; changes--)
            text[next(&random) % size] = (char)(next(&random) % 256);
        if (next(&random) % 3 == 0)
            text[next(&random) % size] = '\0';
        assert_true(maps_parse(&maps, text, size));
        assert_true(maps.count + maps.damaged <= size);
        for (size_t j = 0; j < maps.count; j++) {
            assert_true(maps.items[j].start < maps.items[j].end);
            assert_true(j == 0 || maps.items[j - 1].end <= maps.items[j].start);
            assert_true(maps.items[j].path >= text && maps.items[j].path <= text + size);
        }
        maps_free(&maps);
    }
}

/* An area of 2,696 bytes (Intel) or 2,440 (AMD) with a needle in YMM1, ZMM2 and ZMM20. */
static size_t make_area(unsigned char *area, const struct xstate_layout *layout, size_t size)
{
    unsigned char key[64];

    memset(area, 0, size);
    needle_make(1, key);
    memcpy(area + 160 + 16, key, 16);
    memcpy(area + layout->offset[2] + 16, key + 16, 16);
    needle_make(2, key);
    memcpy(area + layout->offset[6] + 2 * 32, key, 32);
    needle_make(3, key);
    memcpy(area + layout->offset[7] + 4 * 64 + 32, key, 32);
    return size;
}

static void expect_image(const unsigned char *area, size_t size, const struct xstate_layout *layout)
{
    static unsigned char image[REGISTERS_SIZE];
    unsigned char key[32];
    char name[32];

    registers_assemble(image, NULL, 0, area, size, layout);
    needle_make(1, key);
    assert_memory_equal(image + REGISTERS_YMM + 32, key, 32);
    needle_make(2, key);
    assert_memory_equal(image + REGISTERS_ZMM + 2 * 64 + 32, key, 32);
    needle_make(3, key);
    assert_memory_equal(image + REGISTERS_ZMM + 20 * 64 + 32, key, 32);
    registers_name(REGISTERS_ZMM + 20 * 64 + 32, name, sizeof(name));
    assert_string_equal(name, "zmm20");
    registers_name(REGISTERS_YMM + 32, name, sizeof(name));
    assert_string_equal(name, "ymm1");
}

/* The same components one after the other, with bit 63 of XCOMP_BV. */
static size_t compact(unsigned char *to, const unsigned char *from,
                      const struct xstate_layout *layout)
{
    static const unsigned int components[] = { 2, 5, 6, 7 };
    uint64_t mask = (uint64_t)1 << 63 | 3;
    size_t at = 576;

    memcpy(to, from, at);
    for (size_t i = 0; i < sizeof(components) / sizeof(*components); i++) {
        const unsigned int which = components[i];

        if ((layout->aligned >> which & 1) != 0)
            at = (at + 63) / 64 * 64;
        memcpy(to + at, from + layout->offset[which], layout->size[which]);
        at += layout->size[which];
        mask |= (uint64_t)1 << which;
    }
    memcpy(to + 520, &mask, sizeof(mask));
    return at;
}

static void registers_are_put_together(void **state)
{
    static unsigned char area[4096], compacted[4096];
    struct xstate_layout layout;
    size_t size;

    (void)state;
    xstate_layout_guess(&layout, 2696);
    expect_image(area, make_area(area, &layout, 2696), &layout);
    xstate_layout_guess(&layout, 2440);
    expect_image(area, make_area(area, &layout, 2440), &layout);
    assert_int_equal(layout.offset[6], 896);
    layout.aligned = 1 << 6;
    size = compact(compacted, area, &layout);
    expect_image(compacted, size, &layout);
}

/* Whatever size an area says or has: nothing is read outside of it. */
static void odd_areas(void **state)
{
    static unsigned char image[REGISTERS_SIZE];
    struct xstate_layout layout;
    uint32_t random = 1;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        const size_t size = next(&random) % 3000;
        unsigned char *area = malloc(size + 1), *general = malloc(300);

        for (size_t j = 0; j < size; j++)
            area[j] = (unsigned char)next(&random);
        memset(general, 0x55, 300);
        xstate_layout_guess(&layout, size);
        for (int j = 0; j < 4; j++)
            layout.offset[next(&random) % XSTATE_COMPONENTS] = next(&random) << (next(&random) % 9);
        for (int j = 0; j < 4; j++)
            layout.size[next(&random) % XSTATE_COMPONENTS] = next(&random) % 5000;
        assert_true(registers_assemble(image, general, next(&random) % 300, area, size, &layout) <=
                    REGISTERS_SIZE);
        free(area);
        free(general);
    }
}

static void damaged_symbols(void **state)
{
    char path[400], program[400];
    uint32_t random = 3;
    struct symbol symbol;
    struct stat file;
    unsigned char *whole;
    unsigned int found = 0;
    int fd, from;

    (void)state;
    snprintf(program, sizeof(program), "%s/live-keys", getenv("MEMSCAN_TEST_PROGRAMS"));
    from = open(program, O_RDONLY | O_CLOEXEC);
    assert_true(from >= 0 && fstat(from, &file) == 0);
    whole = malloc((size_t)file.st_size);
    assert_int_equal(read(from, whole, (size_t)file.st_size), file.st_size);
    close(from);
    snprintf(path, sizeof(path), "%s/damaged", scan_folder());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(pwrite(fd, whole, (size_t)file.st_size, 0), file.st_size);
        for (unsigned int changes = next(&random) % 8; changes > 0; changes--) {
            const bool front = next(&random) % 2 == 0;
            const size_t at = next(&random) % 2500;
            const unsigned char byte = (unsigned char)next(&random);

            assert_int_equal(
                pwrite(fd, &byte, 1, (off_t)(front ? at % 1000 : (size_t)file.st_size - 1 - at)),
                1);
        }
        if (next(&random) % 4 == 0)
            assert_int_equal(ftruncate(fd, (off_t)(next(&random) % (size_t)file.st_size)), 0);
        if (symbol_find(fd, 0x10000, 0, 0x10000 + next(&random) % 0x8000, &symbol)) {
            found++;
            assert_true(memchr(symbol.name, '\0', sizeof(symbol.name)) != NULL);
        }
    }
    assert_true(found > 50);
    close(fd);
    free(whole);
}

static char zeroed_data[3 * 4096 + 5];

/* This program in its own memory: its first mapping, and how far its image reaches. */
static int own_image(struct dl_phdr_info *info, size_t size, void *ends_)
{
    uint64_t *const ends = ends_;

    (void)size;
    ends[0] = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uint64_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;

        if (segment->p_type == PT_LOAD && end > ends[1])
            ends[1] = end;
    }
    return 1; /* the program comes first, and is all */
}

/* What is behind a file's zeroed data is not the file's, however close. */
static void an_image_ends(void **state)
{
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    uint64_t ends[2] = { 0, 0 };

    (void)state;
    assert_true(fd >= 0 && dl_iterate_phdr(own_image, ends) == 1);
    ends[1] = (ends[1] + 4095) / 4096 * 4096;
    assert_true(symbol_covers(fd, ends[0], 0, (uintptr_t)&own_image));
    assert_true(symbol_covers(fd, ends[0], 0, (uintptr_t)zeroed_data));
    assert_true(symbol_covers(fd, ends[0], 0, (uintptr_t)zeroed_data + sizeof(zeroed_data) - 1));
    assert_true(symbol_covers(fd, ends[0], 0, ends[1] - 1));
    assert_false(symbol_covers(fd, ends[0], 0, ends[1]));
    assert_false(symbol_covers(fd, ends[0], 0, ends[0] - 1));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_read),
        cmocka_unit_test(damaged_maps),
        cmocka_unit_test(registers_are_put_together),
        cmocka_unit_test(odd_areas),
        cmocka_unit_test(damaged_symbols),
        cmocka_unit_test(an_image_ends),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
