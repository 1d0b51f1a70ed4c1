/* The parts of a file that hold data: see extents.h. */
#include "extents.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool extents_open(struct extents *extents, int fd, uint64_t at, uint64_t end)
{
    struct stat file;

    *extents = (struct extents){ .fd = fd, .at = at, .end = end };
    if (fstat(fd, &file) != 0 || (!S_ISREG(file.st_mode) && !S_ISBLK(file.st_mode)))
        return false;
    if (S_ISREG(file.st_mode) && extents->end > (uint64_t)file.st_size)
        extents->end = (uint64_t)file.st_size;
    extents->no_holes = S_ISBLK(file.st_mode);
    return true;
}

bool extents_next(struct extents *extents, struct run *run)
{
    off_t data, hole;

    if (extents->at >= extents->end)
        return false;
    *run = (struct run){ .start = extents->at, .end = extents->end };
    if (!extents->no_holes) {
        data = lseek(extents->fd, (off_t)extents->at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            extents->at = extents->end;
            return false;
        }
        hole = data < 0 ? -1 : lseek(extents->fd, data, SEEK_HOLE);
        if (data < 0 || hole <= data) {
            extents->no_holes = true;
        } else {
            run->start = (uint64_t)data;
            run->end = (uint64_t)hole < extents->end ? (uint64_t)hole : extents->end;
        }
    }
    extents->at = run->end > extents->at ? run->end : extents->end;
    return run->start < extents->end;
}
