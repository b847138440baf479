/* PyTorch's numbers (scripts/golden.py): logits, loss, all gradients, states, and ten
 * steps of Adam with clipping; to 1e-9 in double and 1e-4 in float. */
#include "test.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/tensorfile.h"
#include "nn/ckpt.h"
#include "nn/optim.h"
#include "nn/work.h"

static const double TOLERANCE = sizeof(real) == 8 ? 1e-9 : 1e-4;

static double *numbers(const struct tensorfile *f, const char *name, size_t *n)
{
	struct err e = {""};
	const struct tf_tensor *t = tf_find(f, name);
	double *v = t ? calloc(t->count, sizeof *v) : NULL;
	if (!v || tf_get_f64(f, t, v, &e)) {
		printf("  %s: %s\n", name, t ? e.msg : "missing");
		CHECK(!"golden numbers");
		exit(1);
	}
	*n = t->count;
	return v;
}

static uint32_t *ids(const struct tensorfile *f, const char *name)
{
	struct err e = {""};
	const struct tf_tensor *t = tf_find(f, name);
	int64_t *v = t ? calloc(t->count, sizeof *v) : NULL;
	if (!v || tf_get_i64(f, t, v, &e)) {
		printf("  %s: %s\n", name, t ? e.msg : "missing");
		exit(1);
	}
	uint32_t *out = calloc(t->count, sizeof *out);
	for (size_t i = 0; i < t->count; i++)
		out[i] = (uint32_t)v[i];
	free(v);
	return out;
}

static void compare(const struct tensorfile *f, const char *prefix, const char *name, const real *got, double tol)
{
	char full[100];
	size_t n;
	snprintf(full, sizeof full, "%s%s", prefix, name);
	double *want = numbers(f, full, &n);
	long bad = test_bad;
	for (size_t i = 0; i < n; i++)
		CHECK_NEAR((double)got[i], want[i], tol * (1 + fabs(want[i])));
	if (test_bad > bad)
		printf("  in %s\n", full);
	free(want);
}

static int meta_int(const struct tensorfile *f, const char *key)
{
	const char *s = tf_meta(f, key);
	CHECK(s != NULL);
	return s ? atoi(s) : 0;
}

static void set_params(const struct tensorfile *f, struct model *m)
{
	for (int p = 0; p < m->nlist; p++) {
		size_t n;
		double *v = numbers(f, m->list[p].name, &n);
		CHECK_INT(n, m->list[p].rows * m->list[p].cols);
		for (size_t i = 0; i < n; i++)
			model_param(m, p)[i] = (real)v[i];
		free(v);
	}
	m->version++;
}

/* The carried state: file (L,B,H) per state, ours (L,states,B,H). */
static void get_state(const struct tensorfile *f, const struct model *m, int B, real *s)
{
	size_t per = (size_t)B * (size_t)m->cfg.hidden, S = (size_t)m->cell->states;
	for (size_t k = 0; k < S; k++) {
		char name[40];
		size_t n;
		snprintf(name, sizeof name, "state.%zu", k);
		double *v = numbers(f, name, &n);
		for (size_t l = 0; l < (size_t)m->cfg.layers; l++)
			for (size_t i = 0; i < per; i++)
				s[(l * S + k) * per + i] = (real)v[l * per + i];
		free(v);
	}
}

static void compare_state(const struct tensorfile *f, const char *prefix, const struct model *m, int B, const real *s)
{
	size_t per = (size_t)B * (size_t)m->cfg.hidden, S = (size_t)m->cell->states, L = (size_t)m->cfg.layers;
	for (size_t k = 0; k < S; k++) {
		char name[40];
		real *v = calloc(L * per, sizeof *v);
		for (size_t l = 0; l < L; l++)
			memcpy(v + l * per, s + (l * S + k) * per, per * sizeof *v);
		snprintf(name, sizeof name, "%zu", k);
		compare(f, prefix, name, v, TOLERANCE);
		free(v);
	}
}

static void run_case(const char *path)
{
	struct err e = {""};
	struct tensorfile f;
	if (tf_open(&f, path, &e)) {
		printf("  %s\n", e.msg);
		CHECK(!"open");
		return;
	}
	struct model_config cfg = {
		.cell = cell_index(tf_meta(&f, "cell")), .layers = meta_int(&f, "layers"), .hidden = meta_int(&f, "hidden"),
		.embed = meta_int(&f, "embed"), .vocab = meta_int(&f, "vocab"),
		.tie = strcmp(tf_meta(&f, "tie"), "true") == 0, .residual = strcmp(tf_meta(&f, "residual"), "true") == 0,
	};
	const struct tf_tensor *shape = tf_find(&f, "ids");
	int T = (int)shape->shape[0], B = (int)shape->shape[1];
	struct model m;
	struct work *w = NULL;
	struct state state;
	struct optim o;
	struct work_config wc = {.T = T, .B = B, .train = true};
	struct optim_config oc = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 0.5};
	if (model_new(&m, &cfg, &e) || state_new(&state, &m, B, &e) || optim_new(&o, &m, &oc, &e) ||
	    !(w = work_new(&m, &wc, NULL, &e))) {
		printf("  %s: %s\n", path, e.msg);
		CHECK(!"set up");
		exit(1);
	}
	uint32_t *in = ids(&f, "ids"), *target = ids(&f, "targets");
	size_t nstate = (size_t)(cfg.layers * m.cell->states * B * cfg.hidden), V = (size_t)cfg.vocab, n, ld;
	real *start = calloc(nstate, sizeof *start), *ds = calloc(nstate, sizeof *ds);
	real *grad = calloc(m.size, sizeof *grad), *logits = calloc((size_t)T * (size_t)B * V, sizeof *logits);
	struct block b = {.T = T, .B = B, .in = in, .target = target};
	long bad = test_bad;

	set_params(&f, &m);
	get_state(&f, &m, B, start);
	memcpy(state.s, start, nstate * sizeof *start);
	real loss = (real)work_train(w, &b, &state, grad, ds);
	compare(&f, "", "loss", &loss, TOLERANCE);
	for (int p = 0; p < m.nlist; p++)
		compare(&f, "grad.", m.list[p].name, grad + m.list[p].offset, TOLERANCE);
	compare_state(&f, "grad.state.", &m, B, ds);
	compare_state(&f, "state_out.", &m, B, state.s);

	memcpy(state.s, start, nstate * sizeof *start);
	work_forward(w, &b, &state);
	for (size_t r = 0; r < (size_t)(T * B); r += work_piece(w)) {
		size_t rows = (size_t)(T * B) - r < work_piece(w) ? (size_t)(T * B) - r : work_piece(w);
		const real *z = work_logits(w, r, rows, &ld);
		for (size_t i = 0; i < rows; i++)
			memcpy(logits + (r + i) * V, z + i * ld, V * sizeof *z);
	}
	compare(&f, "", "logits", logits, TOLERANCE);

	double *losses = numbers(&f, "adam.loss", &n), *norms = numbers(&f, "adam.norm", &n);
	for (size_t i = 0; i <= 10; i++) {
		memcpy(state.s, start, nstate * sizeof *start);
		double now = work_train(w, &b, &state, grad, NULL);
		CHECK_NEAR(now, losses[i], TOLERANCE * (1 + fabs(losses[i])));
		if (i == 10)
			break;
		double norm = optim_norm(&o, &m, grad, NULL);
		CHECK_NEAR(norm, norms[i], TOLERANCE * (1 + fabs(norms[i])));
		optim_step(&o, &m, grad, norm, 0.01, NULL);
	}
	/* Adam divides a gradient by its own size: where that is near rounding error in
	 * float, the parameter it moves cannot agree. */
	for (int p = 0; sizeof(real) == 8 && p < m.nlist; p++)
		compare(&f, "adam.", m.list[p].name, model_param(&m, p), TOLERANCE);
	if (test_bad > bad)
		printf("  in %s\n", path);

	free(losses);
	free(norms);
	free(in);
	free(target);
	free(start);
	free(ds);
	free(grad);
	free(logits);
	work_free(w);
	optim_free(&o);
	state_free(&state);
	model_free(&m);
	tf_close(&f);
}

static void all_files(const char *beginning)
{
	DIR *d = opendir("tests/golden");
	int found = 0;
	CHECK(d != NULL);
	for (struct dirent *x; d && (x = readdir(d));) {
		char path[400];
		size_t n = strlen(beginning);
		/* "rnn-1..." is not "rnn-relu-1..." */
		if (strncmp(x->d_name, beginning, n) != 0 || x->d_name[n] < '0' || x->d_name[n] > '9')
			continue;
		snprintf(path, sizeof path, "tests/golden/%s", x->d_name);
		run_case(path);
		found++;
	}
	if (d)
		closedir(d);
	CHECK(found >= 3);
}

static void rnn(void)
{
	all_files("rnn-");
}
static void rnn_relu(void)
{
	all_files("rnn-relu-");
}
static void lstm(void)
{
	all_files("lstm-");
}
static void gru(void)
{
	all_files("gru-");
}

TEST_MAIN("golden", {"rnn", rnn}, {"rnn_relu", rnn_relu}, {"lstm", lstm}, {"gru", gru})
