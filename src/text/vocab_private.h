/* What the files of struct vocab share. */
#ifndef RNNLM_TEXT_VOCAB_PRIVATE_H
#define RNNLM_TEXT_VOCAB_PRIVATE_H

#include "text/vocab.h"

/* Sets unit and size and makes the tables of the unit, pieces and merges apart. On
 * failure nothing is left. */
int vocab_alloc(struct vocab *v, enum unit unit, uint32_t size, struct err *e);
/* Char and byte, once the symbols stand: what is looked up fast. */
void vocab_index(struct vocab *v);
int vocab_check_id(const struct vocab *v, uint32_t id, struct err *e);

#endif
