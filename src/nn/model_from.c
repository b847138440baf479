/* Weights from another model. */
#include <string.h>

#include "base/mem.h"
#include "nn/model.h"

/* Rows of `to` from those of `old`, as many numbers each; from as in model_take. */
static void take_rows(real *to, const real *old, size_t rows, size_t cols, const uint32_t *from)
{
	for (size_t i = 0; i < rows; i++)
		if (from[i] != MODEL_NEW_SYMBOL)
			memcpy(to + i * cols, old + (size_t)from[i] * cols, cols * sizeof *to);
}

static void take_columns(real *to, const real *old, size_t rows, size_t cols, size_t old_cols, const uint32_t *from)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < cols; j++)
			if (from[j] != MODEL_NEW_SYMBOL)
				to[i * cols + j] = old[i * old_cols + from[j]];
}

int model_take(struct model *m, const struct model *old, const uint32_t *from, struct err *e)
{
	const struct model_config *a = &m->cfg, *b = &old->cfg;
	if (a->cell != b->cell || a->layers != b->layers || a->hidden != b->hidden || a->embed != b->embed ||
	    a->tie != b->tie || a->residual != b->residual)
		return err_set(e, "weights can be taken over only from a model of the same shape");
	for (int id = 0; id < a->vocab; id++)
		if (from[id] != MODEL_NEW_SYMBOL && from[id] >= (uint32_t)b->vocab)
			return err_set(e, "symbol %d: the other model has no symbol %u", id, (unsigned)from[id]);
	for (int i = 0; i < m->nlist; i++) {
		const struct param *p = &m->list[i], *q = &old->list[i];
		real *to = model_param(m, i);
		const real *w = model_param(old, i);
		if (i == m->embed || i == m->out_w || i == m->out_b)
			take_rows(to, w, p->rows, p->cols, from);
		else if (m->embed < 0 && i == m->layer[0].wx) /* one-hot: a column is a symbol's vector */
			take_columns(to, w, p->rows, p->cols, q->cols, from);
		else
			memcpy(to, w, p->rows * p->cols * sizeof *to);
	}
	m->version++;
	return 0;
}
