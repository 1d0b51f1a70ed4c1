/*
 * The bare PKCS#11 loops.  One session, opened and logged in before anything is measured; the key
 * found once.  A message is C_EncryptInit and C_Encrypt, an update C_EncryptUpdate: nothing else in
 * the loop.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <p11-kit/pkcs11.h>
#include "bare.h"

#define SLOTS_MAX 64

struct request {
    struct work work;
    double seconds;
};

struct device {
    CK_FUNCTION_LIST *functions;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    /* The IV or counter block, as CK_MECHANISM wants it. */
    CK_BYTE iv[16];
    CK_AES_CTR_PARAMS counter;
    CK_GCM_PARAMS gcm;
};

static int complain(const char *call, CK_RV rv)
{
    fprintf(stderr, "bench: the bare loop: %s: 0x%lx\n", call, rv);
    return 0;
}

static int load(struct device *device, const char *path)
{
    CK_C_INITIALIZE_ARGS args;
    CK_C_GetFunctionList get_list = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
    CK_RV rv;

    if (module == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        return 0;
    }
    symbol = dlsym(module, "C_GetFunctionList");
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list == NULL || get_list(&device->functions) != CKR_OK) {
        fprintf(stderr, "bench: %s is no PKCS#11 module\n", path);
        return 0;
    }
    memset(&args, 0, sizeof(args));
    args.flags = CKF_OS_LOCKING_OK;
    rv = device->functions->C_Initialize(&args);
    return rv == CKR_OK || complain("C_Initialize", rv);
}

static int has_label(const CK_TOKEN_INFO *info, const char *label)
{
    size_t length = strlen(label), i;

    if (length > sizeof(info->label) || memcmp(info->label, label, length) != 0)
        return 0;
    for (i = length; i < sizeof(info->label); i++)
        if (info->label[i] != ' ')
            return 0;
    return 1;
}

static int find_slot(const struct device *device, const char *label, CK_SLOT_ID *slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX, i;
    CK_TOKEN_INFO info;
    CK_RV rv = device->functions->C_GetSlotList(CK_TRUE, slots, &count);

    if (rv != CKR_OK)
        return complain("C_GetSlotList", rv);
    for (i = 0; i < count && i < SLOTS_MAX; i++) {
        if (device->functions->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            has_label(&info, label)) {
            *slot = slots[i];
            return 1;
        }
    }
    fprintf(stderr, "bench: there is no token '%s'\n", label);
    return 0;
}

static int find_key(struct device *device, char *label)
{
    CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
    CK_ATTRIBUTE want[] = { { CKA_CLASS, &secret, sizeof(secret) },
                            { CKA_LABEL, label, strlen(label) } };
    CK_ULONG found = 0;
    CK_RV rv = device->functions->C_FindObjectsInit(device->session, want, 2);

    if (rv != CKR_OK)
        return complain("C_FindObjectsInit", rv);
    rv = device->functions->C_FindObjects(device->session, &device->key, 1, &found);
    device->functions->C_FindObjectsFinal(device->session);
    if (rv != CKR_OK || found != 1) {
        fprintf(stderr, "bench: there is no key '%s'\n", label);
        return 0;
    }
    return 1;
}

static int connect_device(struct device *device, const struct bare_target *target)
{
    CK_UTF8CHAR pin[256];
    char label[64];
    CK_SLOT_ID slot = 0;
    CK_RV rv;

    if (!load(device, target->module) || !find_slot(device, target->token, &slot))
        return 0;
    rv = device->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &device->session);
    if (rv != CKR_OK)
        return complain("C_OpenSession", rv);
    snprintf((char *)pin, sizeof(pin), "%s", target->pin);
    rv = device->functions->C_Login(device->session, CKU_USER, pin, strlen((char *)pin));
    if (rv != CKR_OK)
        return complain("C_Login", rv);
    snprintf(label, sizeof(label), "%s", target->key_label);
    return find_key(device, label);
}

/* C_EncryptInit, under another IV each time. */
static CK_RV start(struct device *device, enum mode mode)
{
    CK_MECHANISM mechanism = { CKM_AES_ECB, NULL, 0 };

    device->iv[0]++;
    if (mode == MODE_CBC || mode == MODE_PADDED) {
        mechanism.mechanism = mode == MODE_CBC ? CKM_AES_CBC : CKM_AES_CBC_PAD;
        mechanism.pParameter = device->iv;
        mechanism.ulParameterLen = sizeof(device->iv);
    } else if (mode == MODE_CTR) {
        device->counter.ulCounterBits = 128;
        memcpy(device->counter.cb, device->iv, sizeof(device->counter.cb));
        mechanism.mechanism = CKM_AES_CTR;
        mechanism.pParameter = &device->counter;
        mechanism.ulParameterLen = sizeof(device->counter);
    } else if (mode == MODE_GCM) {
        device->gcm = (CK_GCM_PARAMS){
            .pIv = device->iv,
            .ulIvLen = WORK_GCM_IV,
            .ulIvBits = 8 * WORK_GCM_IV,
            .ulTagBits = 8 * WORK_TAG,
        };
        mechanism.mechanism = CKM_AES_GCM;
        mechanism.pParameter = &device->gcm;
        mechanism.ulParameterLen = sizeof(device->gcm);
    }
    return device->functions->C_EncryptInit(device->session, &mechanism, device->key);
}

static CK_RV one_update(struct device *device, const struct work *work, long call, CK_BYTE *in,
                        CK_BYTE *out)
{
    const int streams = work->shape == SHAPE_STREAMS;
    CK_ULONG made = WORK_ROOM, rest = WORK_ROOM;
    CK_RV rv = CKR_OK;

    if (streams && call % WORK_STREAM == 0)
        rv = start(device, work->mode);
    if (rv == CKR_OK)
        rv = device->functions->C_EncryptUpdate(device->session, in, work->size, out, &made);
    if (rv == CKR_OK && streams && call % WORK_STREAM == WORK_STREAM - 1)
        rv = device->functions->C_EncryptFinal(device->session, out, &rest);
    return rv;
}

static CK_RV one_call(struct device *device, const struct work *work, long call, CK_BYTE *in,
                      CK_BYTE *out)
{
    CK_ULONG made = WORK_ROOM;
    CK_RV rv;

    if (work->shape != SHAPE_MESSAGES)
        return one_update(device, work, call, in, out);
    rv = start(device, work->mode);
    if (rv != CKR_OK)
        return rv;
    return device->functions->C_Encrypt(device->session, in, work->size, out, &made);
}

static double measure(struct device *device, const struct work *work, double seconds)
{
    static CK_BYTE in[WORK_SIZE_MAX], out[WORK_ROOM];
    CK_RV rv = work->shape == SHAPE_UPDATES ? start(device, work->mode) : CKR_OK;
    CK_ULONG rest = WORK_ROOM;
    double begun = work_clock(), spent = 0;
    long calls = 0;
    int i;

    while (rv == CKR_OK && spent < seconds) {
        for (i = 0; rv == CKR_OK && i < WORK_BATCH; i++)
            rv = one_call(device, work, calls + i, in, out);
        calls += WORK_BATCH;
        spent = work_clock() - begun;
    }
    if (rv != CKR_OK) {
        complain(work->shape == SHAPE_MESSAGES ? "C_EncryptInit, C_Encrypt" : "C_EncryptUpdate",
                 rv);
        return -1;
    }
    /* What a message left open, before the next kind of work. */
    if (work->shape == SHAPE_UPDATES || (work->shape == SHAPE_STREAMS && calls % WORK_STREAM != 0))
        device->functions->C_EncryptFinal(device->session, out, &rest);
    return spent * 1e6 / (double)calls;
}

/* The other process: says whether it is ready, then does what it is asked until nobody asks. */
static int serve(const struct bare_target *target, int requests, int answers)
{
    struct device device;
    struct request request;
    double answer;

    memset(&device, 0, sizeof(device));
    answer = connect_device(&device, target) ? 0 : -1;
    while (write(answers, &answer, sizeof(answer)) == sizeof(answer) && answer >= 0) {
        if (read(requests, &request, sizeof(request)) != sizeof(request))
            break;
        answer = measure(&device, &request.work, request.seconds);
    }
    if (device.functions != NULL)
        device.functions->C_Finalize(NULL);
    return 0;
}

int bare_start(struct bare *bare, const struct bare_target *target)
{
    int down[2], up[2];
    double ready = -1;

    if (pipe(down) != 0 || pipe(up) != 0 || (bare->pid = fork()) < 0) {
        perror("bench: the bare loop's process");
        return 0;
    }
    if (bare->pid == 0) {
        close(down[1]);
        close(up[0]);
        _exit(serve(target, down[0], up[1]));
    }
    close(down[0]);
    close(up[1]);
    bare->requests = down[1];
    bare->answers = up[0];
    return read(bare->answers, &ready, sizeof(ready)) == sizeof(ready) && ready >= 0;
}

double bare_measure(const struct bare *bare, const struct work *work, double seconds)
{
    struct request request;
    double answer = -1;

    memset(&request, 0, sizeof(request));
    request.work = *work;
    request.seconds = seconds;
    if (write(bare->requests, &request, sizeof(request)) != sizeof(request) ||
        read(bare->answers, &answer, sizeof(answer)) != sizeof(answer)) {
        fprintf(stderr, "bench: the bare loop's process is gone\n");
        return -1;
    }
    return answer;
}

void bare_stop(struct bare *bare)
{
    if (bare->pid <= 0)
        return;
    close(bare->requests);
    close(bare->answers);
    waitpid(bare->pid, NULL, 0);
    bare->pid = 0;
}
