/* Holders that keep their key in memory let holder.c wait. */
#include "holder.h"

int holder_waits_itself(void)
{
    return 0;
}
