/* rnnlm train --sample-every: what the model writes as it learns. Work, state and
 * random numbers are its own, and the weights are only read, so that a run with
 * samples and one without are the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"
#include "nn/sampler.h"
#include "nn/work.h"
#include "text/utf8.h"

enum { SYMBOLS = 200, TAB = 4 };

struct train_preview {
	struct work *work;
	struct state state;
	struct sampler sampler;
	struct buf text, shown;
};

int train_preview_new(struct train_session *r, struct err *e)
{
	const uint32_t vocab = r->corpus->vocab.size;
	const struct sampler_config rules = {.temp = 0.8, .top_p = 1, .ban = vocab - 1}; /* the unknown stands for no text */
	const struct work_config shape = {.T = 1, .B = 1};
	struct train_preview *p = mem_new(1, sizeof *p, e);
	if (!(r->preview = p))
		return -1;
	/* Without a pool: a step of one stream is over before threads have met. */
	if (sampler_new(&p->sampler, &rules, vocab, e) || state_new(&p->state, r->model, 1, e) ||
	    !(p->work = work_new(r->model, &shape, NULL, e))) {
		train_preview_free(p);
		r->preview = NULL;
		return -1;
	}
	return 0;
}

void train_preview_free(struct train_preview *p)
{
	if (!p)
		return;
	work_free(p->work);
	state_free(&p->state);
	sampler_free(&p->sampler);
	buf_free(&p->text);
	buf_free(&p->shown);
	mem_free(p);
}

/* -1 if the weights give no distribution: the step before went too far. */
static int draw(struct train_preview *p, const struct vocab *v, uint64_t seed, uint64_t step)
{
	uint32_t next = v->newline < 0 ? 0 : (uint32_t)v->newline;
	state_clear(&p->state);
	buf_clear(&p->text);
	for (uint32_t i = 0; i < SYMBOLS && !cmd_interrupted(); i++) {
		struct block b = {.T = 1, .B = 1, .in = &next};
		uint32_t x[4];
		size_t ld;
		work_forward(p->work, &b, &p->state);
		const real *logits = work_logits(p->work, 0, 1, &ld);
		if (!isfinite((double)kern_get()->logsumexp(v->size, logits)))
			return -1;
		rng_draw(seed, RNG_PREVIEW, (uint32_t)step, 0, (uint32_t)(step >> 32), i, x);
		next = sampler_draw(&p->sampler, logits, rng_unit53(x[0], x[1]));
		if (vocab_decode(v, next, &p->text, NULL))
			return -1;
	}
	return 0;
}

/* Length of the text without a character that is begun at its end and not finished. */
static size_t whole(const struct buf *text)
{
	uint32_t symbol;
	size_t n = 0, used;
	while (n < text->len && (used = utf8_decode_part((const unsigned char *)text->p + n, text->len - n, &symbol)))
		n += used;
	return n;
}

/* Bytes of the text that fit in so many columns, at least one character: up to a blank, if
 * there is one in the last third. */
static size_t fitting(const char *s, size_t n, size_t width)
{
	size_t most = n, cut;
	while (most > 1 && term_columns(s, most) > width)
		for (most--; most > 1 && ((unsigned char)s[most] & 0xC0) == 0x80;)
			most--;
	for (cut = most; cut < n && cut > most * 2 / 3;)
		if (s[--cut] == ' ')
			return cut + 1;
	return most;
}

/* A line of the sample behind a rule at the left margin; on a terminal cut in pieces that
 * fit in its width. */
static void print_line(struct train_preview *p, const char *line, size_t n, const char *rule, size_t width)
{
	buf_clear(&p->shown);
	for (size_t i = 0, end; i < n; i = end + 1) {
		const char *tab = memchr(line + i, '\t', n - i);
		end = tab ? (size_t)(tab - line) : n;
		if (term_visible(line + i, end - i, &p->shown, NULL) || (tab && buf_printf(&p->shown, NULL, "%*s", TAB, "")))
			return;
	}
	const char *s = p->shown.len ? p->shown.p : "";
	size_t left = p->shown.len;
	do {
		size_t take = width ? fitting(s, left, width) : left;
		fprintf(stderr, "  %s %.*s\n", rule, (int)take, s);
		s += take;
		left -= take;
	} while (left);
}

void train_preview_show(const struct train_session *r, uint64_t step)
{
	struct train_preview *p = r->preview;
	const char *rule = r->utf8 ? "\xE2\x94\x82" : "|";
	int columns = term_width(STDERR_FILENO);
	size_t width = r->tty && columns > 8 ? (size_t)columns - 5 : 0;
	if (draw(p, &r->corpus->vocab, (uint64_t)r->o->seed, step)) {
		cmd_note("step %llu: no sample, the weights are not finite", (unsigned long long)step);
		return;
	}
	fprintf(stderr, "sample at step %llu\n", (unsigned long long)step);
	size_t n = whole(&p->text);
	for (size_t i = 0, end; i < n; i = end + 1) {
		const char *newline = memchr(p->text.p + i, '\n', n - i);
		end = newline ? (size_t)(newline - p->text.p) : n;
		print_line(p, p->text.p + i, end - i, rule, width);
	}
	fflush(stderr);
}
