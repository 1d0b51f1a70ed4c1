/* PKCS#11 URIs: see uri.h. */
#include "pkcs11/uri.h"

#include <string.h>

/* What p11-kit leaves in a field that the URI does not name. */
static const CK_SLOT_ID no_slot = (CK_SLOT_ID)-1;

static P11KitUri *parse(const char *text, const char *what, bool module_path, struct failure *why)
{
    P11KitUri *uri = p11_kit_uri_new();
    const char *wrong = NULL;
    int result;

    if (uri == NULL) {
        failure_memory(why);
        return NULL;
    }
    result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (result != P11_KIT_URI_OK)
        wrong = p11_kit_uri_message(result);
    else if (p11_kit_uri_any_unrecognized(uri))
        wrong = "it has attributes that are not known";
    else if (p11_kit_uri_get_module_name(uri) != NULL ||
             (p11_kit_uri_get_module_path(uri) != NULL && !module_path))
        wrong = "the module is set by pkcs11-module, not by module-name or module-path";
    if (wrong == NULL)
        return uri;
    /* The URI itself may hold a PIN and is not shown. */
    failure_set(why, FAILURE_CONFIGURATION, "configuration: %s is no usable PKCS#11 URI: %s", what,
                wrong);
    p11_kit_uri_free(uri);
    return NULL;
}

P11KitUri *uri_parse(const char *text, const char *what, struct failure *why)
{
    return parse(text, what, false, why);
}

P11KitUri *uri_parse_token(const char *text, const char *what, struct failure *why)
{
    return parse(text, what, true, why);
}

bool uri_names_token(P11KitUri *uri)
{
    const CK_TOKEN_INFO *token = p11_kit_uri_get_token_info(uri);
    const CK_SLOT_INFO *slot = p11_kit_uri_get_slot_info(uri);

    /* p11-kit zeroes the fields that are not named. */
    return token->label[0] != 0 || token->serialNumber[0] != 0 || token->manufacturerID[0] != 0 ||
           token->model[0] != 0 || slot->slotDescription[0] != 0 || slot->manufacturerID[0] != 0 ||
           p11_kit_uri_get_slot_id(uri) != no_slot;
}

bool uri_matches_token(P11KitUri *uri, const CK_INFO *module, CK_SLOT_ID id,
                       const CK_SLOT_INFO *slot, const CK_TOKEN_INFO *token)
{
    if (uri == NULL)
        return true;
    return (p11_kit_uri_get_slot_id(uri) == no_slot || p11_kit_uri_get_slot_id(uri) == id) &&
           p11_kit_uri_match_module_info(uri, module) && p11_kit_uri_match_slot_info(uri, slot) &&
           p11_kit_uri_match_token_info(uri, token);
}

void uri_trim(char *text, const unsigned char *field, size_t size)
{
    while (size > 0 && (field[size - 1] == ' ' || field[size - 1] == '\0'))
        size--;
    for (size_t i = 0; i < size; i++)
        text[i] = field[i] >= 0x20 && field[i] != 0x7f ? (char)field[i] : '?';
    text[size] = '\0';
}
