/*
 * Which PKCS#11 module the command would use, and the environment in which it uses the tap
 * instead.
 */
#ifndef MEMSCAN_ENVIRONMENT_H
#define MEMSCAN_ENVIRONMENT_H

#include <limits.h>
#include <stdbool.h>

#include "../source/source.h"

struct environment {
    char tap[PATH_MAX], software[PATH_MAX]; /**< what we load into the target */
    char module[PATH_MAX];                  /**< what hsmzke was configured to load */
    char origin[PATH_MAX];                  /**< where that stands, for people */
};

/** Finds the three. @return false, with the reason */
bool environment_find(struct environment *environment, struct source_trouble *why);

/** Sets this process's variables for the command; `software`: the software module computes. */
bool environment_set(const struct environment *environment, bool software);

#endif
