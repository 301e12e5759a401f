/* captions.c - candidates first, so that references of other images need not be kept. */
#include "experiments/metrics/captions.h"

#include <string.h>

#include "datasets/sources/id_map.h"
#include "experiments/metrics/caption_files.h"
#include "text/ptb.h"

typedef struct Filling {
    CaptionSet    *set;
    CaptionDoubts *doubts;
    IdSet          annotations, others;          /* ids seen; images without a candidate */
} Filling;

static void doubt(Doubt *d, int64_t image)
{
    if (d->count++ == 0) d->image = image;
}

/* Marks of a tokenizer: a blank before a full stop at the end, before a comma, before a clitic; brackets as names. */
static bool looks_tokenised(const char *text)
{
    size_t n = strlen(text);

    while (n && (text[n - 1] == ' ' || text[n - 1] == '\n')) n--;
    return (n > 2 && text[n - 1] == '.' && text[n - 2] == ' ') || strstr(text, " , ") || strstr(text, " n't") || strstr(text, " 's ")
           || strstr(text, "-LRB-") || strstr(text, "-lrb-");
}

static bool take_candidate(const FileCaption *c, void *context, Err *err)
{
    Filling *f = context;
    int64_t  i = caption_set_image(f->set, c->image);
    (void)err;

    f->doubts->candidates++;
    if (caption_set_at(f->set, i)->candidate.text) doubt(&f->doubts->repeated_candidate, c->image);
    caption_set_candidate(f->set, i, c->text);
    if (looks_tokenised(c->text)) doubt(&f->doubts->tokenised_candidate, c->image);
    if (ptb_splits_lines(c->text)) doubt(&f->doubts->splits_lines, c->image);
    return true;
}

static bool take_reference(const FileCaption *c, void *context, Err *err)
{
    Filling *f = context;
    int64_t  i = caption_set_find(f->set, c->image);
    (void)err;

    if (i < 0) {
        if (id_set_add(&f->others, c->image)) doubt(&f->doubts->no_candidate, c->image);
        return true;
    }
    f->doubts->references++;
    if (c->id >= 0 && !id_set_add(&f->annotations, c->id)) doubt(&f->doubts->repeated_id, c->image);
    caption_set_reference(f->set, i, c->text);
    if (looks_tokenised(c->text)) doubt(&f->doubts->tokenised_reference, c->image);
    if (ptb_splits_lines(c->text)) doubt(&f->doubts->splits_lines, c->image);
    return true;
}

static void look_at(const Judged *j, CaptionDoubts *d)
{
    if (!j->reference_count) doubt(&d->no_references, j->id);
    else if (!j->candidate.count) doubt(&d->empty_candidate, j->id);
    for (int32_t r = 0; r < j->reference_count; r++)
        if (!j->references[r].count) doubt(&d->empty_reference, j->id);
}

bool captions_read(const char *references, const char *candidates, CaptionSet *s, CaptionDoubts *d, Err *err)
{
    Filling f = { .set = s, .doubts = d };

    *d = (CaptionDoubts){ 0 };
    bool ok = captions_relay(candidates, take_candidate, &f, err) && captions_relay(references, take_reference, &f, err);
    id_set_free(&f.annotations);
    id_set_free(&f.others);
    if (!ok) return false;
    for (int64_t i = 0; i < caption_set_images(s); i++) look_at(caption_set_at(s, i), d);
    caption_set_drop_incomplete(s);
    return caption_set_images(s) > 0 || fail(err, "no image of %s has references in %s: the first are images %lld and %lld; are both of the same "
                                                  "data set?", candidates, references, (long long)d->no_references.image,
                                             (long long)d->no_candidate.image);
}

static bool take_any(const FileCaption *c, void *context, Err *err)
{
    (void)err;
    caption_set_reference(context, caption_set_image(context, c->image), c->text);
    return true;
}

bool captions_read_references(const char *path, CaptionSet *s, Err *err) { return captions_relay(path, take_any, s, err); }

/* ---- saying so --------------------------------------------------------------------------------------------------------- */
/* From this share on (1 %), captions that look tokenised are no accident: 0.2 % of COCO's do. */
static bool many(Doubt d, int64_t of) { return d.count * 100 >= of && d.count; }

static void tokenised(Doubt d, int64_t of, const char *kind, const char *path, const char *command, FILE *out)
{
    if (many(d, of))
        fprintf(out, "limn %s: warning: %s: %lld of %lld %s look tokenised already (image %lld); they are tokenised once more, as coco-caption "
                "does. Scores compare with others' when captions are given as they were written\n", command, path, (long long)d.count,
                (long long)of, kind, (long long)d.image);
}

void caption_doubts_print(const CaptionDoubts *d, const char *references, const char *candidates, const char *command, FILE *out)
{
    const struct { Doubt doubt; const char *path, *what; } SAID[] = {
        { d->no_references, candidates, "images without references, not scored" },
        { d->no_candidate, references, "images without a candidate, not scored, as in coco-caption" },
        { d->repeated_candidate, candidates, "candidates of an image that had one already (the last one counts, where coco-caption stops)" },
        { d->repeated_id, references, "annotations with the id of another (all count)" },
        { d->empty_candidate, candidates, "candidates without a word" },
        { d->empty_reference, references, "references without a word (all count)" },
        { d->splits_lines, "captions", "with a line separator in them (coco-caption begins a new caption there and shifts all later ones; here they "
                                       "stay whole)" },
    };
    for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++)
        if (SAID[i].doubt.count)
            fprintf(out, "limn %s: warning: %s: %s: %lld, first of image %lld\n", command, SAID[i].path, SAID[i].what,
                    (long long)SAID[i].doubt.count, (long long)SAID[i].doubt.image);
    tokenised(d->tokenised_candidate, d->candidates, "candidates", candidates, command, out);
    tokenised(d->tokenised_reference, d->references, "references", references, command, out);
}
