/* What /proc says: see procfs.h. */
#include "procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* With more threads than this, /proc is gone through instead of each thread's list. */
    THREADS_ASKED = 64,
};

static size_t slot_of(const struct ids *ids, pid_t id)
{
    size_t slot = ((size_t)id * 2654435761u) & (ids->slots - 1);

    while (ids->table[slot] != 0 && ids->table[slot] != id)
        slot = (slot + 1) & (ids->slots - 1);
    return slot;
}

static bool ids_grow(struct ids *ids)
{
    const size_t room = ids->room == 0 ? 64 : 2 * ids->room;
    pid_t *items = realloc(ids->items, room * sizeof(*items));
    pid_t *table;

    if (items == NULL)
        return false;
    ids->items = items;
    table = calloc(4 * room, sizeof(*table));
    if (table == NULL)
        return false;
    free(ids->table);
    ids->table = table;
    ids->slots = 4 * room;
    ids->room = room;
    for (size_t i = 0; i < ids->count; i++)
        table[slot_of(ids, items[i])] = items[i];
    return true;
}

bool ids_add(struct ids *ids, pid_t id)
{
    size_t slot;

    if (id <= 0 || (ids->count == ids->room && !ids_grow(ids)))
        return false;
    slot = slot_of(ids, id);
    if (ids->table[slot] == id)
        return false;
    ids->table[slot] = id;
    ids->items[ids->count++] = id;
    return true;
}

void ids_free(struct ids *ids)
{
    free(ids->items);
    free(ids->table);
    *ids = (struct ids){ 0 };
}

/* Reads to the end; files of /proc have no size. */
static char *read_all(int fd, size_t *size)
{
    size_t used = 0, room = 4096;
    char *text = malloc(room);

    while (text != NULL) {
        const ssize_t got = read(fd, text + used, room - used - 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int error = errno;

            free(text);
            errno = error;
            return NULL;
        }
        if (got == 0)
            break;
        used += (size_t)got;
        if (room - used < 2048) {
            char *longer = realloc(text, 2 * room);

            if (longer == NULL) {
                free(text);
                return NULL;
            }
            text = longer;
            room *= 2;
        }
    }
    if (text != NULL)
        text[used] = '\0';
    *size = used;
    return text;
}

char *proc_read(pid_t process, const char *name, size_t *size)
{
    char path[96];
    char *text;
    int fd, error;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)process, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    text = read_all(fd, size);
    error = errno;
    close(fd);
    errno = error;
    return text;
}

long proc_status(pid_t process, const char *field)
{
    char wanted[32];
    size_t size;
    char *text = proc_read(process, "status", &size);
    const char *found;
    long value = -1;

    if (text == NULL)
        return -1;
    /* The first line is the name, in which newlines are written as \n. */
    snprintf(wanted, sizeof(wanted), "\n%s:", field);
    found = strstr(text, wanted);
    if (found != NULL)
        value = strtol(found + strlen(wanted), NULL, 10);
    free(text);
    return value;
}

bool proc_state(pid_t process, char *state, unsigned long *flags)
{
    size_t size;
    char *text = proc_read(process, "stat", &size);
    const char *after = text == NULL ? NULL : strrchr(text, ')');
    bool known = false;

    *state = '?';
    *flags = 0;
    if (after != NULL)
        known = sscanf(after + 1, " %c %*d %*d %*d %*d %*d %lu", state, flags) == 2;
    free(text);
    return known;
}

void proc_name(pid_t process, char name[20])
{
    size_t size;
    char *text = proc_read(process, "comm", &size);

    snprintf(name, 20, "%s", text == NULL ? "?" : text);
    free(text);
    name[strcspn(name, "\n")] = '\0';
    for (char *p = name; *p != '\0'; p++)
        if (!isprint((unsigned char)*p))
            *p = '?';
}

bool proc_threads(pid_t process, struct ids *threads)
{
    char path[64];
    const struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    folder = opendir(path);
    if (folder == NULL)
        return false;
    while ((entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]))
            ids_add(threads, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(folder);
    return true;
}

/* @return false where the kernel has no such lists */
static bool listed_children(pid_t process, struct ids *children)
{
    struct ids threads = { 0 };
    bool listed = proc_threads(process, &threads) && threads.count <= THREADS_ASKED;

    for (size_t i = 0; i < threads.count && listed; i++) {
        char name[64];
        size_t size;
        char *text, *p, *end;

        snprintf(name, sizeof(name), "task/%d/children", (int)threads.items[i]);
        text = proc_read(process, name, &size);
        if (text == NULL && access("/proc/thread-self/children", F_OK) != 0)
            listed = false;
        for (p = text; p != NULL && *p != '\0'; p = end) {
            const long child = strtol(p, &end, 10);

            if (end == p)
                break;
            ids_add(children, (pid_t)child);
        }
        free(text);
    }
    ids_free(&threads);
    return listed;
}

void proc_children(pid_t process, struct ids *children)
{
    const struct dirent *entry;
    DIR *folder;

    if (listed_children(process, children))
        return;
    folder = opendir("/proc");
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        const pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);
        size_t size;
        char *text = other > 0 ? proc_read(other, "stat", &size) : NULL;
        const char *after = text == NULL ? NULL : strrchr(text, ')');
        int parent = 0;

        if (after != NULL && sscanf(after + 1, " %*c %d", &parent) == 1 && parent == process)
            ids_add(children, other);
        free(text);
    }
    if (folder != NULL)
        closedir(folder);
}
