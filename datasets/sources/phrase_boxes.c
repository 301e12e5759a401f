/* phrase_boxes.c - boxes of phrases from a table, joined with pictures and, where they are, captions in Flickr8k's layout.
 *
 *     DIR/phrase_boxes.tsv     tab-separated, with a header: image x0 y0 x1 y1 phrase, and optionally split, size_known, caption
 *     DIR/images, DIR/Flickr8k.token.txt, DIR/Flickr_8k.trainImages.txt …           as flickr8k.c; all but the pictures optional
 *
 * Corners are fractions of the picture. `split` is train, dev or val, or test, and yields to the lists. `size_known` 0: the size of
 * the picture was guessed when corners were made fractions, so that they may be off; good enough to learn from, not to score by. Such
 * rows are kept for pictures of train and passed over for all others. `caption` is the number of the picture's caption, from 0, that
 * holds the phrase; without that column phrases belong to the picture, not to one of its captions.                         */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/flickr8k.h"
#include "datasets/sources/text_lines.h"

static const char *const TABLE[] = { "phrase_boxes.tsv", NULL };

enum { IMAGE, X0, Y0, X1, Y1, PHRASE, REQUIRED, SPLIT = REQUIRED, SIZE_KNOWN, CAPTION, COLUMNS };
static const char *const COLUMN[COLUMNS] = { [IMAGE] = "image", [X0] = "x0", [Y0] = "y0", [X1] = "x1", [Y1] = "y1", [PHRASE] = "phrase",
                                             [SPLIT] = "split", [SIZE_KNOWN] = "size_known", [CAPTION] = "caption" };
static const struct { const char *said, *split; } SPLITS[] = {
    { "train", "train" }, { "dev", "val" }, { "val", "val" }, { "test", "test" } };

typedef struct Table { Flickr *f; int column[COLUMNS]; const Row *row; } Table;

/* NULL: there is no such column. */
static const char *cell(const Table *t, int k) { return t->column[k] < 0 ? NULL : t->row->field[t->column[k]]; }

static void list(const Table *t, ProblemKind kind, const char *what, const char *found)
{
    catalog_problem(t->f->c, kind, cell(t, IMAGE), t->row->at, "%s '%.60s'", what, found);
}

static bool read_fraction(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

/* What the row says of its picture's split, once: the lists and earlier rows come first. */
static bool take_split(Table *t, int64_t picture)
{
    const char *said = cell(t, SPLIT), *split = NULL;

    if (!said || !*said) return true;
    for (size_t i = 0; i < sizeof SPLITS / sizeof *SPLITS; i++)
        if (strcmp(said, SPLITS[i].said) == 0) split = SPLITS[i].split;
    if (!split) {
        list(t, PROBLEM_BAD_RECORD, "wants a split train, dev, val or test, not", said);
        return false;
    }
    const char *has = flickr_split(t->f, picture);
    if (!has || strcmp(has, split) != 0) flickr_set_split(t->f, cell(t, IMAGE), split, t->row->at);
    return true;
}

/* Where the phrase stands in the caption that the row names: b->caption stays -1, and it is listed, where it does not. */
static bool find_span(const Table *t, int64_t picture, CatalogBox *b, Err *err)
{
    CatalogEntry e;
    char  *end;
    const char *said = cell(t, CAPTION), *at = NULL;
    if (!said || !*said) return true;

    long k = strtol(said, &end, 10);
    TRY(catalog_entry(t->f->c, picture, &e, err));
    if (end != said && !*end && k >= 0 && k < e.caption_count) at = strstr(e.captions[k], b->phrase);
    if (at) {
        b->caption = (int32_t)k;
        b->from = (int32_t)(at - e.captions[k]);
        b->to = b->from + (int32_t)strlen(b->phrase);
    } else list(t, PROBLEM_BAD_SPAN, "the phrase is not in caption", said);
    catalog_entry_free(&e);
    return true;
}

static bool take_row(Table *t, Err *err)
{
    CatalogBox b = { .fractions = true, .kind = BOX_PHRASE, .entity = -1, .caption = -1, .phrase = text_trim(t->row->field[t->column[PHRASE]]) };
    double *const corner[] = { &b.x0, &b.y0, &b.x1, &b.y1 };
    const char *known = cell(t, SIZE_KNOWN);

    int64_t picture = flickr_picture(t->f, cell(t, IMAGE), t->row->at);
    if (picture < 0 || !take_split(t, picture)) return true;

    for (int k = X0; k <= Y1; k++) {
        if (read_fraction(cell(t, k), corner[k - X0])) continue;
        list(t, PROBLEM_BAD_RECORD, "wants corners in 0 to 1, not", cell(t, k));
        return true;
    }
    if (known && strcmp(known, "0") != 0 && strcmp(known, "1") != 0) {
        list(t, PROBLEM_BAD_RECORD, "wants size_known 0 or 1, not", known);
        return true;
    }

    const char *split = flickr_split(t->f, picture);
    if (known && *known == '0' && (!split || strcmp(split, "train") != 0)) return true;
    return find_span(t, picture, &b, err) && catalog_box(t->f->c, picture, &b, t->row->at, err);
}

static bool take_table(Flickr *f, const char *file, Rows *r, Err *err)
{
    Table t = { .f = f };

    for (int k = 0; k < COLUMNS; k++) {
        t.column[k] = rows_column(r, COLUMN[k]);
        if (t.column[k] < 0 && k < REQUIRED) return fail(err, "%s/%s: has no column '%s'", f->folder, file, COLUMN[k]);
    }
    for (Row row; rows_next(r, &row);) {
        t.row = &row;
        TRY(take_row(&t, err));
    }
    return true;
}

static bool read_table(Flickr *f, Err *err)
{
    const char *file = flickr_find(f, TABLE);
    if (!file) return fail(err, "%s: there is no %s here", f->folder, TABLE[0]);
    char *path = flickr_input(f, file, err);
    Rows *r = path ? rows_open(f->c, path, file, '\t', err) : NULL;
    bool  ok = r && take_table(f, file, r, err);

    free(path);
    return r && rows_close(r, err) && ok;
}

static bool read_phrase_boxes(Catalog *c, const PrepareOptions *o, Err *err)
{
    Flickr f;
    bool   ok = flickr8k_begin(&f, c, o, err) && flickr8k_texts(&f, false, err) && read_table(&f, err);

    flickr_end(&f);
    return ok;
}

const Source source_phrase_boxes = {
    .name = "phrase-boxes", .help = "Phrases with boxes in a table, beside pictures and captions as flickr8k has them",
    .layout = "DIR/phrase_boxes.tsv: columns image x0 y0 x1 y1 phrase, and optionally split, size_known, caption\n"
              "DIR/images, DIR/Flickr8k.token.txt, DIR/Flickr_8k.trainImages.txt … as flickr8k; all but the pictures optional\n"
              "Corners are fractions of the picture. Rows with size_known 0 (corners may be off) are kept for train alone",
    .read = read_phrase_boxes
};
