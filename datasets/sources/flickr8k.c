/* flickr8k.c - Flickr8k as its authors ship it (Hodosh, Young, Hockenmaier 2013).
 *
 *     DIR/images (or Images, Flicker8k_Dataset, Flickr8k_Dataset)      the photographs
 *     DIR/Flickr8k.token.txt               NAME.jpg#K <tab> caption; K = 0 … 4
 *     DIR/Flickr_8k.trainImages.txt, …devImages.txt, …testImages.txt    a name a line: splits train, val, test
 * The text files may also be in DIR/Flickr8k_text.
 *
 * Pictures come in the order of the lists: train, val, test. Every name that is mentioned anywhere is stored or listed: no such file, a
 * damaged file, no caption, in none of the lists.                                                                       */
#include "datasets/sources/flickr.h"
#include "datasets/sources/flickr8k.h"

static const char *const IMAGE_FOLDERS[] = { "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", NULL };

/* Each beside the folder it may be in, too. */
static const char *const TOKENS[] = { "Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt", NULL };
static const struct { const char *split, *file[3]; } LISTS[] = {
    { "train", { "Flickr_8k.trainImages.txt", "Flickr8k_text/Flickr_8k.trainImages.txt" } },
    { "val",   { "Flickr_8k.devImages.txt",   "Flickr8k_text/Flickr_8k.devImages.txt" } },
    { "test",  { "Flickr_8k.testImages.txt",  "Flickr8k_text/Flickr_8k.testImages.txt" } },
};

bool flickr8k_begin(Flickr *f, Catalog *c, const PrepareOptions *o, Err *err) { return flickr_begin(f, c, o, IMAGE_FOLDERS, err); }

bool flickr8k_texts(Flickr *f, bool all, Err *err)
{
    const char *lists[3], *tokens = flickr_find(f, TOKENS), *absent = tokens ? NULL : TOKENS[0];
    int there = 0;

    for (int i = 0; i < 3; i++) {
        lists[i] = flickr_find(f, LISTS[i].file);
        if (lists[i]) there++;
        else if (!absent) absent = LISTS[i].file[0];
    }
    if (all && absent) return fail(err, "%s: there is no %s here, nor in Flickr8k_text", f->folder, absent);

    if (there == 3) catalog_need_split(f->c);
    for (int i = 0; i < 3; i++)
        if (lists[i]) TRY(flickr_list(f, lists[i], LISTS[i].split, "", err));
    return !tokens || flickr_tokens(f, tokens, err);
}

static bool read_flickr8k(Catalog *c, const PrepareOptions *o, Err *err)
{
    Flickr f;
    bool   ok = flickr8k_begin(&f, c, o, err) && flickr8k_texts(&f, true, err);

    flickr_end(&f);
    return ok;
}

const Source source_flickr8k = {
    .name = "flickr8k", .help = "Flickr8k in its usual layout: 8,000 photographs with five captions each",
    .layout = "DIR/images (or Images, Flicker8k_Dataset, Flickr8k_Dataset)\n"
              "DIR/Flickr8k.token.txt\n"
              "DIR/Flickr_8k.trainImages.txt, Flickr_8k.devImages.txt, Flickr_8k.testImages.txt\n"
              "(the text files may also be in DIR/Flickr8k_text)",
    .read = read_flickr8k
};
