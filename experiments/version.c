/* version.c - what this build is. The commit is known only where the build had git; the version never needs it. */
#include "experiments/run.h"
#include "commit.h"

const char *build_version(void) { return LIMN_VERSION " (" LIMN_COMMIT ")"; }
