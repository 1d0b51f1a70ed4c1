/*
 * Keys whose user shows in what lies beside them.
 */
#ifndef MEMSCAN_NEIGHBOURS_H
#define MEMSCAN_NEIGHBOURS_H

#include "../model/finding.h"

/**
 * Fills in `used_by` of schedules.  OpenSSL's CTR-DRBG makes three contexts at a time: two with its
 * key (ECB and CTR), and one with the fixed key of SP 800-90A's derivation function, 10.3.2.  The
 * set must be settled.
 */
void neighbours_name(struct findings *findings);

#endif
