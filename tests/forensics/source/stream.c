/* Files and streams before a scanner: see stream.h. */
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "extents.h"
#include "trouble.h"

static uint64_t read_file(const struct reader *self, unsigned char *to, const struct span *span)
{
    const struct file_reader *file = (const struct file_reader *)self;
    const size_t size = (size_t)(span->end - span->start);
    const uint64_t own = span->to - span->from;
    size_t done = 0;

    while (done < size) {
        const ssize_t got =
            pread(file->fd, to + done, size - done, (off_t)(span->start - file->moved + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    memset(to + done, 0, size - done);
    if (span->start + done >= span->to)
        return 0;
    return span->start + done <= span->from ? own : span->to - (span->start + done);
}

void file_reader_open(struct file_reader *file, int fd, uint64_t moved)
{
    *file = (struct file_reader){ .reader = { .read = read_file }, .fd = fd, .moved = moved };
}

bool stream_file(struct feed *feed, int fd, unsigned int place, struct examination *examination,
                 struct source_trouble *why)
{
    const off_t here = lseek(fd, 0, SEEK_CUR), end = lseek(fd, 0, SEEK_END);
    const uint64_t from = here > 0 ? (uint64_t)here : 0;
    struct place_bytes bill = { 0 };
    struct file_reader file;
    struct extents extents;
    struct run run;

    if (end < 0 || !extents_open(&extents, fd, from, (uint64_t)end))
        return trouble_set(why, "the file cannot be read: %s", strerror(errno));
    if ((uint64_t)end <= from)
        return trouble_set(why, "the file is empty");
    feed_expect(feed, (uint64_t)end - from);
    file_reader_open(&file, fd, 0);
    bill.mapped = bill.never_populated = (uint64_t)end - from;
    while (extents_next(&extents, &run)) {
        const struct span span = {
            .start = run.start, .end = run.end, .from = run.start, .to = run.end, .place = place
        };

        bill.never_populated -= run.end - run.start;
        feed_range(feed, &file.reader, &span);
    }
    feed_drain(feed);
    feed_account(feed, place, &bill);
    if (place < examination->ledger.count && examination->ledger.places[place].bytes.unreadable > 0)
        trouble_note(examination, "%llu bytes of %s could not be read",
                     (unsigned long long)examination->ledger.places[place].bytes.unreadable,
                     examination->ledger.places[place].name);
    return true;
}

/* Reads until the buffer is full or there is no more. @return false on an error */
static bool fill(int fd, unsigned char *to, size_t room, size_t *got)
{
    *got = 0;
    while (*got < room) {
        const ssize_t more = read(fd, to + *got, room - *got);

        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return false;
        if (more == 0)
            break;
        *got += (size_t)more;
    }
    return true;
}

/*
 * What follows a chunk is not known when it is handed over.  So each buffer holds what was read
 * last, and of it the last bytes are the next buffer's to find: [from, to) lags behind what is
 * read by one overlap, and begins one overlap after the buffer's start.
 */
bool stream_pipe(struct feed *feed, int fd, unsigned int place, struct source_trouble *why)
{
    unsigned char kept[2 * PIECE_OVERLAP];
    struct span span = { .place = place };
    size_t carried = 0, got = FEED_CHUNK;
    bool good = true;

    while (good && got == FEED_CHUNK) {
        unsigned char *buffer = feed_buffer(feed);

        memcpy(buffer, kept, carried);
        good = fill(fd, buffer + carried, FEED_CHUNK, &got);
        if (!good)
            trouble_set(why, "reading failed: %s", strerror(errno));
        span.end = span.start + carried + got;
        span.to = got == FEED_CHUNK ? span.end - PIECE_OVERLAP : span.end;
        feed_account(feed, place, &(struct place_bytes){ .mapped = got, .read = got });
        carried = got == FEED_CHUNK ? sizeof(kept) : 0;
        memcpy(kept, buffer + (size_t)(span.end - span.start) - carried, carried);
        const struct span next = { .start = span.end - carried, .from = span.to, .place = place };
        feed_filled(feed, buffer, &span);
        span = next;
    }
    explicit_bzero(kept, sizeof(kept));
    if (good && span.from == 0)
        return trouble_set(why, "there was nothing to read");
    return good;
}
