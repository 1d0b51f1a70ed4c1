/* Parameters: see parameter.h. */
#include "parameter.h"

#include "reference.h"

bool parameter_is_reference(const OSSL_PARAM *param)
{
    if (param == NULL || param->data == NULL)
        return false;
    switch (param->data_type) {
    case OSSL_PARAM_OCTET_STRING:
    case OSSL_PARAM_UTF8_STRING:
        return reference_has_prefix(param->data, param->data_size);
    case OSSL_PARAM_OCTET_PTR:
    case OSSL_PARAM_UTF8_PTR:
        return reference_has_prefix(*(const unsigned char *const *)param->data, param->data_size);
    default:
        return false;
    }
}
