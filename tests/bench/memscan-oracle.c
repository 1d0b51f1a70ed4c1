/*
 * bench-memscan-oracle: how fast a key is looked for of which only E_K(plain) is known, and one of
 * which the bytes are.
 *
 *     bench-memscan-oracle engines             keys tried a second, for each code path
 *     bench-memscan-oracle pid PID THREADS     the readable memory of a process
 *     bench-memscan-oracle files MIB THREADS FILE...   so much of these files, one behind the other
 *
 * For memory: by structure, with a known key, and the oracle search at every byte offset with all
 * its variants; the best of three, beside the time that the processor spent.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../forensics/scan/oracle.h"
#include "../forensics/test/random.h"

enum { PIECE = 1 << 20, THREADS_MAX = 64, REPEAT = 3 };

struct image {
    unsigned char *bytes;
    size_t size, room;
};

struct job {
    const struct image *image;
    const struct scanner *scanner;
    struct findings *findings;
    atomic_size_t next;
};

static double seconds(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench-memscan-oracle: %s\n", what);
    exit(1);
}

static void make_image(struct image *image, size_t room)
{
    unsigned char *memory = mmap(NULL, room + 2 * PIECE_MARGIN, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        fail("not enough memory for the image");
    *image = (struct image){ memory + PIECE_MARGIN, 0, room };
}

static void append(struct image *image, int fd, off_t from, size_t size)
{
    while (size > 0 && image->size < image->room) {
        const size_t left = image->room - image->size;
        const ssize_t got = pread(fd, image->bytes + image->size, size < left ? size : left, from);

        if (got <= 0)
            return;
        image->size += (size_t)got;
        from += got;
        size -= (size_t)got;
    }
}

static void append_process(struct image *image, const char *pid)
{
    char path[64], line[512];
    FILE *maps;
    int fd;

    snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
    maps = fopen(path, "r");
    snprintf(path, sizeof(path), "/proc/%.20s/mem", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (maps == NULL || fd < 0)
        fail("the process cannot be read");
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *rest;
        const unsigned long start = strtoul(line, &rest, 16), end = strtoul(rest + 1, &rest, 16);

        if (rest[1] == 'r')
            append(image, fd, (off_t)start, end - start);
    }
    fclose(maps);
    close(fd);
}

static void append_file(struct image *image, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    append(image, fd, 0, image->room);
    close(fd);
}

static void *work(void *argument)
{
    struct job *job = argument;
    const struct image *image = job->image;
    size_t from;

    while ((from = atomic_fetch_add(&job->next, PIECE)) < image->size) {
        const size_t to = image->size - from > PIECE ? from + PIECE : image->size;

        scanner_search(
            job->scanner,
            &(struct piece){ .bytes = image->bytes, .size = image->size, .from = from, .to = to },
            job->findings);
    }
    return NULL;
}

static void run(const struct image *image, const struct scanner *scanner, unsigned int threads,
                const char *what)
{
    double best = 0, spent = 0;
    size_t count = 0;

    for (int i = 0; i < REPEAT; i++) {
        struct job job = { .image = image, .scanner = scanner, .findings = findings_new() };
        pthread_t others[THREADS_MAX];
        const double start = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
        double time;

        for (unsigned int t = 1; t < threads; t++)
            if (pthread_create(&others[t], NULL, work, &job) != 0)
                fail("no thread");
        work(&job);
        for (unsigned int t = 1; t < threads; t++)
            pthread_join(others[t], NULL);
        time = seconds(CLOCK_MONOTONIC) - start;
        if (i == 0 || time < best) {
            best = time;
            spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
        }
        count = findings_count(job.findings);
        findings_free(job.findings);
    }
    printf("  %-32s %8.3f s  %8.1f MB/s  (%.3f s of processor, %zu findings)\n", what, best,
           (double)image->size / best / 1e6, spent, count);
}

static void search(const struct image *image, unsigned int threads)
{
    static const struct {
        unsigned int detectors;
        const char *what;
    } searches[] = {
        { DETECT_SCHEDULES | DETECT_BITSLICED, "structure" },
        { DETECT_KNOWN_KEY, "known key" },
        { DETECT_SCHEDULES | DETECT_BITSLICED | DETECT_KNOWN_KEY, "structure, known key" },
        { DETECT_ORACLE, "oracle" },
        { DETECT_SCHEDULES | DETECT_BITSLICED | DETECT_ORACLE, "structure, oracle" },
    };
    static const enum code_path paths[] = { PATH_AVX2, PATH_AVX512 };
    unsigned char key[32];
    uint64_t seed = 1;
    struct sought sought = { .name = "bench", .key = key };
    struct scanner_settings settings = { .sought = &sought, .sought_count = 1 };

    random_fill(key, sizeof(key), &seed);
    random_fill(settings.plain, sizeof(settings.plain), &seed);
    for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
        if (code_path_choose(paths[p]) != paths[p])
            continue;
        printf("%.1f MB, %s, %u threads\n", (double)image->size / 1e6, code_path_name(paths[p]),
               threads);
        settings.path = paths[p];
        for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
            struct scanner *scanner;

            settings.detectors = searches[i].detectors;
            scanner = scanner_new(&settings);
            if (scanner == NULL)
                fail("no scanner");
            run(image, scanner, threads, searches[i].what);
            scanner_free(scanner);
        }
    }
}

static void bench_engine(const char *name, const struct oracle_engine *engine, unsigned int goals)
{
    enum { BYTES = 1 << 16 };
    static unsigned char bytes[BYTES + 64];
    struct oracle_goal goal = { .count = goals };
    struct oracle_batch batch = { .count = ORACLE_BATCH };
    uint64_t seed = 2, tried = 0, matches = 0;
    double start, time;

    random_fill(bytes, sizeof(bytes), &seed);
    random_fill(&goal.cipher[0][0], sizeof(goal.cipher), &seed);
    start = seconds(CLOCK_THREAD_CPUTIME_ID);
    do {
        for (size_t at = 0; at < BYTES; at += ORACLE_BATCH) {
            for (size_t i = 0; i < ORACLE_BATCH; i++) {
                batch.first[i] = bytes + at + i;
                batch.second[i] = bytes + at + i + 16;
            }
            matches |= engine->match(&goal, &batch);
        }
        tried += BYTES;
        time = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    } while (time < 1.0);
    printf("  %-10s %2u ciphertexts  %7.1f million keys a second%s\n", name, goals,
           (double)tried / time / 1e6, matches != 0 ? " (a match?)" : "");
}

static void bench_engines(void)
{
    printf("keys tried by one thread, of the time that it had\n");
    for (unsigned int goals = 1; goals <= SOUGHT_MAX; goals += 5) {
        bench_engine("portable", &oracle_portable, goals);
#ifdef __x86_64__
        if (code_path_choose(PATH_AVX2) == PATH_AVX2)
            bench_engine("AES-NI", &oracle_aesni, goals);
        if (code_path_choose(PATH_AVX512) == PATH_AVX512)
            bench_engine("VAES", &oracle_vaes, goals);
#endif
    }
}

int main(int argc, char **argv)
{
    struct image image;

    if (argc == 2 && strcmp(argv[1], "engines") == 0) {
        bench_engines();
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "pid") == 0) {
        make_image(&image, (size_t)1 << 30);
        append_process(&image, argv[2]);
    } else if (argc > 4 && strcmp(argv[1], "files") == 0) {
        make_image(&image, (size_t)strtoul(argv[2], NULL, 10) << 20);
        for (int i = 4; i < argc; i++)
            append_file(&image, argv[i]);
    } else {
        fail("engines, pid PID THREADS, or files MIB THREADS FILE...");
    }
    search(&image, (unsigned int)strtoul(argv[3], NULL, 10));
    return 0;
}
