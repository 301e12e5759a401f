/* cider.h - CIDEr-D (Vedantam, Zitnick, Parikh 2015, "CIDEr: Consensus-based Image Description Evaluation") as coco-caption computes it.
 *
 *     g_n(s)_k  = tf_k(s) idf_k                     of each n-gram k of order n,  idf_k = ln N - ln max(1, df_k)
 *     CIDEr-D_n = 10/R sum_r  e^(-(l(c) - l(r))^2 / 2 sigma^2)  min(g_n(c), g_n(r)) . g_n(r) / (|g_n(c)| |g_n(r)|)
 *     CIDEr-D   = mean of CIDEr-D_n over n = 1 … 4
 *
 * c the candidate, r its R references, sigma = 6. l: length, by which the reference means the number of pairs of neighbouring words.
 * N documents: a document is an image, with all of its references; df_k: how many of them hold n-gram k. coco-caption takes them from
 * the references of the scored images; training by CIDEr-D (Rennie et al. 2017) from those of the training images.
 *
 *     CiderScorer *c = cider_new();
 *     for each image of the corpus: cider_document(c, references, count);                 where the idf comes from
 *     for each image to be scored:  image = cider_image(c, references, count);            often the same ones
 *     cider_prepare(c, team);
 *     reward = cider_score(c, image, &candidate);                                         any number of threads
 *
 * Words of all sentences are numbered alike; -1 is a word that no candidate can have. Sentences' pieces are read.            */
#ifndef LIMN_CIDER_H
#define LIMN_CIDER_H

#include "experiments/metrics/caption_set.h"

struct Team;
typedef struct CiderScorer CiderScorer;

CiderScorer *cider_new(void);
void         cider_free(CiderScorer *c);         /* NULL is allowed */

void    cider_document(CiderScorer *c, const Sentence *references, int32_t count);
int64_t cider_documents(const CiderScorer *c);
/* An image to be scored; its index, from 0. The references must stay while the scorer is used. */
int64_t cider_image(CiderScorer *c, const Sentence *references, int32_t count);
/* When all documents and images are known: the lengths |g_n(r)|. */
void    cider_prepare(CiderScorer *c, struct Team *team);

/* CIDEr-D of a candidate for that image: 0 to 10. Safe from any thread. */
double  cider_score(const CiderScorer *c, int64_t image, const Sentence *candidate);

#endif
