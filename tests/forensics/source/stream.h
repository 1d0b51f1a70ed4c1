/*
 * Files and streams before a scanner, through a feed.
 */
#ifndef MEMSCAN_STREAM_H
#define MEMSCAN_STREAM_H

#include "feed.h"

/** A file that is read by offset, by workers: its bytes are those of addresses, moved. */
struct file_reader {
    struct reader reader; /**< first */
    int fd;
    uint64_t moved; /**< offset = address - moved */
};
void file_reader_open(struct file_reader *file, int fd, uint64_t moved);

/**
 * All data of a file or block device from where it stands, at once; what it has no data for
 * counts as never populated.  Waits until it is read.
 */
bool stream_file(struct feed *feed, int fd, unsigned int place, struct examination *examination,
                 struct source_trouble *why);

/** All that comes out of a pipe or a terminal. @return false if reading fails */
bool stream_pipe(struct feed *feed, int fd, unsigned int place, struct source_trouble *why);

#endif
