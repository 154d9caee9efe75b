#include "genesys/transport.h"

#include <assert.h>

const char *ts_method_to_string(enum ts_method m)
{
        static const char *const names[] = {
                [TS_GET] = "GET",
                [TS_POST] = "POST",
                [TS_PUT] = "PUT",
                [TS_DELETE] = "DELETE",
        };

        assert((unsigned) m < TS_N_ELEMENTS(names));
        return names[m];
}

void ts_transport_free(struct ts_transport *t)
{
        if (t)
                t->free(t);
}
