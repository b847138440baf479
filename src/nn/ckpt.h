/* Model files: safetensors with PyTorch's names (see model.h), configuration and
 * vocabulary as strings in __metadata__, and under train.* what training needs
 * to go on. The plain tensors are the best model so far. */
#ifndef RNNLM_NN_CKPT_H
#define RNNLM_NN_CKPT_H

#include "base/err.h"
#include "base/tensorfile.h"
#include "nn/model.h"

#define CKPT_FORMAT "rnnlm-1"

/* Configuration from __metadata__ and tensor shapes, checked against each other. */
int ckpt_config(const struct tensorfile *f, struct model_config *cfg, struct err *e);

/* Makes the model of a file and fills it. Unexpected tensors outside train.*
 * are refused, as are missing ones, wrong shapes and values not finite. With a
 * prefix ("train.w.") the tensors so named are read instead. */
int ckpt_load(const struct tensorfile *f, struct model *m, struct err *e);
int ckpt_get_block(const struct tensorfile *f, const struct model *m, const char *prefix, real *block,
                   struct err *e);

/* Adds the configuration's keys and a block's tensors to a writer; the block
 * must stay until it is written. */
int ckpt_put_config(struct tf_writer *w, const struct model_config *cfg, struct err *e);
int ckpt_put_block(struct tf_writer *w, const struct model *m, const char *prefix, const real *block,
                   struct err *e);

#endif
