/*
 * A process's files: those that only exist in memory, those without a name, and what waits in pipes
 * and sockets.  Open ones of each of its threads, those that are on their way through a socket, and
 * mapped ones, of which a mapping may show a part.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pages.h"
#include "stream.h"
#include "target.h"
#include "trouble.h"

enum {
    HUGETLBFS = (int)0x958458f6,
    HUGE_LEAST = 2 << 20,
    PIDFD_OF_THREAD = O_EXCL, /* PIDFD_THREAD, from Linux 6.9 on */
};

/* One file of the process. */
struct open_file {
    struct target *target;
    struct target_process *process;
    pid_t thread;   /* whose open file it is */
    int number;     /* ... under that thread's number; of a sent file under ours; -1: mapped */
    bool is_sent;   /* it came out of a socket, and is open in this program */
    char path[64];  /* where /proc has it */
    char link[300]; /* what /proc says that it is */
    struct statx what;
};

/* The very file that the process has open, position and all. */
static int take(const struct open_file *file)
{
    const bool leads = file->thread == file->process->process;
    int pidfd, fd;

    if (file->is_sent)
        return fcntl(file->number, F_DUPFD_CLOEXEC, 0);
    pidfd = (int)syscall(SYS_pidfd_open, file->thread, leads ? 0 : PIDFD_OF_THREAD);
    if (pidfd < 0)
        return -1;
    fd = (int)syscall(SYS_pidfd_getfd, pidfd, file->number, 0);
    close(pidfd);
    return fd;
}

/* Opens it anew: its position is our own, and the process's stays where it is. */
static int reopen(const struct open_file *file)
{
    return open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/*
 * What is read of a mapping of huge pages is what the process itself has touched: more would take
 * pages of the few that there are.  Only a file that may be one is asked.
 */
static bool has_huge_pages(const struct open_file *file)
{
    struct statfs system;

    return file->what.stx_blksize >= HUGE_LEAST && statfs(file->path, &system) == 0 &&
           (int)system.f_type == HUGETLBFS;
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

/* POSIX shared memory has a name, and is memory all the same. */
static bool is_shared_memory(const char *path)
{
    return strncmp(path, "/dev/shm/", 9) == 0;
}

static struct place place_of(const struct open_file *file, enum place_kind kind)
{
    struct place place = { .kind = kind, .process = file->process->process };

    if (file->is_sent)
        snprintf(place.name, sizeof(place.name), "on its way in a socket: %.220s", file->link);
    else if (file->number < 0)
        snprintf(place.name, sizeof(place.name), "mapped: %.230s", file->link);
    else
        snprintf(place.name, sizeof(place.name), "fd %d: %.230s", file->number, file->link);
    return place;
}

/* What cannot be read is still there, and counted. */
static void add_unread(struct place *place, uint64_t size, struct feed *feed)
{
    place->end = place->bytes.mapped = place->bytes.unreadable = size;
    feed_place(feed, place);
}

/*
 * What a program wrote behind the end of the file, through a mapping of its last page: the page has
 * it, and no read() gives it.  Not touched here, for the file may become shorter at any time.
 */
static void add_tail(struct feed *feed, unsigned int place, int fd, uint64_t size)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = size / page * page;
    const struct place_bytes rest = { .mapped = start + page - size, .read = start + page - size };
    unsigned char *bytes = pages_map((size_t)page);
    void *last = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, (off_t)start);
    const struct iovec to = { bytes, (size_t)page }, from = { last, (size_t)page };

    if (bytes != NULL && last != MAP_FAILED &&
        process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)page) {
        feed_account(feed, place, &rest);
        feed_bytes(feed, place, start, bytes, (size_t)page);
    }
    if (last != MAP_FAILED)
        munmap(last, (size_t)page);
    pages_unmap(bytes, (size_t)page, (size_t)page);
}

static void add_file(const struct open_file *file, struct feed *feed,
                     struct examination *examination)
{
    const enum place_kind kind = strncmp(file->link, "/memfd:", 7) == 0 ? PLACE_MEMFD
                                 : is_shared_memory(file->link)         ? PLACE_SHARED
                                                                        : PLACE_UNLINKED;
    struct place place = place_of(file, kind);
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
    if (has_huge_pages(file) ? file->what.stx_blocks == 0 : is_mapped(file, true))
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
    if (file->what.stx_size % (uint64_t)sysconf(_SC_PAGESIZE) != 0)
        add_tail(feed, index, fd, file->what.stx_size);
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
        target_socket(file->target, file->process, feed, &place, fd, examination);
    else
        target_pipe(feed, &place, fd, examination);
    close(fd);
}

/* @return false, with errno, if nobody tells what it is */
static bool identify(struct open_file *file)
{
    const ssize_t length = readlink(file->path, file->link, sizeof(file->link) - 1);

    file->link[length > 0 ? length : 0] = '\0';
    /* Whatever the file system is: it is not asked, it might be the stopped process's own. */
    return length > 0 &&
           statx(AT_FDCWD, file->path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &file->what) == 0;
}

/* Whether what is in it is in no mapping of somebody's and in no folder on a disk. */
static bool is_memory(const struct open_file *file)
{
    return S_ISFIFO(file->what.stx_mode) || S_ISSOCK(file->what.stx_mode) ||
           (S_ISREG(file->what.stx_mode) &&
            (file->what.stx_nlink == 0 || is_shared_memory(file->link)));
}

static void look_at(struct open_file *file, struct feed *feed, struct examination *examination)
{
    if (!identify(file)) {
        if (errno != ENOENT)
            trouble_note(examination, "fd %d of process %d cannot be looked at: %s", file->number,
                         (int)file->process->process, strerror(errno));
        return;
    }
    if (!is_memory(file) ||
        !target_first(file->target, makedev(file->what.stx_dev_major, file->what.stx_dev_minor),
                      file->what.stx_ino))
        return;
    if (S_ISREG(file->what.stx_mode))
        add_file(file, feed, examination);
    else
        add_queue(file, feed, examination);
}

void target_sent_file(struct target *target, struct target_process *process, struct feed *feed,
                      int fd, struct examination *examination)
{
    struct open_file file = { .target = target, .process = process, .number = fd, .is_sent = true };

    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", fd);
    look_at(&file, feed, examination);
}

static void list_files(struct open_file *file, struct feed *feed, struct examination *examination)
{
    const struct dirent *entry;
    char path[64];
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)file->thread);
    folder = opendir(path);
    if (folder == NULL) {
        trouble_note(examination, "the open files of process %d cannot be listed: %s",
                     (int)file->process->process, strerror(errno));
        return;
    }
    while ((entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0])) {
            file->number = (int)strtol(entry->d_name, NULL, 10);
            snprintf(file->path, sizeof(file->path), "/proc/%d/fd/%d", (int)file->thread,
                     file->number);
            look_at(file, feed, examination);
        }
    closedir(folder);
}

/* Whether a thread has its open files with another, as almost all have; without kcmp(2) no. */
static bool same_files(pid_t one, pid_t other)
{
    return one == other || syscall(SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0;
}

void target_open_files(struct target *target, struct target_process *process, struct feed *feed,
                       struct examination *examination)
{
    struct open_file file = { .target = target, .process = process, .thread = process->thread };

    list_files(&file, feed, examination);
    for (size_t i = 0; i < target->tasks.count; i++) {
        const struct task *task = &target->tasks.items[i];

        if (task->process != process->process || task->state == TASK_GONE ||
            same_files(process->thread, task->thread))
            continue;
        file.thread = task->thread;
        list_files(&file, feed, examination);
    }
}

static bool is_deleted(const char *path)
{
    static const char mark[] = " (deleted)";
    const size_t size = strlen(path);

    return size >= sizeof(mark) && strcmp(path + size - (sizeof(mark) - 1), mark) == 0;
}

/*
 * Only root may open a file by a mapping.  For others the length of the file is not known: most
 * have mapped all of it, if they began at its beginning (docs/forensics-sources.md).
 */
static void look_at_mapped(struct open_file *file, const struct mapping *mapping, struct feed *feed,
                           struct examination *examination)
{
    const uint64_t device = makedev(mapping->major, mapping->minor);
    const bool whole = mapping->permissions[3] == 's' && mapping->offset == 0;

    if (target_knows(file->target, device, mapping->inode))
        return;
    if (identify(file)) {
        if (is_memory(file) && target_first(file->target, device, mapping->inode))
            add_file(file, feed, examination);
    } else if (!whole && strncmp(mapping->path, "/SYSV", 5) != 0) {
        trouble_note(examination,
                     "of %s process %d has mapped a part: what else it holds only root can tell",
                     mapping->path, (int)file->process->process);
    }
}

void target_mapped_files(struct target *target, struct target_process *process, struct feed *feed,
                         struct examination *examination)
{
    struct open_file file = { .target = target, .process = process, .number = -1 };

    for (size_t i = 0; i < process->maps.count; i++) {
        const struct mapping *mapping = &process->maps.items[i];

        if (mapping->inode == 0 || mapping_kind(mapping) == MAPPING_SECRET ||
            !(is_shared_memory(mapping->path) || is_deleted(mapping->path)))
            continue;
        snprintf(file.path, sizeof(file.path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
                 (int)process->thread, mapping->start, mapping->end);
        look_at_mapped(&file, mapping, feed, examination);
    }
}
