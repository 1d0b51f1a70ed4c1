/* Canaries: see canaries.h. */
#include "canaries.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/user.h>
#include <unistd.h>

#include "../../../provider/secret.h"
#include "forms.h"

enum {
    KEY = 32,
    FIRST_REGISTER = 6, /* XMM6 and XMM7 hold one: any two neighbours would do */
};

static const char *const names[CANARY_COUNT] = {
    [CANARY_HEAP] = "canary on the heap",
    [CANARY_STACK] = "canary on a thread's stack",
    [CANARY_REGISTERS] = "canary in XMM registers",
    [CANARY_PROTECTED] = "canary in a page without permissions",
    [CANARY_VPAES] = "canary as a vpaes schedule",
    [CANARY_DECRYPT] = "canary as a decryption schedule",
};

struct canaries {
    unsigned char (*keys)[KEY]; /* locked memory */
    unsigned int left_out;
    struct control controls[CANARY_COUNT];
};

struct canaries *canaries_new(unsigned int left_out, struct source_trouble *why)
{
    struct canaries *canaries = calloc(1, sizeof(*canaries));
    struct failure failure = { 0 };
    const size_t size = CANARY_COUNT * sizeof(*canaries->keys);

    if (canaries != NULL)
        canaries->keys = secret_alloc(size, &failure);
    if (canaries == NULL || canaries->keys == NULL ||
        getrandom(canaries->keys, size, 0) != (ssize_t)size) {
        snprintf(why->text, sizeof(why->text), "no canaries can be made: %.400s",
                 failure.text[0] != '\0' ? failure.text : "no memory or no random numbers");
        canaries_free(canaries);
        return NULL;
    }
    canaries->left_out = left_out;
    for (size_t i = 0; i < CANARY_COUNT; i++)
        snprintf(canaries->controls[i].name, sizeof(canaries->controls[i].name), "%s", names[i]);
    return canaries;
}

void canaries_free(struct canaries *canaries)
{
    if (canaries == NULL)
        return;
    secret_free(canaries->keys, CANARY_COUNT * sizeof(*canaries->keys));
    free(canaries);
}

void canaries_seek(const struct canaries *canaries, struct sought *sought, size_t *count)
{
    for (size_t i = 0; i < CANARY_COUNT; i++)
        sought[(*count)++] =
            (struct sought){ .role = SOUGHT_CANARY, .name = names[i], .key = canaries->keys[i] };
}

bool target_write(pid_t thread, uint64_t address, const void *bytes, size_t size)
{
    char path[64];
    ssize_t written;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)thread);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    written = pwrite(fd, bytes, size, (off_t)address);
    close(fd);
    return written == (ssize_t)size;
}

static bool plant_registers(pid_t thread, const unsigned char key[KEY])
{
#if defined(__x86_64__)
    struct user_fpregs_struct registers;
    bool done;

    if (thread == 0 || ptrace(PTRACE_GETFPREGS, thread, 0, &registers) != 0)
        return false;
    memcpy((unsigned char *)registers.xmm_space + 16 * FIRST_REGISTER, key, KEY);
    done = ptrace(PTRACE_SETFPREGS, thread, 0, &registers) == 0;
    secret_wipe(&registers, sizeof(registers));
    return done;
#else
    (void)thread, (void)key;
    return false;
#endif
}

static bool plant_one(const unsigned char key[KEY], enum canary canary, const struct tracee *tracee,
                      const struct stop *stop)
{
    unsigned char schedule[FORM_SIZE];
    bool done;

    if (canary == CANARY_REGISTERS)
        return (pid_t)stop->value == tracee->tid && plant_registers(tracee->tid, key);
    if (stop->places[canary] == 0)
        return false;
    if (canary != CANARY_VPAES && canary != CANARY_DECRYPT)
        return target_write(tracee->tid, stop->places[canary], key, KEY);
    if (canary == CANARY_VPAES)
        form_vpaes(key, schedule);
    else
        form_decrypt(key, schedule);
    done = target_write(tracee->tid, stop->places[canary], schedule, sizeof(schedule));
    secret_wipe(schedule, sizeof(schedule));
    return done;
}

/*
 * What could not be planted, or is left out on purpose, is marked all the same: it will be missed,
 * and that is what has to be seen.
 */
void canaries_plant(struct canaries *canaries, struct tracee *tracee, const struct stop *stop)
{
    for (enum canary i = 0; i < CANARY_COUNT; i++) {
        if ((canaries->left_out & 1U << i) == 0)
            (void)plant_one(canaries->keys[i], i, tracee, stop);
        tracee->process->planted |= 1U << i;
    }
    if ((pid_t)stop->value == tracee->tid)
        tracee->process->keeper = tracee->tid;
}

static bool found_in(const struct examination *examination, pid_t process, int sought)
{
    for (size_t i = 0; i < findings_count(examination->findings); i++) {
        const struct finding *finding = findings_at(examination->findings, i);

        if (finding->sought == sought && finding->place < examination->ledger.count &&
            examination->ledger.places[finding->place].process == process)
            return true;
    }
    return false;
}

void canaries_check(struct canaries *canaries, const struct examination *examination,
                    const struct traced *processes, size_t count, int first)
{
    for (enum canary i = 0; i < CANARY_COUNT; i++) {
        struct control *control = &canaries->controls[i];
        unsigned int there = 0, seen = 0;

        for (size_t j = 0; j < count; j++)
            if ((processes[j].planted & 1U << i) != 0) {
                there++;
                seen += found_in(examination, processes[j].pid, first + (int)i);
            }
        control->of += there > 0;
        control->seen += there > 0 && seen == there;
        control->found = control->seen == control->of && control->of > 0;
    }
}

const struct control *canaries_controls(const struct canaries *canaries)
{
    return canaries->controls;
}
