/* What is asked: see asking.h. */
#include "asking.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "../../provider/secret.h"
#include "question/key-file.h"
#include "question/pin-source.h"
#include "scan/aes.h"
#include "scan/pin.h"

static bool fetch_key(struct asking *asking, const char *path, struct question *question,
                      struct failure *why)
{
    if (!key_file_read(&asking->key, path, why))
        return false;
    question->by_bytes = true;
    snprintf(question->key_name, sizeof(question->key_name), "%s", path);
    asking->sought.name = path;
    asking->sought.key = asking->key;
    return true;
}

static bool fetch_pair(struct asking *asking, const char *reference, struct question *question,
                       struct failure *why)
{
    unsigned char cipher[16];

    if (!pair_ask(&asking->pair, reference, why))
        return false;
    if (asking->key != NULL) {
        aes_encrypt(8, asking->key, asking->pair.plain, cipher);
        if (memcmp(cipher, asking->pair.cipher, sizeof(cipher)) != 0) {
            failure_set(why, FAILURE_KEY_UNSUITABLE,
                        "the key in %s is not the key %s of the HSM: name one of the two",
                        question->key_name, reference);
            return false;
        }
    }
    question->by_oracle = true;
    snprintf(question->reference, sizeof(question->reference), "%s", reference);
    snprintf(question->mechanism, sizeof(question->mechanism), "%s", asking->pair.mechanism);
    asking->sought.name = reference;
    asking->sought.has_cipher = true;
    memcpy(asking->sought.cipher, asking->pair.cipher, sizeof(asking->sought.cipher));
    return true;
}

static bool fetch_pin(struct asking *asking, const char *source, struct question *question,
                      struct failure *why)
{
    const char *weakness;

    if (!pin_source_read(&asking->pin, source, why))
        return false;
    question->pin = true;
    weakness = pin_weakness(asking->pin);
    snprintf(question->pin_note, sizeof(question->pin_note), "%s",
             weakness != NULL ? weakness : "");
    return true;
}

bool asking_fetch(struct asking *asking, const struct options *options, struct report *report,
                  struct failure *why)
{
    struct question *question = &report->question;

    *asking = (struct asking){ .sought.role = SOUGHT_WANTED };
    if ((options->key_file != NULL && !fetch_key(asking, options->key_file, question, why)) ||
        (options->reference != NULL && !fetch_pair(asking, options->reference, question, why)) ||
        (options->pin_source != NULL && !fetch_pin(asking, options->pin_source, question, why)))
        return false;
    if (!question->by_oracle &&
        getrandom(asking->pair.plain, sizeof(asking->pair.plain), 0) != 16) {
        failure_set(why, FAILURE_MEMORY, "there are no random numbers");
        return false;
    }
    asking->settings = (struct scanner_settings){
        .detectors = DETECT_ALL & ~options->without,
        .thorough = options->thorough,
        .path = options->path,
        .sought = &asking->sought,
        .sought_count = question->by_bytes || question->by_oracle ? 1 : 0,
        .pin = asking->pin,
    };
    memcpy(asking->settings.plain, asking->pair.plain, sizeof(asking->settings.plain));
    return true;
}

void asking_clear(struct asking *asking)
{
    key_file_free(asking->key);
    pin_source_free(asking->pin);
    asking->key = NULL;
    asking->pin = NULL;
}
