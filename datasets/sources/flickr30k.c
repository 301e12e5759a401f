/* flickr30k.c - Flickr30k (Young, Lai, Hodosh, Hockenmaier 2014), 31,783 photographs with five captions each, as it goes around:
 *
 *     DIR/results_20130124.token           NAME.jpg#K <tab> caption; K = 0 … 4                        from the authors
 *     DIR/results.csv                      image_name| comment_number| comment                        from Kaggle
 *     DIR/captions.txt                     image,caption                                              from Kaggle
 *     DIR/flickr30k-images (or flickr30k_images, flickr30k_images/flickr30k_images, images, Images)   the photographs
 *     DIR/train.txt, val.txt, test.txt     (optional) a name or id a line, as Flickr30k Entities has them
 * The first of the caption files that is there is read. A table's delimiter is the first of | , and tab in its header.
 *
 * There is no official split: with all three lists a picture in none of them is listed, not stored; without lists the options decide. */
#include "datasets/sources/flickr30k.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/sources/text_lines.h"

static const char *const IMAGE_FOLDERS[] = { "flickr30k-images", "flickr30k_images/flickr30k_images", "flickr30k_images", "images",
                                             "Images", NULL };
static const char *const TOKENS[] = { "results_20130124.token", "flickr30k/results_20130124.token", NULL };
static const char *const TABLES[] = { "results.csv", "flickr30k_images/results.csv", "captions.txt", "captions.csv", NULL };
static const struct { const char *split, *file[3]; } LISTS[] = {
    { "train", { "train.txt", "flickr30k_entities/train.txt" } },
    { "val",   { "val.txt",   "flickr30k_entities/val.txt" } },
    { "test",  { "test.txt",  "flickr30k_entities/test.txt" } },
};

/* What the columns are called here and there. */
static const char *const NAME_COLUMN[]    = { "image_name", "image", NULL };
static const char *const NUMBER_COLUMN[]  = { "comment_number", "caption_number", NULL };
static const char *const CAPTION_COLUMN[] = { "comment", "caption", NULL };

bool flickr30k_begin(Flickr *f, Catalog *c, const PrepareOptions *o, Err *err) { return flickr_begin(f, c, o, IMAGE_FOLDERS, err); }

bool flickr30k_lists(Flickr *f, Err *err)
{
    int there = 0;

    for (int i = 0; i < 3; i++) {
        const char *file = flickr_find(f, LISTS[i].file);
        if (file) TRY(flickr_list(f, file, LISTS[i].split, ".jpg", err));
        there += file != NULL;
    }
    if (there == 3) catalog_need_split(f->c);
    return true;
}

/* ---- the tables -------------------------------------------------------------------------------------------------------- */
static bool find_delimiter(Catalog *c, const char *path, const char *name, char *delimiter, Err *err)
{
    Lines *l = lines_open(c, path, name, err);
    Line   line;
    if (!l) return false;
    const char *at = lines_next(l, &line) ? strpbrk(line.text, "|,\t") : NULL;
    *delimiter = at ? *at : ',';
    return lines_close(l, err);
}

static int column(const Rows *r, const char *const *names)
{
    int found = -1;
    for (; *names && found < 0; names++) found = rows_column(r, *names);
    return found;
}

static bool take_rows(Flickr *f, Rows *r, const char *file, Err *err)
{
    int name = column(r, NAME_COLUMN), number = column(r, NUMBER_COLUMN), caption = column(r, CAPTION_COLUMN);

    if (name < 0 || caption < 0)
        return fail(err, "%s/%s: wants columns image_name (or image) and comment (or caption); there is no %s", f->folder, file,
                    name < 0 ? NAME_COLUMN[0] : CAPTION_COLUMN[0]);
    for (Row row; rows_next(r, &row);)
        TRY(flickr_caption(f, text_trim(row.field[name]), number < 0 ? NULL : row.field[number], row.field[caption], row.bytes[caption],
                           row.at, err));
    return true;
}

static bool read_table(Flickr *f, const char *file, Err *err)
{
    char  delimiter, *path = flickr_input(f, file, err);
    Rows *r = path && find_delimiter(f->c, path, file, &delimiter, err) ? rows_open(f->c, path, file, delimiter, err) : NULL;
    bool  ok = r && take_rows(f, r, file, err);

    free(path);
    return r && rows_close(r, err) && ok;
}

static bool read_flickr30k(Catalog *c, const PrepareOptions *o, Err *err)
{
    Flickr f;
    bool   ok = flickr30k_begin(&f, c, o, err) && flickr30k_lists(&f, err);
    const char *tokens = ok ? flickr_find(&f, TOKENS) : NULL, *table = ok && !tokens ? flickr_find(&f, TABLES) : NULL;

    if (ok && !tokens && !table) ok = fail(err, "%s: there is no results_20130124.token, results.csv or captions.txt here", f.folder);
    if (ok) ok = tokens ? flickr_tokens(&f, tokens, err) : read_table(&f, table, err);
    flickr_end(&f);
    return ok;
}

const Source source_flickr30k = {
    .name = "flickr30k", .help = "Flickr30k: 31,783 photographs with five captions each",
    .layout = "DIR/results_20130124.token, or results.csv (image_name| comment_number| comment), or captions.txt (image,caption)\n"
              "DIR/flickr30k-images (or flickr30k_images, flickr30k_images/flickr30k_images, images, Images)\n"
              "DIR/train.txt, val.txt, test.txt: names or ids, as in Flickr30k Entities; optional, without them --split decides",
    .read = read_flickr30k
};
