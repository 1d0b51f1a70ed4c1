/* The lines of an audit log: see entry.h. */
#include "audit/entry.h"

#include <string.h>

#include "shown.h"

/* What a value may take, in bytes; all of one line together fit into JSON_MOST. */
enum {
    SHORT_MOST = 100, /* names of the standard, numbers of tokens */
    NAME_MOST = 512,  /* labels, paths */
    WORDS_MOST = 1000,
    SETTINGS_MOST = 2000,
};

/* A URI that a key is known by may hold a PIN, and so may words that quote it. */
static const char *hidden(char shown[SHOWN_MOST], const char *value)
{
    if (value == NULL || strchr(value, '=') == NULL) /* nothing like pin-value= */
        return value;
    shown_text(shown, value);
    return shown;
}

bool entry_begin(struct chain *chain, const struct timespec *now,
                 const struct entry_process *process, struct json *json)
{
    chain_line(chain, now, "begin", json);
    json_text(json, "program", process->program, NAME_MOST);
    json_text(json, "host", process->host, NAME_MOST);
    json_number(json, "uid", process->user);
    json_number(json, "parent", process->parent);
    json_text(json, "version", HSMZKE_VERSION, SHORT_MOST);
    return chain_seal(chain, json);
}

bool entry_configuration(struct chain *chain, const struct timespec *now, const char *in_force,
                         struct json *json)
{
    chain_line(chain, now, "configuration", json);
    json_text(json, "settings", in_force, SETTINGS_MOST);
    return chain_seal(chain, json);
}

static void add_operation(const struct hsm_event *event, struct json *json)
{
    json_word(json, "mechanism", event->mechanism);
    json_word(json, "direction", event->direction);
    json_word(json, "part", event->part);
    json_number(json, "bytes", event->bytes);
    if (event->aad > 0)
        json_number(json, "aad", event->aad);
    if (event->tries > 1)
        json_number(json, "tries", event->tries);
    json_number(json, "us", event->microseconds);
}

bool entry_event(struct chain *chain, const struct timespec *now, const struct hsm_event *event,
                 struct json *json)
{
    static const char *const names[] = {
        [HSM_EVENT_CONNECTED] = "connected", [HSM_EVENT_LOGIN] = "login",
        [HSM_EVENT_KEY_FOUND] = "key-found", [HSM_EVENT_KEY_REFUSED] = "key-refused",
        [HSM_EVENT_LISTED] = "listed",       [HSM_EVENT_OPERATION] = "operation",
    };
    char shown[SHOWN_MOST];

    chain_line(chain, now, names[event->kind], json);
    json_text(json, "module", event->module, NAME_MOST);
    json_text(json, "token", event->token, NAME_MOST);
    json_text(json, "serial", event->serial, SHORT_MOST);
    json_word(json, "user", event->user);
    json_text(json, "key", hidden(shown, event->key), NAME_MOST);
    json_hex(json, "id", event->id, event->id_size);
    json_text(json, "label", event->label, NAME_MOST);
    json_word(json, "identity", event->identity);
    if (event->kind == HSM_EVENT_LISTED)
        json_number(json, "keys", event->count);
    if (event->kind == HSM_EVENT_OPERATION)
        add_operation(event, json);
    json_word(json, "result", event->result);
    json_text(json, "why", hidden(shown, event->why), WORDS_MOST);
    return chain_seal(chain, json);
}

bool entry_end(struct chain *chain, const struct timespec *now, struct json *json)
{
    chain_line(chain, now, "end", json);
    return chain_seal(chain, json);
}
