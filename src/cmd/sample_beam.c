/* rnnlm sample --beam: the likeliest texts instead of drawn ones. */
#include "nn/beam.h"
#include "cmd/cmd.h"
#include "cmd/sample.h"

/* What beam_search asks to find the end of a text. */
struct ending {
	const struct sampling *s;
	struct buf text; /* of one symbol */
	bool failed;
	struct err e;
};

/* A path's mark: how much of the string to stop at its text ends with, and what is missing
 * of a UTF-8 sequence. */
static uint32_t mark_of(uint32_t stop, enum whole_state state)
{
	return stop * WHOLE_STATES + state;
}

static const unsigned char *allow(void *arg, uint32_t mark)
{
	const struct ending *g = arg;
	return whole_allowed(&g->s->whole, (enum whole_state)(mark % WHOLE_STATES));
}

static uint32_t end(void *arg, uint32_t mark, uint32_t id)
{
	struct ending *g = arg;
	enum whole_state state = whole_step(&g->s->whole, (enum whole_state)(mark % WHOLE_STATES), id);
	uint32_t stop = mark / WHOLE_STATES;
	buf_clear(&g->text);
	if (vocab_decode(&g->s->l.vocab, id, &g->text, &g->e)) {
		g->failed = true;
		return BEAM_ENDS;
	}
	return stop_find(&g->s->stop, &stop, g->text.p, g->text.len) ? BEAM_ENDS : mark_of(stop, state);
}

static int print(const struct sampling *s, uint32_t number, const struct beam_path *p, struct err *e)
{
	struct sample a = {.number = number, .last = -1};
	int rc = -1;
	for (size_t i = 0; i < p->n; i++)
		if (sample_add(s, &a, p->ids[i], 0, false, e))
			goto out;
	/* A search has no symbols to spare for a UTF-8 sequence that is cut. */
	a.text.len = a.whole;
	a.nats = p->nats;
	if (sample_head(s, &a, number == 0, e))
		goto out;
	if (!s->o->json)
		cmd_note("text %u: log probability %.4f, %zu symbols%s", (unsigned)number + 1, p->nats > 0 ? -p->nats : 0.0, p->n,
		         p->ended ? ", ended by --stop" : "");
	rc = sample_finish(s, &a, e);
out:
	sample_free(&a);
	return rc;
}

int sample_beam(struct sampling *s, struct err *e)
{
	const struct sample_options *o = s->o;
	struct ending ending = {.s = s};
	struct beam_config cfg = {.width = (size_t)o->beam, .wanted = (size_t)o->count, .length = (size_t)o->length,
	                          .ban = s->l.vocab.size - 1, .end = s->stop.text.len || s->whole.next ? end : NULL,
	                          .mark = mark_of(0, s->whole_start), .allow = allow, .arg = &ending};
	struct beam_path *paths = NULL;
	size_t n = 0;
	int rc = beam_search(&s->l.model, s->pool, &cfg, &s->start, s->last, cmd_interrupted, &paths, &n, e);
	if (rc == 0 && ending.failed) {
		*e = ending.e;
		rc = -1;
	}
	for (size_t i = 0; rc == 0 && i < n && !cmd_out_failed(); i++)
		rc = print(s, (uint32_t)i, &paths[i], e);
	beam_free(paths, n);
	buf_free(&ending.text);
	return rc;
}
