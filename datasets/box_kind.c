/* box_kind.c - the table of names. */
#include "datasets/box_kind.h"

#include <string.h>

static const char *const NAMES[BOX_KINDS] = {
    [BOX_PHRASE] = "phrase", [BOX_OBJECT] = "object", [BOX_REGION] = "region", [BOX_REFERRING] = "referring", [BOX_NONE] = "none" };

const char *box_kind_name(int32_t kind) { return NAMES[kind >= 0 && kind < BOX_KINDS ? kind : BOX_PHRASE]; }

bool box_kind_find(const char *name, BoxKind *out)
{
    for (int k = 0; k < BOX_KINDS; k++)
        if (strcmp(NAMES[k], name) == 0) return *out = (BoxKind)k, true;
    return false;
}
