/* What rnnlm train shows: its settings, progress, log rows, the summary. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

static const double REDRAW_SECONDS = 0.1; /* of the progress line on a terminal */
static const double TELL_EVERY = 0.04;    /* of the run, between lines that stay; the log has them all */

static void log_row(struct train_session *r, const struct train_report *t)
{
	double nats = t->p->sum_steps ? t->p->sum_nats / (double)t->p->sum_steps : t->p->smooth_nats;
	if (!r->log)
		return;
	fprintf(r->log, "%llu\t%.4f\t%.2f\t%llu\t%.5f\t", (unsigned long long)t->p->step, t->epoch, t->p->seconds,
	        (unsigned long long)t->p->tokens, nats);
	if (t->evaluated && isfinite(t->val_nats))
		fprintf(r->log, "%.5f", t->val_nats);
	fprintf(r->log, "\t%.6g\t%.4g\t%.0f\n", t->lr, t->norm, t->tokens_per_s);
	fflush(r->log);
}

void train_erase_line(struct train_session *r)
{
	if (r->drawn_line)
		fputs("\r\033[K", stderr);
	r->drawn_line = 0;
}

void train_report(void *arg, const struct train_report *t)
{
	struct train_session *r = arg;
	double now = io_now();
	bool row = t->evaluated || t->diverged;

	r->speed = t->tokens_per_s;
	if (isfinite(t->nats) && !t->last) {
		r->nats_sum += t->nats;
		r->nats_n++;
	}
	r->train_nats = row && r->nats_n ? r->nats_sum / (double)r->nats_n : t->p->smooth_nats;
	if (t->diverged || t->halved)
		train_erase_line(r);
	if (t->diverged)
		cmd_note("step %llu: the loss is not finite; back to the best weights with half the rate",
		         (unsigned long long)t->p->step);
	if (t->halved)
		cmd_note("step %llu: %lld validations without improvement; the rate is halved", (unsigned long long)t->p->step,
		         (long long)r->o->plateau);
	if (t->row)
		log_row(r, t);

	bool line = row && (t->diverged || t->fraction >= r->told + TELL_EVERY || t->fraction >= 1 || t->last);
	if (line || (r->tty && now - r->drawn >= REDRAW_SECONDS)) {
		struct buf b = {0};
		train_erase_line(r);
		if (line)
			r->told = t->fraction;
		size_t width = r->tty ? (size_t)term_width(STDERR_FILENO) - 1 : 0;
		if (train_line(r, t, line, width, &b, NULL) == 0)
			fprintf(stderr, "%s%s", b.p, line ? "\n" : "");
		r->drawn_line = !line;
		fflush(stderr);
		buf_free(&b);
		r->drawn = now;
	}
	if (t->evaluated) {
		r->nats_sum = 0;
		r->nats_n = 0;
	}
	if (r->preview && t->p->step % (uint64_t)r->o->sample_every == 0 && t->p->step != r->sampled) {
		train_erase_line(r);
		train_preview_show(r, t->p->step);
		r->sampled = t->p->step;
		r->drawn = 0;
	}
}

void train_print_plan(const struct train_session *r, const struct train *t, const struct train_config *tc, int threads)
{
	const struct model_config *m = &r->model->cfg;
	const struct corpus *c = r->corpus;
	char params[32], memory[32], chars[32];
	term_count((double)r->model->count, params, sizeof params);
	term_count((double)train_bytes(t), memory, sizeof memory);
	term_count((double)c->ntrain, chars, sizeof chars);
	cmd_note("%s: %s symbols to train on, %zu held out, vocabulary %u%s", c->stem, chars, c->nval,
	         (unsigned)c->vocab.size, c->nval ? "" : " (no validation)");
	if (unit_pieces(c->vocab.unit))
		cmd_note("a symbol of unit %s is %.2f characters long on average", unit_names[c->vocab.unit],
		         (double)c->train_chars / (double)c->ntrain);
	cmd_note("%s %dx%d, %s parameters; %d streams of %d steps, rate %g; %s on %s, %d thread%s, %sB", cell_names[m->cell],
	         m->layers, m->hidden, params, tc->batch, tc->seq, tc->lr, m->precision == PREC_BF16 ? "bf16" : "f32",
	         kern_get()->name, threads,
	         threads == 1 ? "" : "s", memory);
	if (c->unknown_val)
		cmd_note("%zu of the held-out symbols do not occur in the training part and count as unknown",
		         c->unknown_val);
	if (c->invalid && c->vocab.unit == UNIT_CHAR)
		cmd_note("%zu bytes are not UTF-8 and stand for themselves; --unit=byte would read all of the text as bytes",
		         c->invalid);
}

void train_print_summary(const struct train_options *o, const char *path, const struct corpus *c,
                         const struct train_end *end, const struct train_baseline *base)
{
	double bits = train_bits_per_char(end->val_nats, c->nval, c->val_chars);
	if (o->json) {
		struct buf b = {0};
		struct json_writer w = {.b = &b};
		json_object_begin(&w);
		json_key(&w, "model");
		json_cstring(&w, path);
		json_key(&w, "params");
		json_uint(&w, end->params);
		json_key(&w, "steps");
		json_uint(&w, end->steps);
		json_key(&w, "tokens");
		json_uint(&w, end->tokens);
		json_key(&w, "seconds");
		json_number(&w, round(end->seconds * 1000) / 1000);
		json_key(&w, "tokens_per_s");
		json_number(&w, round(end->tokens_per_s));
		json_key(&w, "train_nats");
		json_number(&w, end->train_nats);
		json_key(&w, "val_nats");
		json_number(&w, end->val_nats);
		json_key(&w, "val_bits");
		json_number(&w, bits);
		json_key(&w, "unigram_nats");
		json_number(&w, base->unigram);
		json_key(&w, "ngram_nats");
		json_number(&w, base->ngram);
		json_key(&w, "ngram_bytes");
		if (isfinite(base->ngram))
			json_uint(&w, base->bytes);
		else
			json_null(&w);
		json_object_end(&w);
		buf_puts(&b, "\n", NULL);
		cmd_out(&b);
		buf_free(&b);
	}
	if (end->stopped < 0)
		return;
	char took[32];
	term_time(end->seconds, took, sizeof took);
	cmd_note("%s%s after %llu steps in %s", end->stopped ? "stopped; saved " : "saved ", path,
	         (unsigned long long)end->steps, took);
	if (isfinite(end->val_nats) && o->ensemble > 1)
		cmd_note("held out, all %lld together: %.4f nats, %.4f bits per character", (long long)o->ensemble, bits * LN2, bits);
	else if (isfinite(end->val_nats))
		cmd_note("held out: %.4f nats, %.4f bits per character, at step %llu", bits * LN2, bits,
		         (unsigned long long)end->best_step);
	train_print_baseline(base, c);
}
