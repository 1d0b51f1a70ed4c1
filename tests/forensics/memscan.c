/*
 * hsmzke-memscan: asks, checks itself, scans, judges, reports.  A table of contents.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "asking.h"
#include "check/check.h"
#include "output.h"
#include "progress.h"
#include "report/words.h"
#include "report/writers.h"
#include "run/run.h"
#include "source/procfs.h"
#include "source/source.h"

enum { STATUS_INCONCLUSIVE = 2 };

/* All that a run of the program has; what signal handlers need is in here, too. */
static struct program {
    struct options options;
    struct report report;
    struct asking asking;
    struct output json, html;
} program;

static int fail(const char *text)
{
    fprintf(stderr, "hsmzke-memscan: %s\nINCONCLUSIVE: no verdict was reached\n", text);
    return STATUS_INCONCLUSIVE;
}

/* ---- what ends it early ---- */

/* Files under a temporary name do not stay behind.  The kernel lets the target run on. */
static void end_early(int signal)
{
    static const char text[] = "hsmzke-memscan: no end within --timeout\n"
                               "INCONCLUSIVE: no verdict was reached\n";

    if (program.json.temporary[0] != '\0')
        unlink(program.json.temporary);
    if (program.html.temporary[0] != '\0')
        unlink(program.html.temporary);
    if (signal == SIGALRM) {
        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
            _exit(STATUS_INCONCLUSIVE);
        _exit(STATUS_INCONCLUSIVE);
    }
    raise(signal); /* once more, with the default action */
}

static void arm(const struct options *options)
{
    const struct sigaction action = { .sa_handler = end_early, .sa_flags = (int)SA_RESETHAND };
    const struct rlimit none = { 0 };

    setrlimit(RLIMIT_CORE, &none);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGALRM, &action, NULL);
    if (options->command != COMMAND_RUN) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGHUP, &action, NULL);
    }
    if (options->timeout > 0)
        alarm(options->timeout);
}

/* @return false if whoever holds the other end has gone */
static bool wait_for_start(int fd)
{
    char byte;
    ssize_t size;

    if (fd < 0)
        return true;
    do
        size = read(fd, &byte, 1);
    while (size < 0 && errno == EINTR);
    close(fd);
    return size == 1;
}

/* ---- what the report says of this run ---- */

static void name_processor(char *name, size_t room)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(name, room, "%s", strchr(line, ':') + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

static void name_machine(struct report *report)
{
    struct utsname names;

    snprintf(report->version, sizeof(report->version), "%s", HSMZKE_VERSION);
    report->when = (int64_t)time(NULL);
    if (uname(&names) == 0) {
        snprintf(report->host, sizeof(report->host), "%.64s", names.nodename);
        snprintf(report->kernel, sizeof(report->kernel), "%.20s %.64s %.20s", names.sysname,
                 names.release, names.machine);
    }
    name_processor(report->processor, sizeof(report->processor));
}

static void name_target(const struct options *options, struct report *report)
{
    struct words words = { 0 };

    if (options->command == COMMAND_PID) {
        words_add(&words, options->pid_count > 1 ? "processes " : "process ");
        for (size_t i = 0; i < options->pid_count; i++) {
            char name[20];

            proc_name(options->pids[i], name);
            words_add(&words, "%s%d (%s)", i > 0 ? ", " : "", options->pids[i], name);
        }
    } else if (options->command != COMMAND_RUN) {
        words_add(&words, "%s %s", options->command == COMMAND_CORE ? "core file" : "image",
                  strcmp(options->file, "-") == 0 ? "on standard input" : options->file);
    }
    snprintf(report->target, sizeof(report->target), "%.255s", words.text);
    report->kind = options->command == COMMAND_PID    ? TARGET_PROCESSES
                   : options->command == COMMAND_CORE ? TARGET_CORE
                   : options->command == COMMAND_RUN  ? TARGET_RUN
                                                      : TARGET_IMAGE;
}

/* Detectors that were switched off leave no negative verdict. */
static void name_detectors(const struct options *options, const struct scanner *scanner,
                           struct report *report)
{
    struct condition_result *result = &report->conditions[CONDITION_DETECTORS];
    struct words off = { 0 }, on = { 0 };

    for (const char *const *name = scanner_detector_names(scanner); *name != NULL; name++)
        words_add(&on, "%s%s", on.size > 0 ? ", " : "", *name);
    snprintf(report->detectors, sizeof(report->detectors), "%.127s", on.text);
    snprintf(report->path, sizeof(report->path), "%s", code_path_name(scanner_path(scanner)));
    if (options->without == 0)
        return;
    for (unsigned int detector = 1; detector < DETECT_ALL; detector <<= 1)
        if ((options->without & detector) != 0)
            words_add(&off, "%s%s", off.size > 0 ? ", " : "", options_detector_name(detector));
    result->state = STATE_FAILS;
    snprintf(result->reason, sizeof(result->reason), "Switched off by --without: %.400s.",
             off.text);
}

/* ---- scanning ---- */

static bool scan_source(struct program *self, const struct source_settings *settings,
                        struct source_trouble *why)
{
    const struct options *options = &self->options;
    struct examination *examination = examination_new();
    bool read = false;

    if (examination == NULL) {
        snprintf(why->text, sizeof(why->text), "there is no memory");
        return false;
    }
    if (options->command == COMMAND_PID)
        read = source_processes(options->pids, options->pid_count, settings, examination, why);
    else if (options->command == COMMAND_CORE)
        read = source_core(options->file, settings, examination, why);
    else
        read = source_image(options->file, settings, examination, why);
    if (!read) {
        examination_free(examination);
        return false;
    }
    if (report_add(&self->report, examination))
        return true;
    snprintf(why->text, sizeof(why->text), "there is no memory");
    return false;
}

static bool scan_once(struct program *self, const struct scanner *scanner,
                      struct source_trouble *why)
{
    struct progress progress;
    struct source_settings settings = {
        .scanner = scanner,
        .workers = self->options.threads,
        .snapshot = self->options.snapshot,
        .children = self->options.children,
    };
    bool done;

    if (progress_begin(&progress, self->options.progress)) {
        settings.progress = progress_show;
        settings.argument = &progress;
    }
    done = scan_source(self, &settings, why);
    progress_end(&progress);
    return done;
}

static bool scan_run(struct program *self, struct source_trouble *why)
{
    const struct options *options = &self->options;
    const struct run_settings settings = {
        .command = options->run,
        .scan = &self->asking.settings,
        .mode = options->software      ? RUN_SOFTWARE
                : options->no_software ? RUN_HSM
                                       : RUN_BOTH,
        .workers = options->threads,
        .snapshot = options->snapshot,
        .syscalls = options->syscalls,
        .every = options->every,
        .budget = options->budget,
    };
    struct run_end end = { 0 };

    if (!run_command(&settings, &self->report, &end, why))
        return false;
    if (end.status != 0)
        fprintf(stderr, "hsmzke-memscan: the command: %s\n", end.text);
    return true;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool scan(struct program *self, struct source_trouble *why)
{
    const double begun = seconds();
    struct scanner *scanner = scanner_new(&self->asking.settings);
    bool done;

    if (scanner == NULL) {
        snprintf(why->text, sizeof(why->text),
                 "there is no locked memory for the scanner: raise "
                 "the limit (ulimit -l, LimitMEMLOCK=)");
        return false;
    }
    name_target(&self->options, &self->report);
    name_detectors(&self->options, scanner, &self->report);
    done =
        self->options.command == COMMAND_RUN ? scan_run(self, why) : scan_once(self, scanner, why);
    scanner_free(scanner);
    self->report.duration = seconds() - begun;
    return done;
}

/* The detectors' self-test, before every scan; with the helper process where processes are read. */
static bool check(struct program *self, struct source_trouble *why)
{
    const struct scanner_settings *settings = &self->asking.settings;
    const enum command command = self->options.command;

    if (!check_detectors(settings, &self->report)) {
        snprintf(why->text, sizeof(why->text), "there is no memory for the self-test");
        return false;
    }
    return (command != COMMAND_PID && command != COMMAND_SELF_TEST) ||
           check_helper(settings, &self->report, why);
}

/* ---- reporting ---- */

static bool open_outputs(struct program *self, struct failure *why)
{
    const struct options *options = &self->options;

    return (options->json_file == NULL || output_open(&self->json, options->json_file, why)) &&
           (options->html_file == NULL || output_open(&self->html, options->html_file, why));
}

/* @return what report_json() and its like return, for a file */
static bool write_one(struct program *self, struct output *output,
                      bool (*writer)(const struct report *, const struct writer_settings *, FILE *),
                      const struct writer_settings *settings, struct failure *why)
{
    if (output->file == NULL)
        return true;
    (void)writer(&self->report, settings, output->file);
    return output_commit(output, why); /* sees what went wrong in the stream, too */
}

static bool write_all(struct program *self, struct failure *why)
{
    FILE *text = self->options.command == COMMAND_RUN ? stderr : stdout;
    struct writer_settings settings = { .reveal = self->options.reveal,
                                        .everything = self->options.ledger };

    if (!write_one(self, &self->json, report_json, &settings, why) ||
        !write_one(self, &self->html, report_html, &settings, why))
        return false;
    settings.colour = isatty(fileno(text)) == 1 && getenv("NO_COLOR") == NULL;
    if ((self->options.json ? report_json : report_text)(&self->report, &settings, text))
        return true;
    failure_set(why, FAILURE_CONFIGURATION, "the report cannot be written: %s", strerror(errno));
    return false;
}

static int self_test(const struct report *report)
{
    size_t found = 0;

    for (size_t i = 0; i < report->control_count; i++) {
        printf("%-9s  %s\n", report->controls[i].found ? "found" : "NOT FOUND",
               report->controls[i].name);
        found += report->controls[i].found;
    }
    printf("%zu of %zu found\n", found, report->control_count);
    return fflush(stdout) == 0 && found == report->control_count ? EXIT_SUCCESS
                                                                 : STATUS_INCONCLUSIVE;
}

static int work(struct program *self)
{
    struct failure why = { 0 };
    struct source_trouble trouble = { "" };

    if (!open_outputs(self, &why) ||
        !asking_fetch(&self->asking, &self->options, &self->report, &why))
        return fail(why.text);
    if (!check(self, &trouble))
        return fail(trouble.text);
    if (self->options.command == COMMAND_SELF_TEST)
        return self_test(&self->report);
    name_machine(&self->report);
    if (!scan(self, &trouble))
        return fail(trouble.text);
    report_judge(&self->report);
    if (!write_all(self, &why))
        return fail(why.text);
    return report_status(&self->report);
}

int main(int argc, char **argv)
{
    int status;

    switch (options_read(&program.options, argc, argv, stdout, stderr)) {
    case OPTIONS_GO:
        break;
    case OPTIONS_DONE:
        return EXIT_SUCCESS;
    case OPTIONS_BAD:
        return STATUS_INCONCLUSIVE;
    }
    arm(&program.options);
    status = wait_for_start(program.options.start_fd)
                 ? work(&program)
                 : fail("--start-fd: the other end was closed before it gave the word");
    output_drop(&program.json);
    output_drop(&program.html);
    asking_clear(&program.asking);
    report_clear(&program.report);
    return status;
}
