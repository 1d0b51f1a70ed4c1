/*
 * Text of others, character by character.  Pure.
 */
#ifndef HSMZKE_UTF8_H
#define HSMZKE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/**
 * The bytes of the character at `in` in well-formed UTF-8 (Unicode, table 3-7), and its number.  A
 * NUL is no continuation, so nothing is read behind the end.
 * @return 0 if it is malformed
 */
size_t utf8_character(const unsigned char *in, uint32_t *code);

#endif
