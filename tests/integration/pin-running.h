/*
 * Starts pin-child with a source of PINs, and talks to it.  By exec, so that nothing of this
 * process's memory is in it.
 */
#ifndef HSMZKE_TESTS_PIN_RUNNING_H
#define HSMZKE_TESTS_PIN_RUNNING_H

#include <stdbool.h>

enum { PIN_DESCRIPTOR = 3 };

/** How to start it. */
struct pin_start {
    const char *program;      /**< NULL: pin-child */
    const char *arguments[8]; /**< its arguments, NULL-terminated */
    const char *environment;  /**< a variable "NAME=VALUE" that it alone has; NULL: none */
    int descriptor;           /**< what it has as PIN_DESCRIPTOR, closed here; 0: nothing */
    bool terminal;            /**< it has a terminal of its own, for prompts */
    const char *dumps;        /**< the directory in which it may leave a core file; NULL: none */
};

struct pin_child {
    int pid;
    int told, says;      /**< its standard input and output */
    int terminal, slave; /**< this end of its terminal, and the other, kept open; or -1 */
    const char *shown;   /**< what the terminal showed */
};

void pin_start(struct pin_child *child, const struct pin_start *start);

/** Tells it a command. */
void pin_tell(const struct pin_child *child, char command);
/** Its next line, which must begin so; the rest of it. */
const char *pin_hear(struct pin_child *child, const char *begin);
/** Waits for its prompt and types the PIN. */
void pin_type(struct pin_child *child, const char *pin);

/** Tells it to end, which it must do well. */
void pin_end(struct pin_child *child);
/** Closes what is open here; the process has ended. */
void pin_close(struct pin_child *child);

#endif
