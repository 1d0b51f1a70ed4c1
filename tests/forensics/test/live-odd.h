/*
 * What the parts of live-odd share, and the ways to hide in what waits or is on its way
 * (live-odd-waiting.c).
 */
#ifndef MEMSCAN_LIVE_ODD_H
#define MEMSCAN_LIVE_ODD_H

_Noreturn void fail(const char *what);
/** Writes the needle, through a buffer that is wiped. */
void write_needle(int fd);
/** A memfd with the needle. */
int new_memfd(void);

void behind_an_empty_datagram(void);
void behind_many_datagrams(void);
void sent_file(void);
void sent_file_without_a_byte(void);
void sent_in_a_sent_socket(void);
void sent_pipe(void);

#endif
