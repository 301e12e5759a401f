/* prepare/catalog_folder.h - what pictures, or other files, a folder holds, in the order of their names' bytes. */
#ifndef LIMN_CATALOG_FOLDER_H
#define LIMN_CATALOG_FOLDER_H

#include <stdint.h>

#include "tensor/base/err.h"

typedef struct FolderList { char **name; int64_t count; } FolderList;            /* below the folder: "a.jpg", "deep/b.png" */

/* Names that end in .jpg, .jpeg or .png, any case; hidden ones are passed over. `deep`: of subfolders too, 16 levels at most, not of links
 * that lead back up. */
bool folder_pictures(const char *folder, bool deep, FolderList *out, Err *err);
/* As above, the files whose name (the last part) is `wanted`. */
typedef bool FolderWants(const char *name, const void *context);
bool folder_files(const char *folder, bool deep, FolderWants *wanted, const void *context, FolderList *out, Err *err);
void folder_list_free(FolderList *l);

#endif
