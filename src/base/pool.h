/* A fixed team of threads. The caller is part 0; the others sleep when there is
 * nothing to do. Between jobs and at barriers waiting spins for a short while
 * (a fifth of a millisecond) before it sleeps, since the time loop of a recurrent
 * layer meets at a barrier many thousand times a second. */
#ifndef RNNLM_BASE_POOL_H
#define RNNLM_BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

struct pool;
typedef void pool_fn(void *arg, int part, int parts);

/* threads >= 1; with 1 no thread is started. Jobs are run by the thread that made it. */
struct pool *pool_new(int threads, struct err *e);
void pool_free(struct pool *p);
int pool_size(const struct pool *p); /* NULL counts as 1 */

/* Where another program holds a CPU, a thread waits at every barrier for one that does
 * not run, and the team can be many times slower than one thread. Called between jobs,
 * this looks at how long the caller has waited lately, and lets the caller work alone
 * for a while if that is faster. So the number of parts changes here, and only here. */
void pool_adapt(struct pool *p);
int pool_parts(const struct pool *p); /* of the next job: 1 or pool_size */

/* Runs fn(arg, part, parts) once for every one of pool_parts and returns when all are
 * done. p may be NULL (one part). Not to be nested. */
void pool_run(struct pool *p, pool_fn *fn, void *arg);

/* Inside a job: returns when every part has called it. Memory written before
 * by any part is visible after to all. */
void pool_barrier(struct pool *p);

/* The part's share [*lo, *hi) of n items, cut at multiples of grain. */
void pool_share(int part, int parts, size_t n, size_t grain, size_t *lo, size_t *hi);

/* Number of CPUs this process may use (affinity, then online CPUs). */
int pool_cpus(void);

#endif
