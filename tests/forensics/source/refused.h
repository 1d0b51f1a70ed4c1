/*
 * Why a process cannot be stopped, and what to do about it, in words.
 */
#ifndef MEMSCAN_REFUSED_H
#define MEMSCAN_REFUSED_H

#include "trouble.h"

/** What is known without trying: no such process, this very process, a kernel thread, one that has
 * ended. @return false, with the reason, if it is one of these */
bool refused_at_once(pid_t process, struct source_trouble *why);

/** What PTRACE_SEIZE meant by this error. @return false */
bool refused_why(pid_t process, pid_t thread, int error, struct source_trouble *why);

#endif
