/* report.h - the problems of a preparation: counted, and as JSON lines
 *     {"kind": "damaged-image", "name": "a.jpg", "file": "captions.txt", "line": 12, "reason": "ends too early"}       line: when there is one */
#ifndef LIMN_REPORT_H
#define LIMN_REPORT_H

#include "datasets/problem.h"
#include "datasets/spill.h"
#include "tensor/base/err.h"

typedef struct Report {
    Spill       lines;
    int64_t     kinds[PROBLEM_KINDS], all, faults;
    char        first_fault[600];                /* "FILE:LINE: NAME: reason"                                           */
    bool        failed;                          /* to write; told by report_end                                        */
    Err         why;
} Report;

Report report_begin(const char *folder);         /* for temporary files                                                 */
void   report_add(Report *r, const Problem *p);
bool   report_write(Report *r, const char *path, Err *err);
void   report_end(Report *r);

#endif
