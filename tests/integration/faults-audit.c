/*
 * An audit log that cannot be written: keys are refused, and what was done in the HSM is not given
 * out.  Neither does a line get into a file that is not the log.
 */
#include "audit-log.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/err.h>

static const unsigned char iv[16] = "initial vector16";
static const unsigned char plain[64] =
    "sixty-four bytes that are encrypted, or better not, as it may be";

/* ---- at the first use ---- */

static void refused(const char *setting, const char *expected)
{
    OSSL_LIB_CTX *context =
        context_with(text("%saudit = %s\n", settings_standard(), setting), NULL);
    const char *words = name_refused(context, "AES-256-CBC", "gold");

    CHECK_HAS(words, expected);
    CHECK_HAS(words, "audit");
    CHECK_HAS(name_refused(context, "AES-256-ECB", "gold"), expected);
    OSSL_LIB_CTX_free(context);
}

static void missing_directory(void)
{
    token_standard();
    refused(text("file:%s/missing/audit.log", work_dir()), "No such file or directory");
    CHECK(access(text("%s/missing", work_dir()), F_OK) != 0);
}

static void symbolic_link(void)
{
    const char *path = log_path();

    token_standard();
    CHECK(symlink(text("%s.target", path), path) == 0);
    refused(text("file:%s", path), "symbolic link");
    CHECK(access(text("%s.target", path), F_OK) != 0);
}

static void no_file(void)
{
    const char *directory = log_path(), *fifo = log_path();

    token_standard();
    CHECK(mkdir(directory, 0700) == 0 && mkfifo(fifo, 0600) == 0);
    refused(text("file:%s", directory), "Is a directory");
    refused(text("file:%s", fifo), "cannot be written");
    CHECK(open(fifo, O_RDWR | O_NONBLOCK) >= 0); /* now it can be opened: refused all the same */
    refused(text("file:%s", fifo), "cannot be written");
}

static void full_disk(void)
{
    token_standard();
    refused("file:/dev/full", "No space left on device");
}

/* Root may write to any file, as long as it has this capability. */
static void give_up_override(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    CHECK(syscall(SYS_capget, &header, data) == 0);
    data[0].effective &= ~(1U << CAP_DAC_OVERRIDE);
    CHECK(syscall(SYS_capset, &header, data) == 0);
}

static void read_only(void)
{
    const char *path = log_path();

    token_standard();
    CHECK(run_shell(text("echo before > %s && chmod 0400 %s", path, path), NULL) == 0);
    give_up_override();
    refused(text("file:%s", path), "Permission denied");
    CHECK(run_shell(text("echo before | cmp - %s", path), NULL) == 0);
}

static void wrong_settings(void)
{
    token_standard();
    refused("file:audit.log", "from the root on");
    refused("file:", "from the root on");
    refused("FILE:/tmp/audit.log", "must be 'off'");
    refused("yes", "must be 'off'");
    refused("/var/log/audit.log", "must be 'off'");
}

/* Raw keys in software are none of the log's business. */
static void raw_keys_go_on(void)
{
    unsigned char key[32];
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(
        text("%saudit = file:/dev/full\nraw-keys = software\n", settings_standard()), NULL);
    unhex(GOLD_KEY, key, sizeof(key));
    CHECK(key_works(context, "AES-256-CBC", key, GOLD_KEY) == 1);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "/dev/full");
    OSSL_LIB_CTX_free(context);
}

/* ---- later ---- */

/* The log's path leads nowhere from now on, and the provider has to open it again at once. */
static void break_log(const char *path)
{
    char name[64];

    CHECK(rename(path, text("%s.before", path)) == 0 && mkdir(path, 0700) == 0);
    for (int fd = 3; fd < 256; fd++) {
        char target[4096] = "";

        snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        if (readlink(name, target, sizeof(target) - 1) > 0 &&
            strcmp(target, text("%s.before", path)) == 0)
            close(fd);
    }
}

static void mend_log(const char *path)
{
    CHECK(rmdir(path) == 0 && rename(text("%s.before", path), path) == 0);
}

static EVP_CIPHER_CTX *begin(OSSL_LIB_CTX *context, const char *name, int encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char reference[32];

    reference_by_name(reference, "gold");
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, reference,
                             EVP_CIPHER_get_iv_length(cipher) > 8 ? iv : NULL, encrypt, NULL) == 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    EVP_CIPHER_free(cipher);
    return ctx;
}

/* The same call fails, gives nothing out, and goes well once the log is there again. */
static void one_cipher(OSSL_LIB_CTX *context, const char *path, const char *name, int encrypt)
{
    EVP_CIPHER_CTX *ctx = begin(context, name, encrypt);
    unsigned char out[96], first[96];
    int size = 0;

    CHECK(EVP_CipherUpdate(ctx, first, &size, plain, 16) == 1 || strstr(name, "WRAP") != NULL);
    break_log(path);
    blank_fill(out, sizeof(out));
    CHECK(EVP_CipherUpdate(ctx, out, &size, plain, 64) == 0);
    CHECK_HAS(error_text(), "the audit log");
    CHECK(still_blank(out, sizeof(out)));
    mend_log(path);
    CHECK(EVP_CipherUpdate(ctx, out, &size, plain, 64) == 1);
    CHECK(!still_blank(out, 64));
    EVP_CIPHER_CTX_free(ctx);
}

static void ciphers(void)
{
    const char *path = log_path(), *words;
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_logged(path);
    one_cipher(context, path, "AES-256-ECB", 1);
    one_cipher(context, path, "AES-256-CBC", 1);
    one_cipher(context, path, "AES-256-CBC", 0);
    one_cipher(context, path, "AES-256-CTR", 1);
    one_cipher(context, path, "AES-256-CFB", 1);
    one_cipher(context, path, "AES-256-OFB", 1);
    one_cipher(context, path, "AES-256-GCM", 0);
    one_cipher(context, path, "AES-256-WRAP", 1);
    CHECK(log_check(path, &words) == 0); /* what failed left no hole */
    OSSL_LIB_CTX_free(context);
}

/* By the module's own mechanisms, proven before. */
static void native_ciphers(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    token_standard();
    if (strcmp(module_name(), "softhsm") != 0)
        exit(0); /* the spy stands before SoftHSM */
    setenv("HSMZKE_TEST_NATIVE", "kw kwp cfb128 ofb", 1);
    context = context_logged(path);
    for (int i = 0; i < 2; i++) {
        one_cipher(context, path, "AES-256-CFB", 1);
        one_cipher(context, path, "AES-256-OFB", 1);
        one_cipher(context, path, "AES-256-WRAP", 1);
    }
    CHECK_HAS((const char *)read_file(path, &(size_t){ 0 }), "CKM_AES_CFB128");
    CHECK_HAS((const char *)read_file(path, &(size_t){ 0 }), "\"CKM_AES_KEY_WRAP\"");
    OSSL_LIB_CTX_free(context);
}

/* At once, and in a stream; the tag as well. */
static void gcm(void)
{
    const char *path = log_path();
    unsigned char out[96], tag[16];
    OSSL_LIB_CTX *context;
    EVP_CIPHER_CTX *ctx;
    int size;

    token_standard();
    context = context_logged(path);
    for (int updates = 0; updates < 3; updates++) {
        ctx = begin(context, "AES-256-GCM", 1);
        for (int i = 0; i < updates; i++)
            CHECK(EVP_EncryptUpdate(ctx, out, &size, plain, 64) == 1);
        break_log(path);
        blank_fill(out, sizeof(out));
        CHECK(EVP_EncryptUpdate(ctx, out, &size, plain, 64) == 0);
        CHECK_HAS(error_text(), "the audit log");
        CHECK(still_blank(out, sizeof(out)));
        mend_log(path);
        EVP_CIPHER_CTX_free(ctx);
    }
    ctx = begin(context, "AES-256-GCM", 1);
    for (int i = 0; i < 3; i++)
        CHECK(EVP_EncryptUpdate(ctx, out, &size, plain, 64) == 1);
    break_log(path);
    CHECK(EVP_EncryptFinal_ex(ctx, out, &size) == 0);
    CHECK_HAS(error_text(), "the audit log");
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) != 1);
    ERR_clear_error();
    EVP_CIPHER_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* 100 bytes are kept to the end; 2 MiB go through a session. */
static void one_mac(OSSL_LIB_CTX *context, const char *path, size_t size)
{
    EVP_MAC_CTX *ctx = mac_context(context, "CMAC", "AES-256-CBC");
    unsigned char reference[32], mac[16];
    size_t written = 0;

    reference_by_name(reference, "gold");
    CHECK(EVP_MAC_init(ctx, reference, sizeof(reference), NULL) == 1);
    CHECK(EVP_MAC_update(ctx, keep(size), size) == 1);
    break_log(path);
    blank_fill(mac, sizeof(mac));
    CHECK(EVP_MAC_final(ctx, mac, &written, sizeof(mac)) == 0);
    CHECK_HAS(error_text(), "the audit log");
    CHECK(still_blank(mac, sizeof(mac)));
    mend_log(path);
    EVP_MAC_CTX_free(ctx);
}

static void macs(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_logged(path);
    CHECK(log_work(context, 16) == 1);
    one_mac(context, path, 100);
    one_mac(context, path, 2 * 1024 * 1024);
    OSSL_LIB_CTX_free(context);
}

/* A daemon closes all descriptors, and its next file gets the number that was the log's. */
static void descriptor_of_others(void)
{
    const char *path = log_path(), *other = log_path(), *words;
    OSSL_LIB_CTX *context;
    struct stat status;

    token_standard();
    context = context_logged(path);
    CHECK(log_work(context, 16) == 1);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    for (int i = 0; i < 20; i++)
        CHECK(open(other, O_RDWR | O_CREAT, 0600) >= 0);
    CHECK(log_work(context, 16) == 1);
    CHECK(stat(other, &status) == 0 && status.st_size == 0);
    CHECK(log_check(path, &words) == 0 && log_count(path, "operation") == 2);
    OSSL_LIB_CTX_free(context);
}

/* ---- standard error, syslog ---- */

static void to_stderr(void)
{
    const char *path = log_path(), *words;
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("%saudit = stderr\n", settings_standard()), NULL);
    CHECK(freopen(path, "a", stderr) != NULL);
    CHECK(log_work(context, 16) == 1);
    CHECK(log_check(path, &words) == 0 && log_count(path, "operation") == 1);
    OSSL_LIB_CTX_free(context);
}

static void nobody_reads_stderr(void)
{
    OSSL_LIB_CTX *context;
    int pipes[2];

    token_standard();
    context = context_with(text("%saudit = stderr\n", settings_standard()), NULL);
    CHECK(pipe(pipes) == 0 && dup2(pipes[1], 2) == 2 && close(pipes[1]) == 0);
    CHECK(log_work(context, 16) == 1);
    close(pipes[0]);
    CHECK(log_work(context, 16) == 0); /* and no SIGPIPE */
    CHECK(strstr(error_text(), "Broken pipe") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(missing_directory),
        CHILD_TEST(symbolic_link),
        CHILD_TEST(no_file),
        CHILD_TEST(full_disk),
        CHILD_TEST(read_only),
        CHILD_TEST(wrong_settings),
        CHILD_TEST(raw_keys_go_on),
        CHILD_TEST(ciphers),
        CHILD_TEST(native_ciphers),
        CHILD_TEST(gcm),
        CHILD_TEST(macs),
        CHILD_TEST(descriptor_of_others),
        CHILD_TEST(to_stderr),
        CHILD_TEST(nobody_reads_stderr),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
