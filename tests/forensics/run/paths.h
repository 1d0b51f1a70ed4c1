/* What the build knows of paths; meson writes their values. */
#ifndef MEMSCAN_PATHS_H
#define MEMSCAN_PATHS_H

/** Where memscan-tap.so and memscan-software.so are installed. */
extern const char run_library_directory[];
/** What hsmzke loads if nothing is configured. */
extern const char run_default_module[];

#endif
