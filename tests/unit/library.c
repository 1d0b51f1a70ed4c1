/* Three libraries for test-libraries.c: one computes, one connects, one brings the latter. */
#include <sys/socket.h>

int entry(void);
int connects(int ends[2]);

#if defined(CONNECTS)
int connects(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}
#endif

int entry(void)
{
#if defined(BRINGS)
    return connects((int[2]){ 0 }) == 0;
#else
    return 1;
#endif
}
