/*
 * Many contexts open at once, all in mid-stream, on a few sessions.
 */
#ifndef HSMZKE_BENCH_CROWD_H
#define HSMZKE_BENCH_CROWD_H

#include "evp.h"

/**
 * Opens count contexts (CBC, CTR and ECB, enciphering and deciphering in turn), gives each a piece
 * that ends within a block, then, with all of them open, gives each the rest and compares with the
 * other side.
 *
 * \return how many gave the right bytes
 */
size_t crowd_run(const struct evp_side *side, const struct evp_side *software, size_t count);

#endif
