/* Names of system calls, for the timeline. */
#ifndef MEMSCAN_CALLS_H
#define MEMSCAN_CALLS_H

/** @return "write", or "system call" for those that are not worth a name; static */
const char *call_name(long number);

#endif
