/* file_seam.h - where bytes leave the program: the only write and fsync, with the faults of LIMN_FAULT (see file.h).
 * For tensor/base and for temporary files (datasets/spill.c). Both return false with errno set.                                                          */
#ifndef LIMN_FILE_SEAM_H
#define LIMN_FILE_SEAM_H

#include <stdbool.h>
#include <stddef.h>

bool seam_write(int fd, const void *data, size_t bytes);     /* all of it */
bool seam_fsync(int fd);

#endif
