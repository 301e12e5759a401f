/* entities_boxes.h - an annotation of Flickr30k Entities: which boxes an entity has in a picture, in PASCAL VOC's manner of XML.
 *
 *     <annotation> … <size><width>500</width><height>333</height><depth>3</depth></size>
 *       <object><name>283585</name><name>283587</name>
 *         <bndbox><xmin>1</xmin><ymin>21</ymin><xmax>88</xmax><ymax>333</ymax></bndbox></object>
 *       <object><name>283586</name><scene>1</scene><nobndbox>0</nobndbox></object> … </annotation>
 *
 * Corners are pixels counted from 1, both inside the box (the data set's own reader subtracts 1 from all four and takes the last pixel
 * in): as edges [xmin - 1, xmax] x [ymin - 1, ymax]. A corner of 0, which stands there too, is the picture's edge.
 *
 * Read by expat. Files are small and foreign, so: at most 4 MiB, 16 elements deep, no document type (and with it no entities, no
 * external files). What breaks these or the rules of XML makes the whole file damaged; an object that is not as above is listed alone. */
#ifndef LIMN_ENTITIES_BOXES_H
#define LIMN_ENTITIES_BOXES_H

#include "datasets/catalog.h"

typedef struct EntityBox {
    int64_t entity;
    bool    has_box, used;                       /* no box: the whole scene, or not to be seen; `used` is the caller's  */
    double  x0, y0, x1, y1;
    int64_t line;
} EntityBox;

typedef struct EntityBoxes { int width, height; Buffer rows; } EntityBoxes;      /* 0 x 0: not said; EntityBox in the file's order */

/* `picture`: its name, for what is listed. False, PROBLEM_BAD_FILE and no rows: the file is damaged or not there. */
bool       entity_boxes_read(EntityBoxes *b, Catalog *c, const char *path, const char *shown, const char *picture);
int64_t    entity_boxes_count(const EntityBoxes *b);
EntityBox *entity_boxes_at(const EntityBoxes *b, int64_t i);
void       entity_boxes_free(EntityBoxes *b);

#endif
