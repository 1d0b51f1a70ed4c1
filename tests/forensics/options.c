/* The command line: see options.h. */
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "option-value.h"
#include "scan/scanner.h"

#ifndef HSMZKE_VERSION
#define HSMZKE_VERSION "?"
#endif

static const char help[] =
    "Looks for AES keys in memory, and says of one key whether it is there.\n"
    "\n"
    "  hsmzke-memscan pid PID...          processes that run, with their children\n"
    "  hsmzke-memscan core FILE           a core file\n"
    "  hsmzke-memscan image FILE          raw bytes of any size; -: standard input\n"
    "  hsmzke-memscan run -- COMMAND...   a command, at each of its PKCS#11 calls\n"
    "  hsmzke-memscan self-test           whether the detectors find what they must\n"
    "\n"
    "Which key (without: all AES keys are listed)\n"
    "  --reference REF     a key in the HSM, as hsmzke:gold, known by what it\n"
    "                      encrypts: its bytes are never seen\n"
    "  --key FILE          the 32 bytes in FILE, raw or as 64 hexadecimal digits\n"
    "  --pin-source SRC    search for the PIN too: file:PATH, env:NAME, fd:N\n"
    "What is written\n"
    "  --json[=FILE]       JSON instead of text, or to FILE\n"
    "  --html FILE         a report for an auditor, in one file\n"
    "  --ledger            every place that was read, in text and JSON\n"
    "  --reveal            print keys; without it no key is ever written\n"
    "  --progress          show progress where no terminal is, too\n"
    "How it searches\n"
    "  --thorough          find fragments of 64 bytes, not only of 96 and more\n"
    "  --threads N         threads that search (default: one for each processor)\n"
    "  --snapshot SIZE     bytes that may be copied to let the target go on early\n"
    "                      (default: 64M)\n"
    "  --no-children       leave child processes out\n"
    "  --path PATH         portable, avx2 or avx512 (default: the best there is)\n"
    "  --without DETECTOR  leave out schedules, bitsliced, known-key, oracle or\n"
    "                      pin: to see what it is for; proves nothing\n"
    "  --timeout SECONDS   give up after so long\n"
    "  --start-fd N        begin when a byte comes out of descriptor N\n"
    "run only\n"
    "  --syscalls          look at system calls inside PKCS#11 calls too\n"
    "  --every N           look at every Nth call only; then nothing is proved\n"
    "  --budget SECONDS    search so long in all, then at the end only; likewise\n"
    "  --software          only the control: the key in software, to be found\n"
    "  --no-software       leave the control out\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 the key is not in memory, or no AES key is; 1 found; 2 neither\n"
    "can be said, or an error.  More: hsmzke-memscan(1).\n";

enum option_code {
    OPTION_KEY = 256,
    OPTION_REFERENCE,
    OPTION_PIN_SOURCE,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_LEDGER,
    OPTION_REVEAL,
    OPTION_PROGRESS,
    OPTION_THOROUGH,
    OPTION_THREADS,
    OPTION_SNAPSHOT,
    OPTION_CHILDREN,
    OPTION_NO_CHILDREN,
    OPTION_PATH,
    OPTION_WITHOUT,
    OPTION_TIMEOUT,
    OPTION_START_FD,
    OPTION_SYSCALLS,
    OPTION_EVERY,
    OPTION_BUDGET,
    OPTION_SOFTWARE,
    OPTION_NO_SOFTWARE,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    { "key", required_argument, NULL, OPTION_KEY },
    { "reference", required_argument, NULL, OPTION_REFERENCE },
    { "pin-source", required_argument, NULL, OPTION_PIN_SOURCE },
    { "json", optional_argument, NULL, OPTION_JSON },
    { "html", required_argument, NULL, OPTION_HTML },
    { "ledger", no_argument, NULL, OPTION_LEDGER },
    { "reveal", no_argument, NULL, OPTION_REVEAL },
    { "progress", no_argument, NULL, OPTION_PROGRESS },
    { "thorough", no_argument, NULL, OPTION_THOROUGH },
    { "threads", required_argument, NULL, OPTION_THREADS },
    { "snapshot", required_argument, NULL, OPTION_SNAPSHOT },
    { "children", no_argument, NULL, OPTION_CHILDREN },
    { "no-children", no_argument, NULL, OPTION_NO_CHILDREN },
    { "path", required_argument, NULL, OPTION_PATH },
    { "without", required_argument, NULL, OPTION_WITHOUT },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "start-fd", required_argument, NULL, OPTION_START_FD },
    { "syscalls", no_argument, NULL, OPTION_SYSCALLS },
    { "every", required_argument, NULL, OPTION_EVERY },
    { "budget", required_argument, NULL, OPTION_BUDGET },
    { "software", no_argument, NULL, OPTION_SOFTWARE },
    { "no-software", no_argument, NULL, OPTION_NO_SOFTWARE },
    { "help", no_argument, NULL, OPTION_HELP },
    { "version", no_argument, NULL, OPTION_VERSION },
    { NULL, 0, NULL, 0 },
};

static const struct {
    const char *name;
    unsigned int detector;
} detectors[] = {
    { "schedules", DETECT_SCHEDULES },
    { "bitsliced", DETECT_BITSLICED },
    { "known-key", DETECT_KNOWN_KEY },
    { "oracle", DETECT_ORACLE },
    { "pin", DETECT_PIN },
};

const char *options_detector_name(unsigned int detector)
{
    for (size_t i = 0; i < sizeof(detectors) / sizeof(*detectors); i++)
        if (detectors[i].detector == detector)
            return detectors[i].name;
    return NULL;
}

static bool without_option(struct options *options, const char *name, FILE *error)
{
    for (size_t i = 0; i < sizeof(detectors) / sizeof(*detectors); i++) {
        if (strcmp(detectors[i].name, name) == 0) {
            options->without |= detectors[i].detector;
            return true;
        }
    }
    return option_bad(error, "--without %s: must be schedules, bitsliced, known-key, oracle or pin",
                      name);
}

static bool path_option(struct options *options, const char *name, FILE *error)
{
    static const struct {
        const char *name;
        enum code_path path;
    } paths[] = { { "portable", PATH_PORTABLE }, { "avx2", PATH_AVX2 }, { "avx512", PATH_AVX512 } };

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        if (strcmp(paths[i].name, name) == 0) {
            options->path = paths[i].path;
            return true;
        }
    }
    return option_bad(error, "--path %s: must be portable, avx2 or avx512", name);
}

static void flag_option(struct options *options, int code)
{
    switch (code) {
    case OPTION_LEDGER:
        options->ledger = true;
        break;
    case OPTION_REVEAL:
        options->reveal = true;
        break;
    case OPTION_PROGRESS:
        options->progress = true;
        break;
    case OPTION_THOROUGH:
        options->thorough = true;
        break;
    case OPTION_CHILDREN:
    case OPTION_NO_CHILDREN:
        options->children = code == OPTION_CHILDREN;
        break;
    case OPTION_SYSCALLS:
        options->syscalls = true;
        break;
    case OPTION_SOFTWARE:
        options->software = true;
        break;
    case OPTION_NO_SOFTWARE:
        options->no_software = true;
        break;
    default:
        break;
    }
}

static bool one_option(struct options *options, int code, const char *value, FILE *error)
{
    unsigned int number;

    switch (code) {
    case OPTION_KEY:
        return option_text(&options->key_file, "key", value, error);
    case OPTION_REFERENCE:
        return option_text(&options->reference, "reference", value, error);
    case OPTION_PIN_SOURCE:
        return option_text(&options->pin_source, "pin-source", value, error);
    case OPTION_HTML:
        return option_text(&options->html_file, "html", value, error);
    case OPTION_JSON:
        options->json |= value == NULL;
        return value == NULL || option_text(&options->json_file, "json", value, error);
    case OPTION_THREADS:
        return option_number("threads", value, 1, 1024, &options->threads, error);
    case OPTION_SNAPSHOT:
        return option_size(value, &options->snapshot, error);
    case OPTION_PATH:
        return path_option(options, value, error);
    case OPTION_WITHOUT:
        return without_option(options, value, error);
    case OPTION_TIMEOUT:
        return option_number("timeout", value, 1, 1000000, &options->timeout, error);
    case OPTION_START_FD:
        if (!option_number("start-fd", value, 0, INT_MAX, &number, error))
            return false;
        options->start_fd = (int)number;
        return true;
    case OPTION_EVERY:
        return option_number("every", value, 1, UINT_MAX, &options->every, error);
    case OPTION_BUDGET:
        return option_number("budget", value, 1, 1000000, &options->budget, error);
    default:
        flag_option(options, code);
        return true;
    }
}

static bool read_command(struct options *options, const char *name, FILE *error)
{
    static const char *const names[] = { "pid", "core", "image", "run", "self-test" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(names[i], name) == 0) {
            options->command = (enum command)i;
            return true;
        }
    }
    return option_bad(error, "'%s' is none of pid, core, image, run, self-test", name);
}

static bool read_pids(struct options *options, int count, char **pids, FILE *error)
{
    if (count == 0)
        return option_bad(error, "pid: no process was named; for those of a program: pid $(pidof "
                                 "PROGRAM)");
    if (count > PIDS_MAX)
        return option_bad(error, "pid: at most %d processes at a time", PIDS_MAX);
    for (int i = 0; i < count; i++) {
        uint64_t value;
        char *end;

        if (!option_digits(pids[i], INT_MAX, &value, &end) || *end != '\0' || value == 0)
            return option_bad(error, "pid: '%s' is not the number of a process", pids[i]);
        options->pids[options->pid_count++] = (pid_t)value;
    }
    return true;
}

/* What comes after the options. */
static bool read_rest(struct options *options, int count, char **rest, FILE *error)
{
    switch (options->command) {
    case COMMAND_PID:
        return read_pids(options, count, rest, error);
    case COMMAND_CORE:
    case COMMAND_IMAGE:
        if (count != 1)
            return option_bad(error, "%s: one file must be named",
                              options->command == COMMAND_CORE ? "core" : "image");
        options->file = rest[0];
        return true;
    case COMMAND_RUN:
        if (count == 0)
            return option_bad(error, "run: no command was named: run [OPTIONS] -- COMMAND...");
        options->run = rest;
        return true;
    case COMMAND_SELF_TEST:
        break;
    }
    return count == 0 || option_bad(error, "self-test takes no '%s'", rest[0]);
}

/* What does not go together. */
static bool check(const struct options *options, FILE *error)
{
    const bool run = options->command == COMMAND_RUN;

    if (!run && (options->syscalls || options->every != 0 || options->budget != 0 ||
                 options->software || options->no_software))
        return option_bad(error, "--syscalls, --every, --budget, --software and --no-software are "
                                 "for run only");
    if (run && options->json)
        return option_bad(error, "run: standard output is the command's: --json=FILE");
    if (options->software && options->no_software)
        return option_bad(error, "--software and --no-software exclude each other");
    if (options->json && options->json_file != NULL)
        return option_bad(error, "--json was given twice");
    return true;
}

static bool read_options(struct options *options, int argc, char **argv, FILE *error, int *special)
{
    /* "+": what follows the command of `run` is the command's. */
    const char *order = options->command == COMMAND_RUN ? "+:" : ":";
    int code;

    optind = 0;
    opterr = 0;
    while ((code = getopt_long(argc, argv, order, long_options, NULL)) != -1) {
        if (code == OPTION_HELP || code == OPTION_VERSION) {
            *special = code;
            return true;
        }
        if (code == ':')
            return option_bad(error, "%s needs a value", argv[optind - 1]);
        if (code == '?')
            return option_bad(error, "%s is no option, or takes no value", argv[optind - 1]);
        if (!one_option(options, code, optarg, error))
            return false;
    }
    return read_rest(options, argc - optind, argv + optind, error) && check(options, error);
}

enum options_result options_read(struct options *options, int argc, char **argv, FILE *out,
                                 FILE *error)
{
    int special = 0;

    *options = (struct options){ .children = true, .start_fd = -1, .snapshot = 64U << 20 };
    if (argc < 2) {
        option_bad(error, "what is to be scanned?");
        return OPTIONS_BAD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        special = OPTION_HELP;
    else if (strcmp(argv[1], "--version") == 0)
        special = OPTION_VERSION;
    else if (!read_command(options, argv[1], error) ||
             !read_options(options, argc - 1, argv + 1, error, &special))
        return OPTIONS_BAD;
    if (special == 0)
        return OPTIONS_GO;
    fputs(special == OPTION_HELP ? help : "hsmzke-memscan " HSMZKE_VERSION "\n", out);
    return fflush(out) == 0 ? OPTIONS_DONE : OPTIONS_BAD;
}
