/* A model file opened for use: weights, vocabulary and what its metadata says. */
#ifndef RNNLM_CMD_LOADED_H
#define RNNLM_CMD_LOADED_H

#include "base/err.h"
#include "base/tensorfile.h"
#include "nn/model.h"
#include "text/vocab.h"

struct loaded {
	char *path;
	struct tensorfile file; /* kept open: metadata, train.* */
	struct model model;
	struct vocab vocab;
};

/* The model by the rules of -m (cmd_model_path), read and checked; that the
 * vocabulary has as many symbols as the output layer too. */
int loaded_open(struct loaded *l, const char *given, struct err *e);
/* --precision: another than the model was trained in (0: auto, as it was). */
void loaded_precision(struct loaded *l, int choice);
void loaded_close(struct loaded *l);

/* Reads unit and vocabulary from a file's metadata. */
int loaded_vocab(struct vocab *v, const struct tensorfile *f, struct err *e);

#endif
