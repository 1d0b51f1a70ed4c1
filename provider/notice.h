/* A line to whoever runs the program, outside of OpenSSL's error queue. */
#ifndef HSMZKE_NOTICE_H
#define HSMZKE_NOTICE_H

/**
 * Writes `text` and a line feed to standard error, or nothing: where that would block, raise a
 * signal, or go into something that is no place for messages.  `errno` stays as it was.
 */
void notice_write(const char *text);

#endif
