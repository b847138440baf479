/* Model files over the tensor container. */
#include "nn/ckpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const precision_names[] = {"f32", "bf16"};

#ifdef REAL_DOUBLE
#define REAL_DTYPE TF_F64
#define get_real tf_get_f64
#else
#define REAL_DTYPE TF_F32
#define get_real tf_get_f32
#endif

static int missing(const char *key, struct err *e)
{
	return err_set(e, "not a model: __metadata__ lacks \"%s\"", key);
}

static int get_int(const struct tensorfile *f, const char *key, int min, int max, int *v, struct err *e)
{
	const char *s = tf_meta(f, key);
	char *end;
	if (!s)
		return missing(key, e);
	long n = strtol(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || n < min || n > max) /* strtol alone would let spaces and signs pass */
		return err_set(e, "\"%s\" is \"%.40s\", not a whole number from %d to %d", key, s, min, max);
	*v = (int)n;
	return 0;
}

static int get_bool(const struct tensorfile *f, const char *key, bool *v, struct err *e)
{
	const char *s = tf_meta(f, key);
	*v = s && strcmp(s, "true") == 0;
	if (s && !*v && strcmp(s, "false") != 0)
		return err_set(e, "\"%s\" is \"%.40s\", not true or false", key, s);
	return 0;
}

int ckpt_config(const struct tensorfile *f, struct model_config *cfg, struct err *e)
{
	const char *format = tf_meta(f, "format"), *cell = tf_meta(f, "cell"), *prec = tf_meta(f, "precision");
	*cfg = (struct model_config){0};
	if (!format)
		return missing("format", e);
	if (strcmp(format, CKPT_FORMAT) != 0)
		return err_set(e, "format is \"%.40s\"; this program reads \"%s\"", format, CKPT_FORMAT);
	if (!cell)
		return missing("cell", e);
	if ((cfg->cell = cell_index(cell)) < 0)
		return err_set(e, "unknown cell \"%.40s\"", cell);
	if (get_int(f, "layers", 1, MODEL_MAX_LAYERS, &cfg->layers, e) ||
	    get_int(f, "hidden", 1, MODEL_MAX_HIDDEN, &cfg->hidden, e) ||
	    get_int(f, "embed", 0, MODEL_MAX_HIDDEN, &cfg->embed, e) ||
	    get_bool(f, "tie", &cfg->tie, e) || get_bool(f, "residual", &cfg->residual, e) ||
	    (tf_meta(f, "members") && get_int(f, "members", 1, MODEL_MAX_HIDDEN, &cfg->members, e)))
		return -1;
	if (cfg->members && (cfg->hidden % cfg->members || cfg->embed % cfg->members))
		return err_set(e, "%d members cannot share %d units and an embedding of %d", cfg->members, cfg->hidden, cfg->embed);
	if (prec && strcmp(prec, precision_names[PREC_BF16]) == 0)
		cfg->precision = PREC_BF16;
	else if (prec && strcmp(prec, precision_names[PREC_F32]) != 0)
		return err_set(e, "unknown precision \"%.40s\"", prec);

	/* The vocabulary's size is that of the output, which must be there. */
	const struct tf_tensor *t = tf_find(f, "out.bias");
	if (!t)
		return err_set(e, "tensor out.bias is missing");
	if (t->ndim != 1 || t->shape[0] < 2 || t->shape[0] > MODEL_MAX_VOCAB)
		return err_set(e, "tensor out.bias must have one dimension of 2 to %d", MODEL_MAX_VOCAB);
	cfg->vocab = (int)t->shape[0];
	return 0;
}

static void shape_text(char *out, size_t size, int ndim, const uint64_t *shape)
{
	size_t n = (size_t)snprintf(out, size, "(");
	for (int i = 0; i < ndim && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
	if (n < size)
		snprintf(out + n, size - n, ")");
}

static const struct tf_tensor *find_param(const struct tensorfile *f, const struct param *p,
                                          const char *prefix, struct err *e)
{
	char name[80], got[80], want[80];
	uint64_t shape[2] = {p->rows, p->cols};
	snprintf(name, sizeof name, "%s%s", prefix, p->name);
	const struct tf_tensor *t = tf_find(f, name);
	if (!t) {
		err_set(e, "tensor %s is missing", name);
		return NULL;
	}
	if (t->ndim != p->ndim || t->shape[0] != p->rows || (p->ndim == 2 && t->shape[1] != p->cols)) {
		shape_text(got, sizeof got, t->ndim, t->shape);
		shape_text(want, sizeof want, p->ndim, shape);
		err_set(e, "tensor %s has shape %s; the configuration asks for %s", name, got, want);
		return NULL;
	}
	return t;
}

int ckpt_get_block(const struct tensorfile *f, const struct model *m, const char *prefix, real *block,
                   struct err *e)
{
	for (int i = 0; i < m->nlist; i++) {
		const struct tf_tensor *t = find_param(f, &m->list[i], prefix, e);
		if (!t || get_real(f, t, block + m->list[i].offset, e))
			return -1;
	}
	return 0;
}

/* A file may repeat the tied matrix under the output's name, if it is the same. */
static int check_tied(const struct tensorfile *f, const struct model *m, const struct tf_tensor *t,
                      struct err *e)
{
	const struct param *p = &m->list[m->embed];
	int rc = -1;
	if (t->ndim != 2 || t->shape[0] != p->rows || t->shape[1] != p->cols)
		return err_set(e, "tensor out.weight is not the shape of the embedding it is tied to");
	real *copy = mem_new(t->count, sizeof *copy, e);
	if (copy && get_real(f, t, copy, e) == 0) {
		rc = memcmp(copy, model_param(m, m->embed), t->count * sizeof *copy) == 0 ? 0 :
			err_set(e, "tensors out.weight and embed.weight differ, but the model says they are tied");
	}
	mem_free(copy);
	return rc;
}

static int check_known(const struct tensorfile *f, const struct model *m, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct tf_tensor *t = &f->tensors[i];
		bool known = strncmp(t->name, "train.", 6) == 0;
		for (int k = 0; !known && k < m->nlist; k++)
			known = strcmp(t->name, m->list[k].name) == 0;
		if (!known && m->cfg.tie && strcmp(t->name, "out.weight") == 0) {
			if (check_tied(f, m, t, e))
				return -1;
			known = true;
		}
		if (!known)
			return err_set(e, "unexpected tensor %.80s", t->name);
	}
	return 0;
}

/* Every parameter's tensor is there with the right shape: known before memory of
 * the size that the configuration claims is allocated. */
static int check_shapes(const struct tensorfile *f, const struct model_config *cfg, struct err *e)
{
	size_t count = 0;
	if (model_count(cfg, &count, e))
		return -1;
	if (count > f->len / tf_dtype_size(TF_BF16))
		return err_set(e, "the configuration asks for %zu parameters, more than the file holds", count);
	return 0;
}

int ckpt_load(const struct tensorfile *f, struct model *m, struct err *e)
{
	struct model_config cfg;
	*m = (struct model){0};
	if (ckpt_config(f, &cfg, e) || check_shapes(f, &cfg, e) || model_new(m, &cfg, e))
		return -1;
	if (ckpt_get_block(f, m, "", m->w, e) || check_known(f, m, e)) {
		model_free(m);
		return -1;
	}
	return 0;
}

static int put_int(struct tf_writer *w, const char *key, int v, struct err *e)
{
	char text[16];
	snprintf(text, sizeof text, "%d", v);
	return tf_put_meta(w, key, text, e);
}

int ckpt_put_config(struct tf_writer *w, const struct model_config *c, struct err *e)
{
	return tf_put_meta(w, "format", CKPT_FORMAT, e) || tf_put_meta(w, "cell", cell_names[c->cell], e) ||
	       put_int(w, "layers", c->layers, e) || put_int(w, "hidden", c->hidden, e) ||
	       put_int(w, "embed", c->embed, e) || tf_put_meta(w, "tie", c->tie ? "true" : "false", e) ||
	       tf_put_meta(w, "residual", c->residual ? "true" : "false", e) ||
	       tf_put_meta(w, "precision", precision_names[c->precision], e) ||
	       (c->members > 1 && put_int(w, "members", c->members, e)) ? -1 : 0;
}

int ckpt_put_block(struct tf_writer *w, const struct model *m, const char *prefix, const real *block,
                   struct err *e)
{
	for (int i = 0; i < m->nlist; i++) {
		const struct param *p = &m->list[i];
		uint64_t shape[2] = {p->rows, p->cols};
		char name[80];
		snprintf(name, sizeof name, "%s%s", prefix, p->name);
		if (tf_put(w, name, REAL_DTYPE, p->ndim, shape, block + p->offset, e))
			return -1;
	}
	return 0;
}
