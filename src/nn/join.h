/* Several models as one. Members of the same shape are laid side by side: the units of
 * all, each connected to those of its own member only (zeros elsewhere), and an output
 * that averages the members' logits. The softmax of a mean of logits is the normalised
 * geometric mean of the members' distributions: an ensemble (Hansen and Salamon 1990),
 * and still an ordinary recurrent network, of members times the width. */
#ifndef RNNLM_NN_JOIN_H
#define RNNLM_NN_JOIN_H

#include "base/err.h"
#include "nn/model.h"

/* The configuration of so many members joined. Tied weights cannot be: the embedding is
 * laid side by side, and the output matrix is averaged. */
int join_config(const struct model_config *member, int members, struct model_config *joint, struct err *e);

/* Puts member k of `members` in its place in a model made (model_new) with that
 * configuration; once with each k the model is whole. */
int join_member(struct model *joint, const struct model *member, int k, int members, struct err *e);

#endif
