/* backend.c - the backends that this binary holds, by name. */
#include "tensor/backend.h"

#include <stdio.h>
#include <string.h>

static const Backend *const backends[] = {
    &backend_reference,
    &backend_openblas,
    NULL
};

const Backend *const *backend_list(void)
{
    return backends;
}

const Backend *backend_find(const char *name, Err *err)
{
    char   names[512] = "";
    size_t used = 0;

    for (const Backend *const *b = backends; *b; b++) {
        if (strcmp((*b)->name, name) == 0) return (*b)->start && !(*b)->start(err) ? NULL : *b;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", (*b)->name);
    }
    fail_usage(err, "there is no backend '%s': this build has %s", name, names);
    return NULL;
}
