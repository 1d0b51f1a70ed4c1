/*
 * Which PINs can be looked for at all.
 */
#ifndef MEMSCAN_PIN_H
#define MEMSCAN_PIN_H

/**
 * @return NULL if what is found of this PIN is the PIN, and nothing found means that it is not
 * there; else why not, as a sentence (static text): the verdict on it can only be INCONCLUSIVE
 */
const char *pin_weakness(const char *pin);

#endif
