/*
 * Runs a fuzz target once over each file that is named, or that is in a directory that is named:
 * what a build without libFuzzer does with a corpus, and how a finding is looked at.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned long inputs;

static void replay_file(const char *path)
{
    enum { MOST = 1024 * 1024 };
    unsigned char *bytes = malloc(MOST), *whole;
    FILE *file = fopen(path, "rb");
    size_t size;

    if (bytes == NULL || file == NULL) {
        perror(path);
        exit(1);
    }
    size = fread(bytes, 1, MOST, file);
    fclose(file);
    whole = exact(bytes, size);
    free(bytes);
    fprintf(stderr, "%s\n", path); /* what was run last, should it not come back */
    LLVMFuzzerTestOneInput(whole, size);
    free(whole);
    inputs++;
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat status;
    int count;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        replay_file(path);
        return;
    }
    count = scandir(path, &entries, is_file, alphasort);
    for (int i = 0; i < count; i++) {
        const size_t room = strlen(path) + strlen(entries[i]->d_name) + 2;
        char *inside = malloc(room);

        EXPECT(inside != NULL);
        snprintf(inside, room, "%s/%s", path, entries[i]->d_name);
        replay_file(inside);
        free(inside);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%lu inputs replayed\n", inputs);
    return inputs > 0 ? 0 : 1;
}
