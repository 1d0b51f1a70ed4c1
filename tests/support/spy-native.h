/* Mechanisms that the real module has not, over its ECB: spy-native.c, for spy-module.c. */
#ifndef HSMZKE_SPY_NATIVE_H
#define HSMZKE_SPY_NATIVE_H

#include <p11-kit/pkcs11.h>

/** `real`, or a list in front of it that offers what HSMZKE_SPY_NATIVE names. */
CK_FUNCTION_LIST *native_over(CK_FUNCTION_LIST *real);

#endif
