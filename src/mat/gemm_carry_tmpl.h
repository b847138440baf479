/* What tiles do besides multiplying: packing on the way. Multiply-adds leave most of the loads
 * and all of the stores of a step free, so the rows of A and panels of B that come next cost
 * little when they are moved a row at a time between them, and much when they are moved alone,
 * waiting for memory. Part of gemm_tmpl.h, included with it once per precision. */

/* What a tile does besides, a step at a time.
 * Rows of A read where they stand: asks for a line of the next panel. Weights that do not fit
 * L2 come from far, and only the first tile of a panel would wait for them.
 * Packed rows: moves the next row (pair of rows) of a strip, at most VW columns of a matrix
 * that is packed meanwhile, and asks for a row of the strip after it. */
struct NAME(errand) {
	const NUMBER *later; /* asked for; a step leads that many numbers on */
	size_t later_ld;
	const NUMBER *from;
	size_t ld, k, n; /* rows are ld apart, k of them (0: nothing to move), n <= VW columns */
	NUMBER *to;
	size_t step; /* numbers from row to row */
	bool padded; /* zeros behind the n columns, up to VW */
	real *sums;  /* (n), += sums of the columns; or NULL */
};

#ifdef CARRY
/* STEP rows of a strip, the next one at row + ld. */
static ALWAYS_INLINE vec NAME(carry)(const NUMBER *row, size_t ld, NUMBER *to, vec sum)
{
#ifdef BF16
	return pair_move(to, row, row + ld, sum);
#else
	(void)ld;
	vec_store(to, vec_load(row));
	return vec_add(sum, vec_load(row));
#endif
}

/* Rows from p to the strip's end, its own columns only. */
static ALWAYS_INLINE vec NAME(carry_rest)(const struct NAME(errand) *e, size_t p, vec sum)
{
	for (; p < e->k; p += STEP) {
		const NUMBER *row = e->from + p * e->ld;
		NUMBER *to = e->to + p / STEP * e->step;
#ifdef BF16
		sum = pair_move_part(to, row, p + 1 < e->k ? row + e->ld : NULL, e->n, sum);
#else
		vec v = vec_load_part(row, e->n);
		vec_store(to, v);
		sum = vec_add(sum, v);
#endif
	}
	return sum;
}
#endif

/* The strips of what is packed meanwhile, numbered through. */
struct NAME(strips) {
	const struct packing *list;
	size_t total, asked, moved;
};

static size_t NAME(strips_of)(const struct packing *p)
{
	return p->slivers ? rows_split(p->n, MR).tiles : (p->j1 - p->j0) * 2;
}

static struct NAME(errand) NAME(strip)(const struct NAME(strips) *s, size_t i)
{
	const struct packing *p = s->list;
	for (; i >= NAME(strips_of)(p); p++)
		i -= NAME(strips_of)(p);
	struct NAME(errand) e = {.k = p->k};
	size_t at;
	if (p->slivers) {
		struct rows r = rows_split(p->n, MR);
		at = i * r.low + min_size(i, r.more);
		e.n = r.low + (i < r.more);
		e.ld = p->x.cs;
		e.to = (NUMBER *)p->to + NAME(sliver_at)(i, at, p->k);
		e.step = e.n * STEP;
		e.sums = p->sums ? p->sums + at : NULL;
	} else {
		at = p->j0 * NR + i * VW;
		e.n = at < p->n ? min_size(VW, p->n - at) : 0;
		e.ld = p->x.rs;
		e.to = (NUMBER *)p->to + (p->j0 + i / 2) * NR * ceil_div(p->k, STEP) * STEP + i % 2 * VW * STEP;
		e.step = NR * STEP;
		e.padded = e.n < VW;
	}
	e.from = (const NUMBER *)p->x.data + (e.n ? at : 0);
	return e;
}

/* By itself. */
static void NAME(move)(const struct NAME(errand) *e)
{
#ifdef CARRY
	vec sum = NAME(carry_rest)(e, 0, e->sums ? vec_load_part(e->sums, e->n) : vec_zero());
	if (e->sums)
		vec_store_part(e->sums, sum, e->n);
#else
	(void)e;
#endif
}

static void NAME(move_rest)(struct NAME(strips) *s)
{
	while (s->moved < s->total) {
		struct NAME(errand) e = NAME(strip)(s, s->moved++);
		NAME(move)(&e);
	}
}

/* For a tile of depth kb: the next strip, if it is on its way to L2 since two tiles before, and
 * the one to ask for. Strips that are deeper or narrower than a tile can move are moved at once. */
static struct NAME(errand) NAME(next_errand)(struct NAME(strips) *s, size_t kb)
{
	struct NAME(errand) e = {0};
	if (s->moved < s->total && s->asked >= min_size(s->moved + 2, s->total)) {
		e = NAME(strip)(s, s->moved++);
		if (e.k > kb || e.ld < VW || e.padded) {
			NAME(move)(&e);
			e.k = 0;
		}
	}
	if (s->asked < s->total) {
		struct NAME(errand) behind = NAME(strip)(s, s->asked++);
		e.later = behind.from + behind.n - (behind.n > 0);
		e.later_ld = behind.ld;
	}
	return e;
}
