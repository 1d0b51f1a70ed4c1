/*
 * A process's open files: those that only exist in memory, those without a name, and what waits in
 * pipes and sockets.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stream.h"
#include "target.h"
#include "trouble.h"

/* One open file of the process. */
struct open_file {
    struct target *target;
    struct target_process *process;
    int number;
    char link[300]; /* what /proc says that it is */
    struct statx what;
};

/* The very file that the process has open, position and all. */
static int take(const struct open_file *file)
{
    const int pidfd = (int)syscall(SYS_pidfd_open, file->process->process, 0);
    int fd;

    if (pidfd < 0)
        return -1;
    fd = (int)syscall(SYS_pidfd_getfd, pidfd, file->number, 0);
    close(pidfd);
    return fd;
}

/* Opens it anew: its position is our own, and the process's stays where it is. */
static int reopen(const struct open_file *file)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)file->process->thread, file->number);
    return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Whether all of a file is seen through a mapping already, as it is. */
static bool is_mapped(const struct open_file *file, bool whole)
{
    const struct maps *maps = &file->process->maps;

    for (size_t i = 0; i < maps->count; i++) {
        const struct mapping *mapping = &maps->items[i];

        if (mapping->inode == file->what.stx_ino && mapping->major == file->what.stx_dev_major &&
            mapping->minor == file->what.stx_dev_minor &&
            (!whole || (mapping->permissions[3] == 's' && mapping->offset == 0 &&
                        mapping->end - mapping->start >= file->what.stx_size)))
            return true;
    }
    return false;
}

static struct place place_of(const struct open_file *file, enum place_kind kind)
{
    struct place place = { .kind = kind, .process = file->process->process };

    snprintf(place.name, sizeof(place.name), "fd %d: %.230s", file->number, file->link);
    return place;
}

/* What cannot be read is still there, and counted. */
static void add_unread(struct place *place, uint64_t size, struct feed *feed)
{
    place->end = place->bytes.mapped = place->bytes.unreadable = size;
    feed_place(feed, place);
}

static void add_file(const struct open_file *file, struct feed *feed,
                     struct examination *examination)
{
    const bool memory = strncmp(file->link, "/memfd:", 7) == 0;
    struct place place = place_of(file, memory ? PLACE_MEMFD : PLACE_UNLINKED);
    unsigned int index;
    int fd;

    if (file->what.stx_size == 0)
        return;
    if (strncmp(file->link, "/secretmem", 10) == 0) {
        place.kind = PLACE_MEMFD;
        place.guarded = true;
        if (!is_mapped(file, false))
            add_unread(&place, file->what.stx_size, feed);
        return;
    }
    if (is_mapped(file, true))
        return;
    fd = reopen(file);
    if (fd < 0) {
        trouble_note(examination, "%s of process %d cannot be read: %s; run as root", place.name,
                     place.process, strerror(errno));
        add_unread(&place, file->what.stx_size, feed);
        return;
    }
    place.end = file->what.stx_size;
    index = feed_place(feed, &place);
    (void)stream_file(feed, fd, index, examination, NULL);
    close(fd);
}

static void add_queue(const struct open_file *file, struct feed *feed,
                      struct examination *examination)
{
    const bool socket = S_ISSOCK(file->what.stx_mode);
    struct place place = place_of(file, PLACE_PIPE);
    int fd = socket ? -1 : reopen(file);

    if (fd < 0)
        fd = take(file);
    if (fd < 0) {
        trouble_note(examination, "what waits in %s of process %d cannot be read: %s; run as root",
                     place.name, place.process, strerror(errno));
        return;
    }
    if (socket)
        target_socket(feed, &place, fd, examination);
    else
        target_pipe(feed, &place, fd, examination);
    close(fd);
}

static void look_at(struct open_file *file, struct feed *feed, struct examination *examination)
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)file->process->thread, file->number);
    length = readlink(path, file->link, sizeof(file->link) - 1);
    if (length <= 0)
        return;
    file->link[length] = '\0';
    /* Whatever the file system is: it is not asked, it might be the stopped process's own. */
    if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &file->what) != 0)
        return;
    if (!S_ISFIFO(file->what.stx_mode) && !S_ISSOCK(file->what.stx_mode) &&
        (!S_ISREG(file->what.stx_mode) || file->what.stx_nlink != 0))
        return;
    if (!target_first(file->target, makedev(file->what.stx_dev_major, file->what.stx_dev_minor),
                      file->what.stx_ino))
        return;
    if (S_ISREG(file->what.stx_mode))
        add_file(file, feed, examination);
    else
        add_queue(file, feed, examination);
}

void target_open_files(struct target *target, struct target_process *process, struct feed *feed,
                       struct examination *examination)
{
    struct open_file file = { .target = target, .process = process };
    const struct dirent *entry;
    char path[64];
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)process->thread);
    folder = opendir(path);
    if (folder == NULL) {
        trouble_note(examination, "the open files of process %d cannot be listed: %s",
                     (int)process->process, strerror(errno));
        return;
    }
    while ((entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0])) {
            file.number = (int)strtol(entry->d_name, NULL, 10);
            look_at(&file, feed, examination);
        }
    closedir(folder);
}
