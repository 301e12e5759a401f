/* folder.h - the folder that an export is written to: may it be, and the record in it, OUT/export.json (datasets/export.h). */
#ifndef LIMN_EXPORT_FOLDER_H
#define LIMN_EXPORT_FOLDER_H

#include "datasets/export/form.h"

#define EXPORT_RECORD "export.json"

/* Is it new or empty, or does it hold an export of this store with these options, or may it hold anything? Changes nothing. */
bool export_folder_check(const ExportTask *t, Err *err);
/* Removes the annotations of an export of another store or with other options: else they would be taken for those of what is here now. */
void export_folder_clear(const ExportTask *t);
/* `annotations`: names of their files, below OUT. `sum` and `left_out` NULL: it is not complete yet. */
bool export_folder_record(const ExportTask *t, json_t *annotations, const ExportSummary *sum, json_t *left_out, Err *err);

#endif
