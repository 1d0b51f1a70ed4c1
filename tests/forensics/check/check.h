/*
 * What shows that this scanner finds what it must, before it is believed that something is not
 * there: keys of ours in all forms before the detectors, and a helper process that holds one where
 * keys hide.  Each is a control in the report.
 */
#ifndef MEMSCAN_CHECK_H
#define MEMSCAN_CHECK_H

#include "../model/report.h"
#include "../scan/scanner.h"
#include "../source/source.h"

/**
 * Searches a buffer in which all forms are planted, with the detectors of `settings` and in its
 * way (path, thoroughness).  What is looked for in it is ours: settings.sought and the PIN only say
 * which detectors are of use, and whichever of these is switched off will miss its forms.
 * @return false without memory or random numbers
 */
bool check_detectors(const struct scanner_settings *settings, struct report *report);

/**
 * Makes a helper process with a key on its heap, its stack, in vector registers and in a page
 * without permissions, and searches it as a target is searched.
 * @return false, with the reason, if it could not be made or not be searched at all
 */
bool check_helper(const struct scanner_settings *settings, struct report *report,
                  struct source_trouble *why);

/** Appends a control. @return false without memory */
bool check_add(struct report *report, const char *name, bool found);

#endif
