/*
 * The two halves of token-tool: the program and its tokens, and the keys on them.
 */
#ifndef HSMZKE_TOKEN_TOOL_H
#define HSMZKE_TOKEN_TOOL_H

#include <stdbool.h>
#include <stdio.h>

#include <p11-kit/pkcs11.h>

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void must(CK_RV rv, const char *what);

void import_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, FILE *lines);
void destroy_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label);
void set_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label, char **changes);
void list_keys(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session);
void show_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label);

#endif
