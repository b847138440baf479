/* The paths kept are the leaves of a tree that grows by one layer a step. Live ones
 * are lanes of one work; when a step has chosen, each takes over the state of the
 * lane that it goes on from. */
#include "nn/beam.h"

#include "base/mem.h"
#include "nn/work.h"

/* A symbol of a path, and where the one before it is. */
struct node {
	uint32_t id;
	uint32_t up; /* index + 1 in the list of nodes; 0: there is none */
};

/* A path that is kept, or a candidate to be: then node, mark and length are those of
 * the path that it continues. */
struct leaf {
	double nats;
	size_t from;   /* place in the beam of what it continues, or of itself if it has ended */
	uint32_t id;   /* last symbol */
	uint32_t node; /* as struct node's up */
	uint32_t mark;
	size_t length;
	int lane; /* of its state */
	bool ended;
};

struct beam {
	const struct beam_config *cfg;
	uint32_t vocab;
	struct work *work;
	struct state now, next; /* (width) streams each */
	uint32_t *in;           /* (width) what lanes read */
	struct leaf *kept; /* (width) likeliest first */
	struct leaf *heap; /* (width) the best candidates so far, the worst on top */
	size_t nkept, nheap;
	struct node *nodes;
	size_t nnodes, cap;
};

/* Of two candidates: which is better. */
static bool better(const struct leaf *a, const struct leaf *b)
{
	if (a->nats != b->nats)
		return a->nats < b->nats;
	return a->from != b->from ? a->from < b->from : a->id < b->id;
}

static void sift(struct leaf *heap, size_t n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && better(&heap[child], &heap[child + 1]))
			child++;
		if (!better(&heap[i], &heap[child]))
			break;
		struct leaf t = heap[i];
		heap[i] = heap[child];
		heap[child] = t;
	}
}

static void offer(struct beam *b, const struct leaf *c)
{
	if (b->nheap < b->cfg->width) {
		size_t i = b->nheap++;
		for (; i && better(&b->heap[(i - 1) / 2], c); i = (i - 1) / 2)
			b->heap[i] = b->heap[(i - 1) / 2];
		b->heap[i] = *c;
	} else if (better(c, &b->heap[0])) {
		b->heap[0] = *c;
		sift(b->heap, b->nheap, 0);
	}
}

/* Every way to go on from a kept path. */
static void offer_row(struct beam *b, size_t place, const real *logits)
{
	const struct leaf *p = &b->kept[place];
	double all = (double)kern_get()->logsumexp(b->vocab, logits);
	const unsigned char *may = b->cfg->allow ? b->cfg->allow(b->cfg->arg, p->mark) : NULL;
	struct leaf c = *p;
	c.from = place;
	for (uint32_t v = 0; v < b->vocab; v++) {
		if (v == b->cfg->ban || (may && !may[v]))
			continue;
		c.id = v;
		c.nats = p->nats + (all - (double)logits[v]);
		if (b->nheap < b->cfg->width || better(&c, &b->heap[0]))
			offer(b, &c);
	}
}

/* Candidates for the next step: what has ended, and every continuation of the rest. */
static void expand(struct beam *b)
{
	size_t lanes = 0, piece = work_piece(b->work), row = 0, ld = 0;
	const real *logits = NULL;
	b->nheap = 0;
	for (size_t i = 0; i < b->nkept; i++) {
		struct leaf *p = &b->kept[i];
		p->from = i;
		if (p->ended)
			offer(b, p);
		else
			b->in[lanes++] = p->id;
	}
	work_forward(b->work, &(struct block){.T = 1, .B = (int)lanes, .in = b->in}, &b->now);
	for (size_t i = 0; i < b->nkept; i++) {
		if (b->kept[i].ended)
			continue;
		if (row % piece == 0)
			logits = work_logits(b->work, row, lanes - row < piece ? lanes - row : piece, &ld);
		offer_row(b, i, logits + row++ % piece * ld);
	}
}

/* The best candidates are kept, likeliest first, each with the state of what it
 * continues. */
static int choose(struct beam *b, struct err *e)
{
	int lanes = 0;
	for (size_t left = b->nheap; left > 1;) {
		struct leaf worst = b->heap[0];
		b->heap[0] = b->heap[--left];
		b->heap[left] = worst;
		sift(b->heap, left, 0);
	}
	for (size_t i = 0; i < b->nheap; i++) {
		struct leaf *p = &b->heap[i];
		if (p->ended)
			continue;
		struct node *grown = mem_grow(b->nodes, b->nnodes, &b->cap, sizeof *grown, e);
		if (!grown)
			return -1;
		b->nodes = grown;
		b->nodes[b->nnodes++] = (struct node){.id = p->id, .up = p->node};
		p->node = (uint32_t)b->nnodes;
		p->length++;
		p->mark = b->cfg->end ? b->cfg->end(b->cfg->arg, p->mark, p->id) : p->mark;
		p->ended = p->mark == BEAM_ENDS;
		if (p->ended)
			continue;
		state_copy(&b->next, lanes, &b->now, p->lane);
		p->lane = lanes++;
	}
	struct leaf *kept = b->kept;
	struct state now = b->now;
	b->kept = b->heap;
	b->nkept = b->nheap;
	b->heap = kept;
	b->now = b->next;
	b->next = now;
	return 0;
}

/* What goes on gets less likely: the first that have ended stay the first. */
static bool settled(const struct beam *b)
{
	size_t i = 0;
	while (i < b->nkept && i < b->cfg->wanted && b->kept[i].ended)
		i++;
	return i == b->nkept || i == b->cfg->wanted;
}

static int take_paths(const struct beam *b, struct beam_path **paths, size_t *n, struct err *e)
{
	size_t count = b->nkept < b->cfg->wanted ? b->nkept : b->cfg->wanted;
	struct beam_path *list = mem_new(count, sizeof *list, e);
	if (!list)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct leaf *p = &b->kept[i];
		list[i] = (struct beam_path){.n = p->length, .nats = p->nats, .ended = p->ended};
		if (!(list[i].ids = mem_new(p->length, sizeof *list[i].ids, e))) {
			beam_free(list, i);
			return -1;
		}
		size_t at = p->length;
		for (uint32_t node = p->node; node; node = b->nodes[node - 1].up)
			list[i].ids[--at] = b->nodes[node - 1].id;
	}
	*paths = list;
	*n = count;
	return 0;
}

int beam_search(const struct model *m, struct pool *pool, const struct beam_config *cfg, const struct state *start,
                uint32_t first, bool (*stop)(void), struct beam_path **paths, size_t *n, struct err *e)
{
	struct beam b = {.cfg = cfg, .vocab = (uint32_t)m->cfg.vocab};
	struct work_config shape = {.T = 1, .B = (int)cfg->width};
	int rc = -1;
	*paths = NULL;
	*n = 0;
	if (cfg->length > (UINT32_MAX - 1) / cfg->width)
		return err_set(e, "%zu paths of %zu symbols are more than can be kept: a narrower beam or a smaller length",
		               cfg->width, cfg->length);
	if (!(b.work = work_new(m, &shape, pool, e)) || state_new(&b.now, m, shape.B, e) ||
	    state_new(&b.next, m, shape.B, e) || !(b.in = mem_new(cfg->width, sizeof *b.in, e)) ||
	    !(b.kept = mem_new(cfg->width, sizeof *b.kept, e)) || !(b.heap = mem_new(cfg->width, sizeof *b.heap, e)))
		goto out;
	state_copy(&b.now, 0, start, 0);
	b.kept[0] = (struct leaf){.id = first, .mark = cfg->mark};
	b.nkept = 1;
	for (size_t t = 0; t < cfg->length && !settled(&b) && !(stop && stop()); t++) {
		expand(&b);
		if (choose(&b, e))
			goto out;
	}
	rc = take_paths(&b, paths, n, e);
out:
	mem_free(b.nodes);
	mem_free(b.heap);
	mem_free(b.kept);
	mem_free(b.in);
	state_free(&b.next);
	state_free(&b.now);
	work_free(b.work);
	return rc;
}

void beam_free(struct beam_path *paths, size_t n)
{
	for (size_t i = 0; paths && i < n; i++)
		mem_free(paths[i].ids);
	mem_free(paths);
}
