/*
 * What a test program can say to a shim that is loaded in it, beside the environment: by dlsym(),
 * as spy.c does.
 */
#ifndef HSMZKE_SHIM_CONTROL_H
#define HSMZKE_SHIM_CONTROL_H

/** A script in the place of HSMZKE_SPY_SCRIPT (NULL: that again); all counts begin at 0. */
void shim_script(const char *text);
/** Calls of a function since then; NULL for the name: of the `i`-th function, whose name it puts
 * there. @return calls; 0 past the end, with the name NULL */
unsigned shim_calls(unsigned i, const char **name);
/** Answers since then that the shim made up. */
unsigned shim_injected(void);

#endif
