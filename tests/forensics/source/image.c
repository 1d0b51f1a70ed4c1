/*
 * A raw image as a source: a file or a device is read by the workers, a stream in one go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream.h"
#include "trouble.h"

/* @return false, with the reason, if it cannot be read at all */
static bool open_image(const char *path, int *fd, struct stat *what, struct source_trouble *why)
{
    *fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return trouble_set(why, "%s cannot be read: %s", path, strerror(errno));
    if (fstat(*fd, what) == 0 && !S_ISDIR(what->st_mode))
        return true;
    close(*fd);
    return trouble_set(why, "%s is a folder, and no image", path);
}

bool source_image(const char *path, const struct source_settings *settings,
                  struct examination *examination, struct source_trouble *why)
{
    const double began = feed_clock();
    struct place place = { .kind = PLACE_FILE };
    struct stat what;
    struct feed *feed;
    unsigned int index;
    bool good;
    int fd;

    if (!open_image(path, &fd, &what, why))
        return false;
    feed = feed_new(settings, examination, NULL, false);
    if (feed == NULL) {
        close(fd);
        return trouble_set(why, "there is no memory or there are no threads to search with");
    }
    snprintf(place.name, sizeof(place.name), "%s",
             strcmp(path, "-") == 0 ? "standard input" : path);
    index = feed_place(feed, &place);
    if (S_ISREG(what.st_mode) || S_ISBLK(what.st_mode))
        good = stream_file(feed, fd, index, examination, why);
    else
        good = stream_pipe(feed, fd, index, why);
    feed_free(feed);
    close(fd);
    if (index < examination->ledger.count)
        examination->ledger.places[index].end = examination->ledger.places[index].bytes.mapped;
    scanner_conclude(settings->scanner, examination->findings);
    examination->searched += feed_clock() - began;
    return good;
}
