/* Files, whole or not at all: see output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(const char *path, const char *what, struct failure *why)
{
    failure_set(why, FAILURE_CONFIGURATION, "%s cannot be %s: %s", path, what, strerror(errno));
    return false;
}

/* A terminal, a pipe, /dev/null: written to, for there is nothing to be put in its place. */
static bool is_special(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/* DIRECTORY/.NAME.XXXXXX: the same file system, so that rename() replaces at once. */
static bool name_temporary(struct output *output)
{
    const char *slash = strrchr(output->path, '/');
    const int directory = slash != NULL ? (int)(slash - output->path + 1) : 0;
    const int size = snprintf(output->temporary, sizeof(output->temporary), "%.*s.%.200s.XXXXXX",
                              directory, output->path, output->path + directory);

    return size > 0 && (size_t)size < sizeof(output->temporary);
}

bool output_open(struct output *output, const char *path, struct failure *why)
{
    struct stat status;
    int fd;

    *output = (struct output){ .path = path };
    errno = EISDIR;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return refuse(path, "written", why);
    }
    if (is_special(path)) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        errno = ENAMETOOLONG;
        fd = name_temporary(output) ? mkostemp(output->temporary, O_CLOEXEC) : -1;
    }
    if (fd < 0) {
        output->temporary[0] = '\0';
        return refuse(path, "written", why);
    }
    output->file = fdopen(fd, "w");
    if (output->file == NULL) {
        close(fd);
        output_drop(output);
        return refuse(path, "written", why);
    }
    return true;
}

bool output_commit(struct output *output, struct failure *why)
{
    bool good = fflush(output->file) == 0 && ferror(output->file) == 0;

    if (good && output->temporary[0] != '\0')
        good = fsync(fileno(output->file)) == 0;
    good = fclose(output->file) == 0 && good;
    output->file = NULL;
    if (good && output->temporary[0] != '\0')
        good = rename(output->temporary, output->path) == 0;
    if (!good) {
        refuse(output->path, "written", why);
        output_drop(output);
        return false;
    }
    output->temporary[0] = '\0';
    return true;
}

void output_drop(struct output *output)
{
    if (output->file != NULL)
        fclose(output->file);
    output->file = NULL;
    if (output->temporary[0] != '\0')
        unlink(output->temporary);
    output->temporary[0] = '\0';
}
