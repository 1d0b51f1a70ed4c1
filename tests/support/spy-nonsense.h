/* Answers that make no sense: spy-nonsense.c, for spy-module.c. */
#ifndef HSMZKE_SPY_NONSENSE_H
#define HSMZKE_SPY_NONSENSE_H

#include <p11-kit/pkcs11.h>

/** `real`, or a list in front of it that spoils its answers as HSMZKE_SPY_NONSENSE says. */
CK_FUNCTION_LIST *nonsense_over(CK_FUNCTION_LIST *real);

#endif
