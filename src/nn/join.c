/* Members of an ensemble as diagonal blocks of one model. */
#include "nn/join.h"

int join_config(const struct model_config *member, int members, struct model_config *joint, struct err *e)
{
	if (members < 1 || members > MODEL_MAX_HIDDEN / member->hidden || (member->embed && members > MODEL_MAX_HIDDEN / member->embed))
		return err_set(e, "%d models of %d units are wider together than a model may be, %d units", members, member->hidden,
		               MODEL_MAX_HIDDEN);
	if (member->tie || member->members > 1)
		return err_set(e, "models with tied weights, and models that were joined before, cannot be joined");
	*joint = *member;
	joint->hidden *= members;
	joint->embed *= members;
	joint->members = members;
	return 0;
}

/* A member's view in the whole. Where each member has columns of its own, they stand side
 * by side; rows of a gate, too. */
static void put(real *to, const struct param *whole, const real *w, const struct param *part, size_t H, size_t k, size_t n,
                real scale)
{
	size_t left = whole->cols > part->cols ? k * part->cols : 0;
	for (size_t i = 0; i < part->rows; i++) {
		size_t row = whole->rows > part->rows ? i / H * H * n + k * H + i % H : i;
		for (size_t j = 0; j < part->cols; j++)
			to[row * whole->cols + left + j] = scale * w[i * part->cols + j];
	}
}

int join_member(struct model *joint, const struct model *member, int k, int members, struct err *e)
{
	const struct model_config *a = &joint->cfg, *b = &member->cfg;
	if (a->cell != b->cell || a->layers != b->layers || a->hidden != b->hidden * members ||
	    a->embed != b->embed * members || a->vocab != b->vocab || a->tie || b->tie || a->residual != b->residual)
		return err_set(e, "only models of the same cell, layers, widths and vocabulary can be joined");
	for (int i = 0; i < joint->nlist; i++) {
		const real *w = model_param(member, i);
		real *to = model_param(joint, i), share = (real)1 / (real)members;
		if (i == joint->out_b)
			for (size_t id = 0; id < joint->list[i].rows; id++)
				to[id] += share * w[id];
		else
			put(to, &joint->list[i], w, &member->list[i], (size_t)b->hidden, (size_t)k, (size_t)members,
			    i == joint->out_w ? share : 1);
	}
	joint->version++;
	return 0;
}
