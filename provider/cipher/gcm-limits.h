/* What the configuration says of AES-256-GCM. */
#ifndef HSMZKE_CIPHER_GCM_LIMITS_H
#define HSMZKE_CIPHER_GCM_LIMITS_H

/** `gcm-one-shot`. */
enum gcm_one_shot {
    GCM_ONE_SHOT_AUTO,
    GCM_ONE_SHOT_ALWAYS, /* one call a message: a second update is refused */
    GCM_ONE_SHOT_NEVER,  /* no trial: a decryption's tag is checked at the end only */
};

struct gcm_limits {
    enum gcm_one_shot one_shot;
    unsigned int buffer;  /* `gcm-buffer`: bytes of a message that are kept */
    unsigned int min_tag; /* `gcm-min-tag`: the shortest tag, in bytes */
};

#endif
