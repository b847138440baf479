/* nn/ckpt: models to files and back, and every way in which a file is refused. */
#include "nn/ckpt.h"

#include <unistd.h>

#include "base/io.h"
#include "nn.h"

#ifdef REAL_DOUBLE
#define DTYPE TF_F64
#else
#define DTYPE TF_F32
#endif

static char path[64];

/* A name for a file that nobody else has. */
static void make_path(void)
{
	strcpy(path, access("build", W_OK) ? "/tmp/test-ckpt-XXXXXX" : "build/test-ckpt-XXXXXX");
	int fd = mkstemp(path);
	CHECK(fd >= 0);
	close(fd);
}

/* Writes what the writer holds, reads it back and frees the writer. */
static int through_file(struct tf_writer *w, struct tensorfile *f, struct err *e)
{
	make_path();
	int rc = tf_write(w, path, e) || tf_open(f, path, e) ? -1 : 0;
	unlink(path);
	tf_writer_free(w);
	return rc;
}

static struct model_config config(int cell, int kind)
{
	struct model_config c = {.cell = cell, .layers = 1 + kind % 2, .hidden = 4, .vocab = 5};
	c.embed = kind == 1 ? 3 : kind >= 2 ? 4 : 0;
	c.tie = kind == 3;
	c.residual = kind == 2;
	c.precision = kind == 2 ? PREC_BF16 : PREC_F32;
	return c;
}

enum { KINDS = 4 };

static bool same_config(const struct model_config *a, const struct model_config *b)
{
	return a->cell == b->cell && a->layers == b->layers && a->hidden == b->hidden && a->embed == b->embed &&
	       a->vocab == b->vocab && a->tie == b->tie && a->residual == b->residual && a->precision == b->precision;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct param *const *)a)->name, (*(const struct param *const *)b)->name);
}

static void round_trip(void)
{
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct model_config cfg = config(c, kind), got;
			struct model m, back;
			struct err e = {{0}};
			struct tf_writer w = {0};
			struct tensorfile f[3];
			if (make_model(&m, &cfg, 1))
				return;
			m.w[0] = (real)-0.0;
			m.w[1] = (real)1e-40; /* below the normal numbers */
			if (ready(ckpt_put_config(&w, &cfg, &e) || ckpt_put_block(&w, &m, "", m.w, &e) ||
			          through_file(&w, &f[0], &e) || ckpt_config(&f[0], &got, &e) || ckpt_load(&f[0], &back, &e), &e))
				return;
			CHECK(same_config(&cfg, &got) && same_config(&cfg, &back.cfg));
			CHECK(back.size == m.size && memcmp(back.w, m.w, m.size * sizeof(real)) == 0);
			CHECK(back.version > 0);
			CHECK_INT(f[0].n, m.nlist);
			CHECK_STR(tf_meta(&f[0], "format"), "rnnlm-1");

			/* Saved again: the same file. */
			if (ready(ckpt_put_config(&w, &back.cfg, &e) || ckpt_put_block(&w, &back, "", back.w, &e) ||
			          through_file(&w, &f[1], &e), &e))
				return;
			CHECK(f[0].len == f[1].len && memcmp(f[0].bytes, f[1].bytes, f[0].len) == 0);
			model_free(&back);

			/* Tensors by name and the configuration last, as Python's library writes them. */
			const struct param *sorted[64];
			for (int i = 0; i < m.nlist; i++)
				sorted[i] = &m.list[i];
			qsort(sorted, (size_t)m.nlist, sizeof *sorted, by_name);
			CHECK(sorted[0] != &m.list[0] || cfg.embed);
			int rc = tf_put_meta(&w, "note", "keys that mean nothing here are left alone", &e);
			for (int i = 0; i < m.nlist && !rc; i++)
				rc = tf_put(&w, sorted[i]->name, DTYPE, sorted[i]->ndim, (uint64_t[]){sorted[i]->rows, sorted[i]->cols},
				            m.w + sorted[i]->offset, &e);
			if (ready(rc || ckpt_put_config(&w, &cfg, &e) || through_file(&w, &f[2], &e) || ckpt_load(&f[2], &back, &e), &e))
				return;
			CHECK(same_config(&cfg, &back.cfg));
			CHECK(memcmp(back.w, m.w, m.size * sizeof(real)) == 0);
			for (int i = 0; i < 3; i++)
				tf_close(&f[i]);
			model_free(&m);
			model_free(&back);
		}
}

/* --- files that are wrong -------------------------------------------------------------- */

/* What is different from a good file. */
struct odd {
	const char *key, *value; /* an entry of __metadata__; without value: left out */
	const char *tensor;      /* left out, or if dims: of this shape */
	int ndim;
	uint64_t shape[TF_DIMS];
	enum tf_dtype dtype; /* with shape */
	const char *extra;   /* one more tensor, of that shape */
	const char *says;    /* NULL: accepted */
};

static int load_odd(const struct model *good, const struct odd *o, struct model *m, struct err *e)
{
	static const double zeros[64];
	struct tf_writer all = {0}, w = {0};
	struct tensorfile f = {0};
	bool found = !o->key;
	int rc = ckpt_put_config(&all, &good->cfg, e);
	for (size_t i = 0; i < all.nmeta && !rc; i++) {
		bool odd = o->key && strcmp(all.meta[i].key, o->key) == 0;
		found |= odd;
		if (!odd || o->value)
			rc = tf_put_meta(&w, all.meta[i].key, odd ? o->value : all.meta[i].value, e);
	}
	CHECK(found);
	tf_writer_free(&all);
	for (int i = 0; i < good->nlist && !rc; i++) {
		const struct param *p = &good->list[i];
		if (!o->tensor || strcmp(p->name, o->tensor) != 0)
			rc = tf_put(&w, p->name, DTYPE, p->ndim, (uint64_t[]){p->rows, p->cols}, good->w + p->offset, e);
		else if (o->ndim)
			rc = tf_put(&w, p->name, o->dtype, o->ndim, o->shape, zeros, e);
	}
	if (o->extra && !rc)
		rc = tf_put(&w, o->extra, o->dtype, o->ndim, o->shape, zeros, e);
	rc = rc || through_file(&w, &f, e);
	CHECK_INT(rc, 0);
	rc = ckpt_load(&f, m, e);
	if (rc)
		CHECK(!m->w && !m->list);
	tf_close(&f);
	return rc;
}

static void check_odd(const struct model *good, const struct odd *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct model m;
		struct err e = {{0}};
		int rc = load_odd(good, &list[i], &m, &e);
		CHECK_INT(rc, list[i].says ? -1 : 0);
		if (list[i].says)
			CHECK_HAS(e.msg, list[i].says);
		model_free(&m);
	}
}

static void refuses(void)
{
	static const struct odd odds[] = {
		{.says = NULL},
		{.key = "format", .says = "not a model: __metadata__ lacks \"format\""},
		{.key = "format", .value = "pt", .says = "format is \"pt\"; this program reads \"rnnlm-1\""},
		{.key = "format", .value = "rnnlm-10", .says = "format is \"rnnlm-10\""},
		{.key = "cell", .says = "lacks \"cell\""},
		{.key = "cell", .value = "transformer", .says = "unknown cell \"transformer\""},
		{.key = "cell", .value = "", .says = "unknown cell \"\""},
		{.key = "cell", .value = "gru", .says = "tensor rnn.weight_ih_l0 has shape (16,3); the configuration asks for (12,3)"},
		{.key = "layers", .says = "lacks \"layers\""},
		{.key = "hidden", .says = "lacks \"hidden\""},
		{.key = "embed", .says = "lacks \"embed\""},
		{.key = "layers", .value = "0", .says = "\"layers\" is \"0\", not a whole number from 1 to 64"},
		{.key = "layers", .value = "65", .says = "\"layers\" is \"65\""},
		{.key = "layers", .value = "", .says = "\"layers\" is \"\""},
		{.key = "layers", .value = "2x", .says = "\"layers\" is \"2x\""},
		{.key = "layers", .value = " 2", .says = "\"layers\" is \" 2\""},
		{.key = "layers", .value = "+2", .says = "\"layers\" is \"+2\""},
		{.key = "layers", .value = "2.0", .says = "\"layers\" is \"2.0\""},
		{.key = "layers", .value = "4294967298", .says = "\"layers\" is \"4294967298\""},
		{.key = "layers", .value = "99999999999999999999999", .says = "\"layers\" is \"99999999999999999999999\""},
		{.key = "layers", .value = "1", .says = "unexpected tensor rnn.weight_ih_l1"},
		{.key = "layers", .value = "3", .says = "tensor rnn.weight_ih_l2 is missing"},
		{.key = "hidden", .value = "0", .says = "\"hidden\" is \"0\", not a whole number from 1 to 65536"},
		{.key = "hidden", .value = "65537", .says = "\"hidden\" is \"65537\""},
		{.key = "hidden", .value = "-4", .says = "\"hidden\" is \"-4\""},
		{.key = "hidden", .value = "5", .says = "tensor rnn.weight_ih_l0 has shape (16,3); the configuration asks for (20,3)"},
		/* No memory is asked for what the file cannot hold. */
		{.key = "hidden", .value = "60000", .says = "parameters, more than the file holds"},
		{.key = "embed", .value = "60000", .says = "parameters, more than the file holds"},
		{.key = "embed", .value = "-1", .says = "\"embed\" is \"-1\", not a whole number from 0 to 65536"},
		{.key = "embed", .value = "0", .says = "tensor rnn.weight_ih_l0 has shape (16,3); the configuration asks for (16,5)"},
		{.key = "embed", .value = "2", .says = "tensor embed.weight has shape (5,3); the configuration asks for (5,2)"},
		{.key = "tie", .value = "yes", .says = "\"tie\" is \"yes\", not true or false"},
		{.key = "tie", .value = "true", .says = "tied weights need an embedding as wide as the hidden layer"},
		{.key = "tie", .says = NULL},
		{.key = "residual", .value = "1", .says = "\"residual\" is \"1\", not true or false"},
		{.key = "residual", .says = NULL},
		{.key = "precision", .value = "f16", .says = "unknown precision \"f16\""},
		{.key = "precision", .says = NULL},
		{.tensor = "out.bias", .says = "tensor out.bias is missing"},
		{.tensor = "out.bias", .ndim = 2, .shape = {5, 1}, .dtype = TF_F32, .says = "tensor out.bias must have one dimension"},
		{.tensor = "out.bias", .ndim = 0, .shape = {0}, .dtype = TF_F32, .says = "tensor out.bias"},
		{.tensor = "out.bias", .ndim = 1, .shape = {1}, .dtype = TF_F32, .says = "tensor out.bias must have one dimension of 2"},
		{.tensor = "out.bias", .ndim = 1, .shape = {0}, .dtype = TF_F32, .says = "tensor out.bias must have one dimension of 2"},
		{.tensor = "out.bias", .ndim = 1, .shape = {6}, .dtype = TF_F32, .says = "tensor embed.weight has shape (5,3); the configuration asks for (6,3)"},
		{.tensor = "out.weight", .ndim = 2, .shape = {4, 5}, .dtype = TF_F32, .says = "tensor out.weight has shape (4,5); the configuration asks for (5,4)"},
		{.tensor = "out.weight", .ndim = 1, .shape = {20}, .dtype = TF_F32, .says = "tensor out.weight has shape (20); the configuration asks for (5,4)"},
		{.tensor = "out.weight", .ndim = 3, .shape = {5, 4, 1}, .dtype = TF_F32, .says = "tensor out.weight has shape (5,4,1)"},
		{.tensor = "rnn.bias_hh_l1", .ndim = 2, .shape = {16, 1}, .dtype = TF_F32, .says = "tensor rnn.bias_hh_l1 has shape (16,1); the configuration asks for (16)"},
		{.tensor = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_I32, .says = "tensor 'out.weight' is I32; F32, F64, F16 or BF16 expected"},
		{.tensor = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_F64, .says = NULL},
		{.tensor = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_BF16, .says = NULL},
		{.extra = "extra", .ndim = 1, .shape = {2}, .dtype = TF_U8, .says = "unexpected tensor extra"},
		{.extra = "train", .ndim = 1, .shape = {2}, .dtype = TF_U8, .says = "unexpected tensor train"},
		{.extra = "rnn.weight_ih_l2", .ndim = 1, .shape = {2}, .dtype = TF_F32, .says = "unexpected tensor rnn.weight_ih_l2"},
		{.extra = "train.anything", .ndim = 1, .shape = {2}, .dtype = TF_U8, .says = NULL},
	};
	struct model_config cfg = config(cell_index("lstm"), 1);
	struct model good;
	if (make_model(&good, &cfg, 1))
		return;
	check_odd(&good, odds, sizeof odds / sizeof *odds);
	for (int i = 0; i < good.nlist; i++) {
		char says[80];
		snprintf(says, sizeof says, "tensor %s is missing", good.list[i].name);
		check_odd(&good, &(struct odd){.tensor = good.list[i].name, .says = says}, 1);
	}
	model_free(&good);

	struct err e = {{0}};
	struct tensorfile empty = {0};
	CHECK_INT(ckpt_load(&empty, &good, &e), -1);
	CHECK_HAS(e.msg, "not a model");
}

static void not_finite(void)
{
	struct model_config cfg = config(cell_index("gru"), 2);
	struct model good;
	if (make_model(&good, &cfg, 1))
		return;
	for (int i = 0; i < good.nlist; i++) {
		const struct param *p = &good.list[i];
		real *x = good.w + p->offset + p->rows * p->cols - 1, keep = *x;
		for (int k = 0; k < 3; k++) {
			struct model m;
			struct err e = {{0}};
			*x = k == 0 ? (real)NAN : k == 1 ? (real)INFINITY : -(real)INFINITY;
			CHECK_INT(load_odd(&good, &(struct odd){.says = NULL}, &m, &e), -1);
			CHECK_HAS(e.msg, p->name);
			CHECK_HAS(e.msg, "not a finite number");
		}
		*x = keep;
	}
	model_free(&good);
}

/* The output's matrix may be repeated in the file of a tied model, if it is the embedding. */
static void tied(void)
{
	struct model_config cfg = config(cell_index("rnn"), 3);
	struct model good;
	if (make_model(&good, &cfg, 1))
		return;
	static const struct odd odds[] = {
		{.says = NULL},
		{.extra = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_F32,
		 .says = "tensors out.weight and embed.weight differ, but the model says they are tied"},
		{.extra = "out.weight", .ndim = 2, .shape = {5, 5}, .dtype = TF_F32,
		 .says = "tensor out.weight is not the shape of the embedding it is tied to"},
		{.extra = "out.weight", .ndim = 2, .shape = {4, 5}, .dtype = TF_F32, .says = "tensor out.weight is not the shape"},
		{.extra = "out.weight", .ndim = 1, .shape = {20}, .dtype = TF_F32, .says = "tensor out.weight is not the shape"},
		{.extra = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_I32, .says = "F32, F64, F16 or BF16 expected"},
	};
	check_odd(&good, odds, sizeof odds / sizeof *odds);
	memset(model_param(&good, good.embed), 0, 20 * sizeof(real));
	check_odd(&good, &(struct odd){.extra = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_F32}, 1);
	check_odd(&good, &(struct odd){.extra = "out.weight", .ndim = 2, .shape = {5, 4}, .dtype = TF_F16}, 1);
	model_free(&good);
}

/* A second block under a prefix beside the first. */
static void prefix(void)
{
	struct model_config cfg = config(cell_index("lstm"), 1);
	struct model m;
	struct err e = {{0}};
	struct tf_writer w = {0};
	struct tensorfile f;
	if (make_model(&m, &cfg, 1))
		return;
	real *other = calloc(m.size, sizeof *other), *got = calloc(m.size, sizeof *got);
	for (int i = 0; i < m.nlist; i++)
		for (size_t k = 0; k < m.list[i].rows * m.list[i].cols; k++)
			other[m.list[i].offset + k] = (real)noise(500, m.list[i].offset + k);
	if (ready(ckpt_put_config(&w, &cfg, &e) || ckpt_put_block(&w, &m, "", m.w, &e) ||
	          ckpt_put_block(&w, &m, "train.w.", other, &e) || through_file(&w, &f, &e), &e))
		return;
	CHECK_INT(ckpt_get_block(&f, &m, "train.w.", got, &e), 0);
	CHECK(memcmp(got, other, m.size * sizeof(real)) == 0);
	CHECK_INT(ckpt_get_block(&f, &m, "", got, &e), 0);
	CHECK(memcmp(got, m.w, m.size * sizeof(real)) == 0);
	CHECK_INT(ckpt_get_block(&f, &m, "train.m.", got, &e), -1);
	CHECK_STR(e.msg, "tensor train.m.embed.weight is missing");
	free(other);
	free(got);
	tf_close(&f);
	model_free(&m);
}

static void failing_memory(void)
{
	struct model_config cfg = config(cell_index("lstm"), 3);
	struct model m, back;
	struct tf_writer w = {0};
	struct tensorfile f = {0};
	struct err e = {{0}};
	int rc = -1;
	if (make_model(&m, &cfg, 1))
		return;
	for (long n = 1; rc && n < 100; n++) {
		tf_writer_free(&w);
		e.msg[0] = 0;
		mem_fail_at(n);
		rc = ckpt_put_config(&w, &cfg, &e) || ckpt_put_block(&w, &m, "", m.w, &e);
		mem_fail_at(0);
		if (rc)
			CHECK_HAS(e.msg, "out of memory");
	}
	if (ready(rc || tf_put(&w, "out.weight", DTYPE, 2, (uint64_t[]){5, 4}, m.w, &e) || through_file(&w, &f, &e), &e))
		return;
	rc = -1;
	long n = 1;
	for (; rc && n < 20; n++) {
		mem_fail_at(n);
		rc = ckpt_load(&f, &back, &e);
		mem_fail_at(0);
		if (rc) {
			CHECK_HAS(e.msg, "out of memory");
			CHECK(!back.w && !back.list && !back.layer);
		}
	}
	CHECK(rc == 0 && n == 6); /* list, layers, weights, the copy of the tied matrix */
	model_free(&back);
	model_free(&m);
	tf_close(&f);
}

TEST_MAIN("ckpt", {"round_trip", round_trip}, {"refuses", refuses}, {"not_finite", not_finite}, {"tied", tied},
          {"prefix", prefix}, {"failing_memory", failing_memory})
