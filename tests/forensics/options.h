/*
 * The command line of hsmzke-memscan: read, checked, and explained.
 */
#ifndef MEMSCAN_OPTIONS_H
#define MEMSCAN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "scan/detector.h"

enum command {
    COMMAND_PID,
    COMMAND_CORE,
    COMMAND_IMAGE,
    COMMAND_RUN,
    COMMAND_SELF_TEST,
};

enum { PIDS_MAX = 1024 };

/** Texts are those of argv. */
struct options {
    enum command command;
    pid_t pids[PIDS_MAX];
    size_t pid_count;
    const char *file;       /**< core, image */
    char **run;             /**< the command line after "--" */
    const char *key_file;   /**< --key; else NULL */
    const char *reference;  /**< --reference; else NULL */
    const char *pin_source; /**< --pin-source; else NULL */
    bool json;              /**< --json: instead of the text, on standard output */
    const char *json_file;  /**< --json=FILE; else NULL */
    const char *html_file;  /**< --html; else NULL */
    bool reveal;            /**< --reveal */
    bool ledger;            /**< --ledger: every place in text and JSON */
    bool thorough;          /**< --thorough */
    bool children;          /**< --children, the default */
    bool progress;          /**< --progress, also where no terminal is */
    uint64_t snapshot;      /**< --snapshot, bytes */
    unsigned int threads;   /**< --threads; 0: one for each processor */
    unsigned int without;   /**< --without: enum detector_set */
    enum code_path path;    /**< --path */
    unsigned int timeout;   /**< --timeout, seconds; 0: none */
    int start_fd;           /**< --start-fd: begin when a byte comes out of it; -1: at once */
    bool syscalls;          /**< run: --syscalls */
    unsigned int every;     /**< run: --every */
    unsigned int budget;    /**< run: --budget, seconds; 0: no limit */
    bool software;          /**< run: --software */
    bool no_software;       /**< run: --no-software */
};

enum options_result {
    OPTIONS_GO,   /**< scan */
    OPTIONS_DONE, /**< help or version was printed */
    OPTIONS_BAD,  /**< the error was printed */
};

/**
 * Reads the command line.
 * @param out for --help and --version
 * @param error for what is wrong
 */
enum options_result options_read(struct options *options, int argc, char **argv, FILE *out,
                                 FILE *error);

/** The name of one detector, as --without has it; NULL if there is none. */
const char *options_detector_name(unsigned int detector);

#endif
