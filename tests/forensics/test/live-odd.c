/*
 * A target that hides one needle where a scanner of processes may well not look, as its argument
 * says.  Says "ready", then answers each byte on its standard input; or "cannot" and the reason,
 * where this machine does not let it.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live-odd.h"
#include "needles.h"

enum { PAGE = 4096, HUGE = 2 << 20, NEEDLE = 32 };

_Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

void write_needle(int fd)
{
    unsigned char key[NEEDLE];

    needle_make(NEEDLE_FREED, key);
    if (write(fd, key, sizeof(key)) != sizeof(key))
        fail("write");
    explicit_bzero(key, sizeof(key));
}

int new_memfd(void)
{
    const int fd = memfd_create("sent", MFD_CLOEXEC);

    if (fd < 0)
        fail("memfd_create");
    write_needle(fd);
    return fd;
}

/* For want of permission or of something in the kernel. */
static _Noreturn void cannot(const char *what)
{
    char text[100];
    const int size = snprintf(text, sizeof(text), "cannot %.80s\n", what);

    _exit(write(STDOUT_FILENO, text, (size_t)size) == size ? 0 : 1);
}

static unsigned char *map(size_t size, int flags, int fd)
{
    unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

static unsigned char *map_own(size_t size)
{
    return map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* ---- across the border of two mappings ---- */

static void border(int first, int second)
{
    unsigned char *memory = map_own(4 * PAGE);

    needle_make(NEEDLE_FREED, memory + 2 * PAGE - 16);
    if (mprotect(memory + PAGE, PAGE, first) != 0 ||
        mprotect(memory + 2 * PAGE, PAGE, second) != 0 ||
        (first == second && madvise(memory + 2 * PAGE, PAGE, MADV_DONTDUMP) != 0))
        fail("mprotect");
}

static void before_no_access(void)
{
    border(PROT_READ, PROT_NONE);
}

static void behind_no_access(void)
{
    border(PROT_NONE, PROT_READ);
}

static void within_no_access(void)
{
    border(PROT_NONE, PROT_NONE);
}

/* ---- memory of which a part is not mapped ---- */

/* Detached but for its first page. */
static void segment_in_part(void)
{
    const int segment = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
    unsigned char *memory = segment < 0 ? (void *)-1 : shmat(segment, NULL, 0);

    if (memory == (void *)-1)
        fail("shmget");
    needle_make(NEEDLE_FREED, memory + 2 * PAGE + 5);
    if (munmap(memory + PAGE, 3 * PAGE) != 0 || shmctl(segment, IPC_RMID, NULL) != 0)
        fail("munmap");
}

/* Attached is another segment of the same number, of another namespace. */
static void segment_of_the_same_number(void)
{
    unsigned char *memory;
    int segment, other;

    if (unshare(CLONE_NEWIPC) != 0)
        cannot("unshare(CLONE_NEWIPC)");
    segment = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
    if (segment < 0 || shmat(segment, NULL, 0) == (void *)-1 || unshare(CLONE_NEWIPC) != 0)
        fail("shmget");
    other = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
    memory = other < 0 ? (void *)-1 : shmat(other, NULL, 0);
    if (memory == (void *)-1)
        fail("shmat");
    needle_make(NEEDLE_FREED, memory + 2 * PAGE + 5);
    shmdt(memory);
    if (segment != other)
        cannot("get the same number twice");
}

/* Closed, and mapped but for the page with the needle, which mremap() could show. */
static void memfd_in_part(void)
{
    const int fd = memfd_create("part", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, 4 * PAGE) != 0 || lseek(fd, 2 * PAGE + 5, SEEK_SET) < 0)
        fail("memfd");
    write_needle(fd);
    map(PAGE, MAP_SHARED, fd);
    close(fd);
}

/* Closed, and mapped privately: the page with the needle is behind a copy that was written to. */
static void memfd_behind_a_copy(void)
{
    const int fd = memfd_create("copied", MFD_CLOEXEC);
    unsigned char *memory;

    if (fd < 0 || ftruncate(fd, PAGE) != 0)
        fail("memfd");
    write_needle(fd);
    memory = map(PAGE, MAP_PRIVATE, fd);
    memset(memory, 0, PAGE);
    close(fd);
}

/* Huge pages of a file that is not mapped (any more). */
static void huge(int mapped)
{
    const int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
    unsigned char *memory;

    if (fd < 0 || ftruncate(fd, HUGE) != 0)
        cannot("memfd_create(MFD_HUGETLB)");
    memory = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        cannot("map huge pages");
    needle_make(NEEDLE_FREED, memory + 100005);
    munmap(memory, HUGE);
    if (mapped) {
        map(HUGE, MAP_SHARED, fd);
        close(fd);
    }
}

static void huge_file(void)
{
    huge(0);
}

static void huge_mapping(void)
{
    huge(1);
}

static char name[40];

/* A POSIX object of shared memory, with its name, open. */
static void named_memory(void)
{
    int fd;

    snprintf(name, sizeof(name), "/hsmzke-odd-%d", (int)getpid());
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        cannot("shm_open()");
    write_needle(fd);
}

/* ---- threads and processes ---- */

static pthread_barrier_t done;

static void *with_own_files(void *unused)
{
    if (unshare(CLONE_FILES) != 0)
        fail("unshare");
    (void)new_memfd();
    pthread_barrier_wait(&done);
    for (;;)
        pause();
    return unused;
}

static void files_of_a_thread(void)
{
    pthread_t thread;

    if (pthread_barrier_init(&done, NULL, 2) != 0 ||
        pthread_create(&thread, NULL, with_own_files, NULL) != 0)
        fail("pthread_create");
    pthread_barrier_wait(&done);
}

static int is_traced(pid_t process)
{
    char path[64], line[200];
    int tracer = 0;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
    status = fopen(path, "re");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "TracerPid: %d", &tracer) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return tracer != 0;
}

/*
 * The first child keeps a scanner busy, for it cannot be stopped; the second sees that the parent
 * is being stopped, makes a third that has its needle, and ends: the third is the parent's then, of
 * whom the scanner knows all children already.
 */
static void child_that_comes_late(void)
{
    const pid_t parent = getpid();

    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        fail("PR_SET_CHILD_SUBREAPER");
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (vfork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
        _exit(0);
    }
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        needle_make(NEEDLE_FREED, map_own(PAGE));
        while (!is_traced(parent))
            usleep(100);
        if (fork() == 0) {
            while (getppid() != parent)
                usleep(100);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
        _exit(0);
    }
    usleep(20000); /* until the first one waits for its own child */
}

#if defined(__x86_64__)
static _Noreturn void *keep_general(void *argument)
{
    unsigned char *key = argument;

    needle_make(NEEDLE_FREED, key);
    __asm__ volatile("movq (%0), %%r11\n movq 8(%0), %%r10\n movq 16(%0), %%r9\n"
                     "movq 24(%0), %%r8\n movq $0, (%0)\n movq $0, 8(%0)\n movq $0, 16(%0)\n"
                     "movq $0, 24(%0)\n movb $1, 64(%0)\n"
                     "1: pause\n jmp 1b\n"
                     :
                     : "r"(key)
                     : "memory", "r8", "r9", "r10", "r11");
    for (;;)
        continue;
}

static _Noreturn void *keep_mmx(void *argument)
{
    unsigned char *key = argument;

    needle_make(NEEDLE_FREED, key);
    __asm__ volatile("movq (%0), %%mm2\n movq 8(%0), %%mm3\n movq 16(%0), %%mm4\n"
                     "movq 24(%0), %%mm5\n movq $0, (%0)\n movq $0, 8(%0)\n movq $0, 16(%0)\n"
                     "movq $0, 24(%0)\n movb $1, 64(%0)\n"
                     "1: pause\n jmp 1b\n"
                     :
                     : "r"(key)
                     : "memory");
    for (;;)
        continue;
}

static void keep(void *(*function)(void *))
{
    static volatile unsigned char buffer[65];
    pthread_t thread;

    if (pthread_create(&thread, NULL, function, (void *)(uintptr_t)buffer) != 0)
        fail("pthread_create");
    while (buffer[64] == 0)
        usleep(1000);
}

static void general_registers(void)
{
    keep(keep_general);
}

static void mmx_registers(void)
{
    keep(keep_mmx);
}
#endif

/* Pages that whoever touches them waits for, beside the needle: nobody answers. */
static void beside_pages_that_nobody_fills(void)
{
    const int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = { .api = UFFD_API };
    unsigned char *memory = map_own(3 * PAGE);
    struct uffdio_register ranges = { .range = { (uintptr_t)memory, PAGE },
                                      .mode = UFFDIO_REGISTER_MODE_MISSING };

    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0)
        cannot("userfaultfd()");
    needle_make(NEEDLE_FREED, memory + PAGE + 100);
    if (ioctl(fd, UFFDIO_REGISTER, &ranges) != 0)
        fail("UFFDIO_REGISTER");
    ranges.range.start += 2 * PAGE;
    if (ioctl(fd, UFFDIO_REGISTER, &ranges) != 0)
        fail("UFFDIO_REGISTER");
}

/* The bytes of a file's last page that are behind its end. */
static void behind_the_end(void)
{
    const int fd = memfd_create("short", MFD_CLOEXEC);
    unsigned char *memory;

    if (fd < 0 || ftruncate(fd, 100) != 0)
        fail("memfd");
    memory = map(PAGE, MAP_SHARED, fd);
    needle_make(NEEDLE_FREED, memory + 1000);
    munmap(memory, PAGE);
}

static const struct {
    const char *name;
    void (*hide)(void);
} ways[] = {
    { "before-no-access", before_no_access },
    { "behind-no-access", behind_no_access },
    { "within-no-access", within_no_access },
    { "segment-in-part", segment_in_part },
    { "segment-of-the-same-number", segment_of_the_same_number },
    { "memfd-in-part", memfd_in_part },
    { "memfd-behind-a-copy", memfd_behind_a_copy },
    { "huge-file", huge_file },
    { "huge-mapping", huge_mapping },
    { "named-memory", named_memory },
    { "behind-an-empty-datagram", behind_an_empty_datagram },
    { "behind-many-datagrams", behind_many_datagrams },
    { "sent-file", sent_file },
    { "sent-file-without-a-byte", sent_file_without_a_byte },
    { "sent-in-a-sent-socket", sent_in_a_sent_socket },
    { "sent-pipe", sent_pipe },
    { "files-of-a-thread", files_of_a_thread },
    { "child-that-comes-late", child_that_comes_late },
#if defined(__x86_64__)
    { "general-registers", general_registers },
    { "mmx-registers", mmx_registers },
#endif
    { "beside-pages-that-nobody-fills", beside_pages_that_nobody_fills },
    { "behind-the-end", behind_the_end },
};

int main(int argc, char **argv)
{
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways) && argc > 1; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].hide();
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        return 1;
    while (read(STDIN_FILENO, &byte, 1) == 1)
        if (write(STDOUT_FILENO, &byte, 1) != 1)
            break;
    if (name[0] != '\0')
        shm_unlink(name);
    return 0;
}
