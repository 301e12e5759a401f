/* edit_distance.c - Levenshtein's distance (1966), row by row. */
#include "tensor/base/edit_distance.h"

#include <string.h>

int edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 128 };
    int m = (int)strnlen(a, LONGEST), n = (int)strnlen(b, LONGEST), row[LONGEST + 1];

    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; i <= m; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)     best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j]   = best;
        }
    }
    return row[n];
}
