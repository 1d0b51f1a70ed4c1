/*
 * How fast and how well the scanner library searches memory: an image in memory with planted
 * schedules, by one and by two threads, beside a plain read of the same bytes; and a stream of
 * gigabytes in which there is nothing to find.  Run by memscan.sh.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../forensics/scan/scanner.h"
#include "../forensics/test/image.h"
#include "../forensics/test/random.h"

enum { PIECE = 1 << 20, THREADS_MAX = 64, PLANTED = 1900, REPEAT = 3, STREAMED = 64 << 20 };

struct job {
    const unsigned char *image;
    size_t size;
    const struct scanner *scanner; /* NULL: only read */
    struct findings *findings;
    atomic_size_t next;
    atomic_uint_fast64_t sum;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

typedef uint64_t vector __attribute__((vector_size(32)));

/* Every byte, in whatever vectors the compiler has. */
static uint64_t read_all(const unsigned char *bytes, size_t size)
{
    vector sums[4] = { { 0 } };
    uint64_t sum = 0;

    for (size_t i = 0; i + sizeof(sums) <= size; i += sizeof(sums)) {
        vector words[4];

        memcpy(words, bytes + i, sizeof(words));
        for (int j = 0; j < 4; j++)
            sums[j] ^= words[j];
    }
    for (int i = 0; i < 16; i++)
        sum ^= sums[i / 4][i % 4];
    return sum;
}

static void *work(void *argument)
{
    struct job *job = argument;
    size_t from;

    while ((from = atomic_fetch_add(&job->next, PIECE)) < job->size) {
        const size_t to = job->size - from > PIECE ? from + PIECE : job->size;

        if (job->scanner != NULL)
            scanner_search(
                job->scanner,
                &(struct piece){ .bytes = job->image, .size = job->size, .from = from, .to = to },
                job->findings);
        else
            atomic_fetch_xor(&job->sum, read_all(job->image + from, to - from));
    }
    return NULL;
}

/* @return seconds */
static double run(struct job *job, unsigned int threads)
{
    const double start = now();
    pthread_t others[THREADS_MAX];

    atomic_store(&job->next, 0);
    for (unsigned int i = 1; i < threads; i++)
        if (pthread_create(&others[i], NULL, work, job) != 0)
            exit(1);
    work(job);
    for (unsigned int i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
    return now() - start;
}

static double best_of(struct job *job, unsigned int threads)
{
    double best = run(job, threads);

    for (int i = 1; i < REPEAT; i++) {
        const double seconds = run(job, threads);

        best = seconds < best ? seconds : best;
    }
    return best;
}

static struct scanner *scanner_make(enum code_path path, bool thorough, const struct sought *sought)
{
    const struct scanner_settings settings = {
        .detectors = DETECT_SCHEDULES | DETECT_BITSLICED | (sought != NULL ? DETECT_KNOWN_KEY : 0),
        .thorough = thorough,
        .path = path,
        .sought = sought,
        .sought_count = sought != NULL ? 1 : 0,
    };
    struct scanner *scanner = scanner_new(&settings);

    if (scanner == NULL) {
        fprintf(stderr, "bench-memscan: no memory for a scanner\n");
        exit(1);
    }
    return scanner;
}

static void show(const char *what, struct job *job)
{
    for (unsigned int threads = 1; threads <= 2; threads++)
        printf("%-34s %u thread%s %7.2f GB/s\n", what, threads, threads == 1 ? " " : "s",
               (double)job->size / best_of(job, threads) / 1e9);
}

static void show_scan(const char *what, struct job *job, enum code_path path, bool thorough,
                      const struct sought *sought)
{
    struct scanner *scanner;
    char text[80];

    if (code_path_choose(path) != path)
        return;
    scanner = scanner_make(path, thorough, sought);
    job->scanner = scanner;
    job->findings = findings_new();
    snprintf(text, sizeof(text), "%s, %s", what, code_path_name(path));
    show(text, job);
    findings_free(job->findings);
    scanner_free(scanner);
    job->scanner = NULL;
}

static size_t recalled(const struct job *job, const struct planted *planted)
{
    struct scanner *scanner = scanner_make(PATH_BEST, false, NULL);
    struct job scan = {
        .image = job->image, .size = job->size, .scanner = scanner, .findings = findings_new()
    };
    size_t found = 0, next = 0;

    printf("%-34s            %7.3f s\n", "one scan, 1 thread", run(&scan, 1));
    scanner_conclude(scanner, scan.findings);
    for (size_t i = 0; i < findings_count(scan.findings); i++) {
        const struct finding *finding = findings_at(scan.findings, i);

        while (next < PLANTED && planted[next].at < finding->address)
            next++;
        found += next < PLANTED && planted[next].at == finding->address &&
                 memcmp(planted[next].key, finding->key, planted[next].key_bits / 8) == 0;
    }
    printf("%-34s %zu of %d, and %zu others\n", "planted schedules found", found, PLANTED,
           findings_count(scan.findings) - found);
    findings_free(scan.findings);
    scanner_free(scanner);
    return found;
}

static unsigned char *image_new(size_t size)
{
    unsigned char *memory =
        mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("bench-memscan: mmap");
        exit(1);
    }
    return memory + (1 << 20);
}

/* The image, and the keys in it one a line, for other scanners. */
static void write_image(const char *path, const struct job *job, const struct planted *planted)
{
    char keys[4096];
    FILE *file = fopen(path, "wb"), *list;

    snprintf(keys, sizeof(keys), "%s.keys", path);
    list = fopen(keys, "w");
    if (file == NULL || list == NULL || fwrite(job->image, 1, job->size, file) != job->size) {
        perror(path);
        exit(1);
    }
    for (size_t i = 0; i < PLANTED; i++) {
        for (size_t j = 0; j < planted[i].key_bits / 8; j++)
            fprintf(list, "%02x", planted[i].key[j]);
        fprintf(list, "\n");
    }
    if (fclose(file) != 0 || fclose(list) != 0) {
        perror(path);
        exit(1);
    }
}

static int image(size_t size, const char *path)
{
    /* No words: the image is full of them. */
    static const unsigned char key[32] = { 0x8f, 0x1c, 0xe3, 0x57, 0x0b, 0xd2, 0x96, 0x4a,
                                           0xf5, 0x3d, 0x70, 0xbe, 0x21, 0xc8, 0x69, 0x14,
                                           0xa7, 0x5e, 0x02, 0xdb, 0x83, 0x3f, 0xea, 0x46,
                                           0x9d, 0xb1, 0x78, 0xcc, 0x05, 0x62, 0xf9, 0x2e };
    const struct sought sought = { .name = "none", .key = key };
    static struct planted planted[PLANTED];
    unsigned char *memory = image_new(size);
    struct job job = { .image = memory, .size = size };

    image_fill(memory, size, 21);
    image_plant(memory, size, 22, 0, planted, PLANTED);
    recalled(&job, planted);
    show("plain read", &job);
    show_scan("schedules", &job, PATH_AVX512, false, NULL);
    show_scan("schedules", &job, PATH_AVX2, false, NULL);
    show_scan("schedules", &job, PATH_PORTABLE, false, NULL);
    show_scan("schedules, thorough", &job, PATH_AVX2, true, NULL);
    show_scan("schedules and a known key", &job, code_path_choose(PATH_BEST), false, &sought);
    if (path != NULL)
        write_image(path, &job, planted);
    return 0;
}

/* Random bytes and programs by turns. */
static int stream(size_t size)
{
    struct scanner *scanner = scanner_make(PATH_BEST, true, NULL);
    unsigned char *memory = image_new(STREAMED);
    size_t found = 0;

    for (size_t done = 0; done < size; done += STREAMED) {
        struct job job = {
            .image = memory, .size = STREAMED, .scanner = scanner, .findings = findings_new()
        };
        uint64_t seed = 31 + done;

        if (done / STREAMED % 2 == 0)
            random_fill(memory, STREAMED, &seed);
        else
            image_fill_programs(memory, STREAMED, seed);
        run(&job, 2);
        scanner_conclude(scanner, job.findings);
        for (size_t i = 0; i < findings_count(job.findings); i++)
            found += findings_at(job.findings, i)->owner == NULL;
        findings_free(job.findings);
    }
    printf("%-34s %zu in %zu MiB\n", "schedules where none was planted", found, size >> 20);
    scanner_free(scanner);
    return found == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) << 20 : 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (size != 0 && strcmp(argv[1], "image") == 0)
        return image(size, argc > 3 ? argv[3] : NULL);
    if (size != 0 && strcmp(argv[1], "stream") == 0)
        return stream(size);
    fprintf(stderr, "usage: bench-memscan image MIB [FILE]\n       bench-memscan stream MIB\n");
    return 2;
}
