/* What aeskeyfind finds: see anchor.h. */
#include "anchor.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static bool is_blank(const unsigned char *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

/* Pages that are not there, or empty, are left out. */
static void copy_mapping(int memory, uint64_t start, uint64_t end, FILE *image)
{
    unsigned char page[PAGE];

    for (uint64_t at = start; at < end; at += PAGE)
        if (pread(memory, page, PAGE, (off_t)at) == PAGE && !is_blank(page))
            fwrite(page, 1, PAGE, image);
}

static bool copy_memory(pid_t process, FILE *image)
{
    char path[64], line[512], permissions[8];
    uint64_t start, end;
    FILE *maps;
    int memory;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)process);
    maps = fopen(path, "re");
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)process);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    while (maps != NULL && memory >= 0 && fgets(line, sizeof(line), maps) != NULL)
        if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) == 3 && permissions[1] == 'w')
            copy_mapping(memory, start, end, image);
    if (maps != NULL)
        fclose(maps);
    if (memory >= 0)
        close(memory);
    return maps != NULL && memory >= 0 && fflush(image) == 0;
}

static bool names_key(FILE *output, const unsigned char *key)
{
    char line[256], digits[65];
    bool named = false;

    for (int i = 0; i < 32; i++)
        snprintf(digits + 2 * i, 3, "%02x", key[i]);
    while (fgets(line, sizeof(line), output) != NULL)
        named |= strncmp(line, digits, 64) == 0;
    return named;
}

static enum anchor_answer search(int image, const unsigned char *key)
{
    char command[64];
    bool found;
    FILE *output;

    snprintf(command, sizeof(command), "aeskeyfind -q /proc/self/fd/%d 2>/dev/null", image);
    output = popen(command, "re");
    if (output == NULL)
        return ANCHOR_ABSENT;
    found = names_key(output, key);
    return pclose(output) == 0 ? (found ? ANCHOR_FOUND : ANCHOR_MISSED) : ANCHOR_ABSENT;
}

enum anchor_answer anchor_ask(pid_t process, const unsigned char *key)
{
    enum anchor_answer answer = ANCHOR_ABSENT;
    int fd = memfd_create("image", 0); /* aeskeyfind inherits it */
    FILE *image = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (image != NULL && copy_memory(process, image))
        answer = search(fd, key);
    if (image != NULL)
        fclose(image);
    else if (fd >= 0)
        close(fd);
    return answer;
}
