/* catalog_text.h - a catalog written out, to be compared with what a test expects.
 *
 *     picture NAME file=F member=M split=S size=WxH at=FILE:LINE       (left out where there is none)
 *       caption "text"
 *       box KIND x0 y0 x1 y1 [fractions] entity=E caption=C span=F,T "phrase" at=FILE:LINE
 *     problem KIND NAME at=FILE:LINE reason                                                                             */
#ifndef LIMN_CATALOG_TEXT_H
#define LIMN_CATALOG_TEXT_H

#include "datasets/catalog.h"

char *catalog_text(const Catalog *c);            /* malloc'd; call catalog_finish first                                */

#endif
