/*
 * All detectors, by how they are made.  Each gives NULL without memory; one that was given nothing
 * to look for is not made at all (scanner.c asks before).
 */
#ifndef MEMSCAN_DETECTORS_H
#define MEMSCAN_DETECTORS_H

#include "scanner.h"

/** AES-128/192/256 schedules whose words are bytes: schedule.c */
struct detector *schedule_detector_new(const struct scanner_settings *settings);
/** Bitsliced ones: bitsliced.c */
struct detector *bitsliced_detector_new(const struct scanner_settings *settings);
/** Keys that are known, in all encodings: known.c */
struct detector *known_detector_new(const struct scanner_settings *settings);
/** Keys of which E_K(plain) is known: oracle.c */
struct detector *oracle_detector_new(const struct scanner_settings *settings);
/** The PIN, in all encodings: pin.c */
struct detector *pin_detector_new(const struct scanner_settings *settings);

#endif
