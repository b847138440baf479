/* rnnlm train: one run, from first weights or a checkpoint to its end. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

static const double SAVE_SECONDS = 30; /* between checkpoints on the way, */
static const double SAVE_SHARE = 0.01; /* or as many as keep saving below this share of the time */

/* --- before ------------------------------------------------------------------------------ */

/* Adam's best rate falls with the width; measured at 128, 256 and 512 units. What muon
 * leaves to it does not depend on the width. */
static double default_rate(int optimizer, int64_t hidden)
{
	if (optimizer == OPTIM_SGD)
		return 1;
	double rate = optimizer == OPTIM_RMSPROP ? 0.002 : 0.008;
	return hidden <= 256 || optimizer == OPTIM_MUON ? rate : rate * 256 / (double)hidden;
}

void train_configure(const struct train_options *o, const struct train_job *j, enum precision precision,
                     struct model_config *mc, struct train_config *tc)
{
	double lr = o->lr > 0 ? o->lr : default_rate(o->optimizer, o->hidden);
	*mc = (struct model_config){.cell = o->cell, .layers = (int)o->layers, .hidden = (int)o->hidden,
	                            .embed = (int)o->embed, .vocab = (int)j->corpus.vocab.size, .tie = o->tie, .residual = o->residual,
	                            .precision = precision};
	*tc = (struct train_config){
		.batch = (int)o->batch, .seq = (int)o->seq, .lr = lr,
		.schedule = (enum schedule)o->schedule, .warmup = (uint64_t)o->warmup,
		.plateau = (uint64_t)o->plateau, .patience = (uint64_t)o->patience,
		.optim = {.kind = (enum optimizer)o->optimizer, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8,
		          .momentum = o->momentum, .muon_ratio = o->muon_lr / lr, .decay = o->decay, .clip = o->clip},
		.dropout_in = o->dropout_in, .dropout = o->dropout, .dropout_out = o->dropout, .dropout_hh = o->dropout_hh,
		.restart = o->restart, .seed = (uint64_t)o->seed,
		.steps = (uint64_t)o->steps, .epochs = o->epochs, .seconds = j->member ? j->seconds : o->seconds,
		.eval_every = (uint64_t)o->eval_every,
	};
}

/* Lets a model of pieces begin with the frequencies of its symbols as the output's bias.
 * From zero it would take hundreds of steps to unlearn that thousands of rare words, and
 * bytes that never occur, are as likely as all others. */
static void start_from_counts(struct model *m, const struct vocab *v)
{
	const double each = 0.1; /* added to every count */
	double total = each * v->size;
	real *bias = model_param(m, m->out_b);
	for (uint32_t id = 0; id < v->size; id++)
		total += (double)v->counts[id];
	for (uint32_t id = 0; id < v->size; id++)
		bias[id] = (real)log(((double)v->counts[id] + each) / total);
	m->version++;
}

/* What to know when the last checkpoint could not be written. */
static void tell_last_good(const struct train_session *r, struct err *e)
{
	struct err why = *e;
	if (r->written)
		err_set(e, "%s; the last good checkpoint is %s at step %llu, from which --resume goes on", why.msg, r->path,
		        (unsigned long long)r->saved_step);
	else
		err_set(e, "%s; no checkpoint of this run was written%s%s%s", why.msg, access(r->path, F_OK) ? "" : "; ",
		        access(r->path, F_OK) ? "" : r->path, access(r->path, F_OK) ? "" : " is the model that was there before");
}

/* --- the run ----------------------------------------------------------------------------- */

static void note_end(const struct train_session *r, const struct train *t, int stopped, struct train_end *end)
{
	const struct train_progress *p = train_progress(t);
	*end = (struct train_end){
		.stopped = stopped, .impatient = !stopped && train_out_of_patience(t), .written = r->written,
		.params = r->model->count, .steps = p->step, .tokens = p->tokens, .seconds = p->seconds, .tokens_per_s = r->speed,
		.train_nats = stopped < 0 ? p->smooth_nats : r->train_nats, .val_nats = p->offer_nats, .best_step = p->offer_step,
	};
	if (end->impatient)
		cmd_note("the last %llu validations brought no improvement: training ends here (--patience)",
		         (unsigned long long)train_stale(t));
}

int train_one(const struct train_options *o, const struct train_job *j, const char *path, struct loaded *old,
              struct train_end *end, struct err *e)
{
	const struct corpus *corpus = &j->corpus;
	bool resumed = old->path && !o->init_from;
	struct model model = {0};
	struct train *t = NULL;
	struct train_baseline base = {.unigram = NAN, .ngram = NAN};
	struct train_session r = {.o = o, .corpus = corpus, .vocab = j->vocab.p, .model = &model, .path = path,
	                          .member = j->member ? j->member : 1, .members = j->member ? (int)o->ensemble : 1,
	                          .train_nats = NAN};
	struct train_hooks hooks = {
		.arg = &r, .report = train_report, .save = train_save, .save_failed = train_save_failed,
		.save_seconds = o->save_every > 0 ? o->save_every : SAVE_SECONDS, .save_share = o->save_every > 0 ? 0 : SAVE_SHARE,
		.save_steps = (uint64_t)o->save_steps, .stop = cmd_interrupted,
	};
	struct model_config mc;
	struct train_config tc;
	int rc = -1;

	train_configure(o, j, resumed ? old->model.cfg.precision : cmd_precision(o->precision), &mc, &tc);
	if (train_name_log(&r, e) || model_new(&model, &mc, e) || (!resumed && model_init(&model, tc.seed, e)) ||
	    (o->init_from && train_take_weights(&model, old, corpus, e)))
		goto out;
	if (unit_pieces(corpus->vocab.unit) && !resumed && !o->init_from)
		start_from_counts(&model, &corpus->vocab);
	if (!(t = train_new(&model, &tc, &j->data, j->pool, e)))
		goto out;
	int done = resumed ? train_take_up(&r, t, old, e) : 0;
	loaded_close(old);
	if (done < 0)
		goto out;
	if (done) {
		note_end(&r, t, -1, end);
		rc = 0;
		goto summary;
	}
	if (o->dry_run) {
		train_print_plan(&r, t, &tc, j->threads);
		rc = 0;
		goto out;
	}
	if (train_open_log(&r, resumed, train_progress(t)->step, e) || (o->sample_every && train_preview_new(&r, e)))
		goto out;
	r.tty = term_is_tty(STDERR_FILENO);
	r.utf8 = term_utf8();
	if (j->member <= 1)
		train_print_plan(&r, t, &tc, j->threads);

	int stopped = train_run(t, &hooks, e);
	train_erase_line(&r);
	if (stopped < 0) {
		if (r.save_failed)
			tell_last_good(&r, e);
		goto out;
	}
	note_end(&r, t, stopped, end);
	rc = 0;
summary:
	if (!j->member) {
		if (!end->stopped)
			train_baseline(&base, corpus);
		train_print_summary(o, path, corpus, end, &base);
	}
out:
	if (r.log && fclose(r.log) && rc == 0)
		cmd_note("the log %s is incomplete: it could not be written", r.log_path);
	train_preview_free(r.preview);
	train_free(t);
	model_free(&model);
	mem_free(r.log_path);
	return rc;
}
