/*
 * token-tool's work on keys: each line of `import` is one C_CreateObject, or C_GenerateKey.
 */
#include "token-tool.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct key {
    char label[64];
    unsigned char value[256], id[64];
    CK_ULONG value_size, id_size;
    CK_KEY_TYPE type;
    bool generate; /* in the token; `value` is not used */
    bool length;   /* CKA_VALUE_LEN goes with the value, for a module that does not count it */
    CK_BBOOL encrypt, decrypt, sign, private, sensitive, extractable, wrap, unwrap, derive;
    CK_BBOOL changeable; /* CKA_MODIFIABLE and CKA_COPYABLE */
    bool safe_template;  /* CKA_UNWRAP_TEMPLATE: sensitive, not extractable */
    bool weak_template;  /* CKA_UNWRAP_TEMPLATE: sensitive only */
    bool wrap_template;  /* CKA_WRAP_TEMPLATE */
    char end[9];         /* CKA_END_DATE; "": none */
    CK_MECHANISM_TYPE mechanisms[16];
    CK_ULONG mechanism_count;
};

/* Options that set one attribute to true or false. */
static const struct {
    const char *option;
    size_t offset;
    CK_BBOOL value;
} switches[] = {
    { "no-encrypt", offsetof(struct key, encrypt), CK_FALSE },
    { "no-decrypt", offsetof(struct key, decrypt), CK_FALSE },
    { "no-sign", offsetof(struct key, sign), CK_FALSE },
    { "private=no", offsetof(struct key, private), CK_FALSE },
    { "sensitive=no", offsetof(struct key, sensitive), CK_FALSE },
    { "extractable", offsetof(struct key, extractable), CK_TRUE },
    { "wrap", offsetof(struct key, wrap), CK_TRUE },
    { "unwrap", offsetof(struct key, unwrap), CK_TRUE },
    { "derive", offsetof(struct key, derive), CK_TRUE },
    { "fixed", offsetof(struct key, changeable), CK_FALSE },
};

static CK_ULONG from_hex(const char *digits, unsigned char *out, size_t room)
{
    size_t size = strlen(digits) / 2;

    if (strlen(digits) % 2 != 0 || size > room)
        die("%s: not hexadecimal digits of at most %zu bytes", digits, room);
    for (size_t i = 0; i < size; i++) {
        const char pair[3] = { digits[2 * i], digits[2 * i + 1], '\0' };
        char *end;

        out[i] = (unsigned char)strtoul(pair, &end, 16);
        if (*end != '\0')
            die("%s: not hexadecimal digits", digits);
    }
    return size;
}

static void read_mechanisms(struct key *key, char *names)
{
    static const struct {
        const char *name;
        CK_MECHANISM_TYPE types[2];
    } known[] = {
        { "ecb", { CKM_AES_ECB, CKM_AES_ECB } },    { "cbc", { CKM_AES_CBC, CKM_AES_CBC_PAD } },
        { "ctr", { CKM_AES_CTR, CKM_AES_CTR } },    { "gcm", { CKM_AES_GCM, CKM_AES_GCM } },
        { "cmac", { CKM_AES_CMAC, CKM_AES_CMAC } },
    };
    char *rest, *name = strtok_r(names, ",", &rest);

    for (; name != NULL; name = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;

        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i].name, name) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            die("mechanisms=%s: not known", name);
        if (key->mechanism_count > 12)
            die("too many mechanisms");
        key->mechanisms[key->mechanism_count++] = known[i].types[0];
        if (known[i].types[1] != known[i].types[0])
            key->mechanisms[key->mechanism_count++] = known[i].types[1];
    }
}

static bool read_switch(struct key *key, const char *option)
{
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        if (strcmp(option, switches[i].option) == 0) {
            *((CK_BBOOL *)key + switches[i].offset) = switches[i].value;
            return true;
        }
    }
    return false;
}

static void read_option(struct key *key, char *option)
{
    if (read_switch(key, option))
        return;
    if (strncmp(option, "id=", 3) == 0)
        key->id_size = from_hex(option + 3, key->id, sizeof(key->id));
    else if (strcmp(option, "type=aes") == 0)
        key->type = CKK_AES;
    else if (strcmp(option, "type=generic") == 0)
        key->type = CKK_GENERIC_SECRET;
    else if (strcmp(option, "type=des3") == 0)
        key->type = CKK_DES3;
    else if (strcmp(option, "unwrap-template=safe") == 0)
        key->safe_template = true;
    else if (strcmp(option, "unwrap-template=weak") == 0)
        key->weak_template = true;
    else if (strcmp(option, "wrap-template") == 0)
        key->wrap_template = true;
    else if (strncmp(option, "end=", 4) == 0 && strlen(option) == 12)
        strcpy(key->end, option + 4);
    else if (strncmp(option, "mechanisms=", 11) == 0)
        read_mechanisms(key, option + 11);
    else
        die("%s: not an option of a key", option);
}

static void read_key(struct key *key, char *line)
{
    char *rest, *word = strtok_r(line, " \t\n", &rest);
    char *value = strtok_r(NULL, " \t\n", &rest);

    *key = (struct key){
        .type = CKK_AES,
        .encrypt = CK_TRUE,
        .decrypt = CK_TRUE,
        .sign = CK_TRUE,
        .private = CK_TRUE,
        .sensitive = CK_TRUE,
        .changeable = CK_TRUE,
        .length = getenv("TOKEN_TOOL_LENGTH") != NULL,
    };
    if (value == NULL || strlen(word) >= sizeof(key->label))
        die("a line needs a label and a key: %s", word == NULL ? "" : word);
    strcpy(key->label, word);
    key->generate = strcmp(value, "-") == 0;
    key->value_size = key->generate ? 32 : from_hex(value, key->value, sizeof(key->value));
    while ((word = strtok_r(NULL, " \t\n", &rest)) != NULL)
        read_option(key, word);
}

static void add(CK_ATTRIBUTE *template, CK_ULONG *count, CK_ATTRIBUTE_TYPE type, void *value,
                size_t size)
{
    template[(*count)++] = (CK_ATTRIBUTE){ type, value, size };
}

/* What a key may do and what may be done to it. */
static void add_roles(CK_ATTRIBUTE *template, CK_ULONG *count, struct key *key)
{
    struct {
        CK_ATTRIBUTE_TYPE type;
        CK_BBOOL *value;
    } const roles[] = {
        { CKA_PRIVATE, &key->private }, { CKA_SENSITIVE, &key->sensitive },
        { CKA_WRAP, &key->wrap },       { CKA_EXTRACTABLE, &key->extractable },
        { CKA_UNWRAP, &key->unwrap },   { CKA_ENCRYPT, &key->encrypt },
        { CKA_SIGN, &key->sign },       { CKA_DECRYPT, &key->decrypt },
        { CKA_VERIFY, &key->sign },
    };

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        add(template, count, roles[i].type, roles[i].value, sizeof(CK_BBOOL));
    /* Not every module knows the others: they are there only when they are asked for. */
    if (key->derive)
        add(template, count, CKA_DERIVE, &key->derive, sizeof(CK_BBOOL));
    if (!key->changeable) {
        add(template, count, CKA_MODIFIABLE, &key->changeable, sizeof(CK_BBOOL));
        add(template, count, CKA_COPYABLE, &key->changeable, sizeof(CK_BBOOL));
    }
}

static void add_limits(CK_ATTRIBUTE *template, CK_ULONG *count, struct key *key)
{
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    static CK_ATTRIBUTE keeps[] = { { CKA_SENSITIVE, &yes, sizeof(yes) },
                                    { CKA_EXTRACTABLE, &no, sizeof(no) } };

    if (key->mechanism_count > 0)
        add(template, count, CKA_ALLOWED_MECHANISMS, key->mechanisms,
            key->mechanism_count * sizeof(key->mechanisms[0]));
    if (key->safe_template || key->weak_template)
        add(template, count, CKA_UNWRAP_TEMPLATE, keeps,
            (key->safe_template ? 2 : 1) * sizeof(keeps[0]));
    if (key->wrap_template)
        add(template, count, CKA_WRAP_TEMPLATE, keeps, sizeof(keeps[0]));
    if (key->end[0] != '\0')
        add(template, count, CKA_END_DATE, key->end, 8);
}

static void create_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, struct key *key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_MECHANISM generation = { CKM_AES_KEY_GEN, NULL, 0 };
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[32];
    CK_ULONG count = 0;
    CK_OBJECT_HANDLE object;
    CK_RV rv;

    add(template, &count, CKA_CLASS, &class, sizeof(class));
    add(template, &count, CKA_KEY_TYPE, &key->type, sizeof(key->type));
    add(template, &count, CKA_TOKEN, &yes, sizeof(yes));
    add(template, &count, CKA_LABEL, key->label, strlen(key->label));
    add(template, &count, CKA_ID, key->id, key->id_size);
    add_roles(template, &count, key);
    add_limits(template, &count, key);
    if (key->generate || (key->length && key->type == CKK_AES))
        add(template, &count, CKA_VALUE_LEN, &key->value_size, sizeof(key->value_size));
    if (!key->generate)
        add(template, &count, CKA_VALUE, key->value, key->value_size);
    rv = key->generate ? p11->C_GenerateKey(session, &generation, template, count, &object)
                       : p11->C_CreateObject(session, template, count, &object);
    if (rv != CKR_OK)
        die("key %s: 0x%lx", key->label, (unsigned long)rv);
}

void import_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, FILE *lines)
{
    char line[1024];
    struct key key;

    while (fgets(line, sizeof(line), lines) != NULL) {
        if (line[0] == '\n' || line[0] == '#')
            continue;
        read_key(&key, line);
        create_key(p11, session, &key);
    }
}

/* All secret keys, or those with a label. */
static CK_ULONG find_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label,
                          CK_OBJECT_HANDLE *objects, CK_ULONG room)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[2] = { { CKA_CLASS, &class, sizeof(class) },
                                 { CKA_LABEL, label, label == NULL ? 0 : strlen(label) } };
    CK_ULONG found = 0;

    must(p11->C_FindObjectsInit(session, template, label == NULL ? 1 : 2), "C_FindObjectsInit");
    must(p11->C_FindObjects(session, objects, room, &found), "C_FindObjects");
    must(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    if (label != NULL && found == 0)
        die("no key is called %s", label);
    return found;
}

void destroy_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label)
{
    CK_OBJECT_HANDLE objects[64];
    CK_ULONG count = find_keys(p11, session, label, objects, 64);

    for (CK_ULONG i = 0; i < count; i++)
        must(p11->C_DestroyObject(session, objects[i]), "C_DestroyObject");
}

static void set_one(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    char *change)
{
    char *value = strchr(change, '=');
    CK_ATTRIBUTE attribute;
    unsigned char id[64];
    CK_BBOOL flag;

    if (value == NULL)
        die("%s: not NAME=VALUE", change);
    value++;
    flag = strcmp(value, "yes") == 0 ? CK_TRUE : CK_FALSE;
    attribute = (CK_ATTRIBUTE){ CKA_ENCRYPT, &flag, sizeof(flag) };
    if (strncmp(change, "decrypt=", 8) == 0)
        attribute.type = CKA_DECRYPT;
    else if (strncmp(change, "wrap=", 5) == 0)
        attribute.type = CKA_WRAP;
    else if (strncmp(change, "label=", 6) == 0)
        attribute = (CK_ATTRIBUTE){ CKA_LABEL, value, strlen(value) };
    else if (strncmp(change, "id=", 3) == 0)
        attribute = (CK_ATTRIBUTE){ CKA_ID, id, from_hex(value, id, sizeof(id)) };
    else if (strncmp(change, "encrypt=", 8) != 0)
        die("%s: not something to set", change);
    must(p11->C_SetAttributeValue(session, object, &attribute, 1), change);
}

void set_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label, char **changes)
{
    CK_OBJECT_HANDLE objects[64];
    CK_ULONG count = find_keys(p11, session, label, objects, 64);

    for (CK_ULONG i = 0; i < count; i++)
        for (char **change = changes; *change != NULL; change++)
            set_one(p11, session, objects[i], *change);
}

void list_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE objects[1024];
    CK_ULONG count = find_keys(p11, session, NULL, objects, 1024);

    for (CK_ULONG i = 0; i < count; i++) {
        unsigned char label[256] = "", id[64] = "";
        CK_KEY_TYPE type = 0;
        CK_ATTRIBUTE template[] = { { CKA_LABEL, label, sizeof(label) - 1 },
                                    { CKA_ID, id, sizeof(id) },
                                    { CKA_KEY_TYPE, &type, sizeof(type) } };

        must(p11->C_GetAttributeValue(session, objects[i], template, 3), "C_GetAttributeValue");
        printf("%.*s type=0x%lx id=", (int)template[0].ulValueLen, (char *)label,
               (unsigned long)type);
        for (CK_ULONG j = 0; j < template[1].ulValueLen; j++)
            printf("%02x", id[j]);
        putchar('\n');
    }
}

/* One attribute a line, as the module has it. */
void show_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        const char *name;
    } flags[] = {
        { CKA_SENSITIVE, "sensitive" },
        { CKA_EXTRACTABLE, "extractable" },
        { CKA_PRIVATE, "private" },
        { CKA_TOKEN, "token" },
        { CKA_MODIFIABLE, "modifiable" },
        { CKA_COPYABLE, "copyable" },
        { CKA_ENCRYPT, "encrypt" },
        { CKA_DECRYPT, "decrypt" },
        { CKA_SIGN, "sign" },
        { CKA_VERIFY, "verify" },
        { CKA_WRAP, "wrap" },
        { CKA_UNWRAP, "unwrap" },
        { CKA_DERIVE, "derive" },
        { CKA_LOCAL, "local" },
        { CKA_TRUSTED, "trusted" },
    };
    CK_OBJECT_HANDLE objects[64];
    const CK_ULONG count = find_keys(p11, session, label, objects, 64);
    CK_MECHANISM_TYPE types[64];
    CK_ATTRIBUTE allowed = { CKA_ALLOWED_MECHANISMS, types, sizeof(types) };

    printf("keys=%lu\n", (unsigned long)count);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CK_BBOOL value = CK_FALSE;
        CK_ATTRIBUTE attribute = { flags[i].type, &value, sizeof(value) };

        if (p11->C_GetAttributeValue(session, objects[0], &attribute, 1) == CKR_OK)
            printf("%s=%d\n", flags[i].name, value);
    }
    if (p11->C_GetAttributeValue(session, objects[0], &allowed, 1) == CKR_OK)
        for (CK_ULONG i = 0; i < allowed.ulValueLen / sizeof(types[0]); i++)
            printf("allowed=0x%lx\n", (unsigned long)types[i]);
}
