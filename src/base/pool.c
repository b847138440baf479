/* The team waits in one way only: for a word to change. Whoever waits looks at
 * the word for a while, then sleeps on the condition variable; whoever changes
 * a word wakes the sleepers if there are any. A job is announced by one word,
 * a barrier passed by another, and a job ends with a barrier.
 *
 * The caller's waits are added up, but for those that end within a microsecond, and so
 * cost nothing to measure. The rest of its time is a part's work: one thread alone
 * would take as many times that as there are parts, so if the caller waits for more
 * than (parts - 1) / parts of the time, alone is faster. */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE /* _SC_NPROCESSORS_ONLN */
#else
#undef _POSIX_C_SOURCE /* the BSDs show _SC_NPROCESSORS_ONLN only without it */
#endif

#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum {
	LINE = 64,       /* bytes of a cache line: words that different threads write stay apart */
	SPIN_NS = 200000, /* looking for a change before sleeping: waking up costs a quarter of that */
	LOOK_NS = 10 * 1000 * 1000,        /* waits are judged over at least so long */
	ALONE_NS = 100 * 1000 * 1000,      /* before the team is tried again; doubled each time */
	ALONE_MOST_NS = 1000 * 1000 * 1000, /* that it fails, up to this */
	SPIN_ROUND = 32  /* pauses between two looks at the clock */
};

struct member {
	struct pool *pool;
	pthread_t id;
	int part;
};

struct pool {
	int parts;
	int active;     /* parts of a job: all or 1 */
	int64_t spin_ns;
	struct member *team; /* (parts); team[0] is the caller and has no thread */
	int started;         /* members whose thread exists, the caller included */
	bool stop;           /* written before a job is announced, read after */
	pool_fn *fn;
	void *arg;

	/* pool_adapt's, of the caller */
	pthread_t caller;
	int64_t waited; /* nanoseconds since `since` */
	int64_t since, alone_ns, alone_until;

	alignas(LINE) atomic_uint jobs;    /* announced so far */
	alignas(LINE) atomic_int arrived;  /* parts that stand at the barrier */
	alignas(LINE) atomic_uint passed;  /* barriers passed so far */
	alignas(LINE) atomic_int sleepers;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
};

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb"); /* yield is a no-op on most cores */
#endif
}

static int64_t now_ns(void)
{
	struct timespec t = {0};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool spin_round(atomic_uint *word, unsigned old)
{
	for (int i = 0; i < SPIN_ROUND; i++) {
		if (atomic_load_explicit(word, memory_order_acquire) != old)
			return true;
		spin_pause();
	}
	return false;
}

static void sleep_until_change(struct pool *p, atomic_uint *word, unsigned old)
{
	pthread_mutex_lock(&p->mutex);
	/* Sequentially consistent, as in change(): either the sleeper is seen
	 * there or the change is seen here. */
	atomic_fetch_add(&p->sleepers, 1);
	while (atomic_load(word) == old)
		pthread_cond_wait(&p->changed, &p->mutex);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->mutex);
}

/* Returns once *word is no longer old; what was written before the change is
 * visible then. */
static void wait_change(struct pool *p, atomic_uint *word, unsigned old)
{
	if (spin_round(word, old))
		return;
	int64_t from = now_ns();
	bool changed = false;
	while (!changed && now_ns() < from + p->spin_ns)
		changed = spin_round(word, old);
	if (!changed)
		sleep_until_change(p, word, old);
	if (pthread_equal(pthread_self(), p->caller))
		p->waited += now_ns() - from;
}

static void change(struct pool *p, atomic_uint *word)
{
	atomic_fetch_add(word, 1);
	if (atomic_load(&p->sleepers) > 0) {
		pthread_mutex_lock(&p->mutex);
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->mutex);
	}
}

void pool_barrier(struct pool *p)
{
	if (!p || p->active == 1)
		return;
	/* Cannot change before this part has arrived. */
	unsigned old = atomic_load_explicit(&p->passed, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&p->arrived, 1, memory_order_acq_rel) + 1 == p->parts) {
		atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
		change(p, &p->passed);
	} else {
		wait_change(p, &p->passed, old);
	}
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct pool *p = m->pool;
	for (unsigned job = 0;; job++) {
		wait_change(p, &p->jobs, job);
		if (p->stop)
			return NULL;
		p->fn(p->arg, m->part, p->parts);
		pool_barrier(p);
	}
}

void pool_run(struct pool *p, pool_fn *fn, void *arg)
{
	if (!p || p->active == 1) {
		fn(arg, 0, 1);
		return;
	}
	p->fn = fn;
	p->arg = arg;
	change(p, &p->jobs);
	fn(arg, 0, p->parts);
	pool_barrier(p);
}

static int start_team(struct pool *p, struct err *e)
{
	/* Signals are for the main thread, whose reads and waits they interrupt. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = 0;
	for (int i = 1; i < p->parts && !failed; i++) {
		p->team[i] = (struct member){.pool = p, .part = i};
		failed = pthread_create(&p->team[i].id, NULL, member_main, &p->team[i]);
		if (!failed)
			p->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		errno = failed;
		return err_sys(e, "cannot start thread %d of %d", p->started + 1, p->parts);
	}
	return 0;
}

struct pool *pool_new(int threads, struct err *e)
{
	if (threads < 1) {
		err_set(e, "cannot work with %d threads: at least 1 is needed", threads);
		return NULL;
	}
	struct pool *p = mem_block(1, sizeof(*p), e); /* aligned, as the members ask for */
	if (!p)
		return NULL;
	p->parts = p->active = threads;
	p->started = 1;
	p->alone_ns = ALONE_NS;
	p->caller = pthread_self();
	/* Where threads share a CPU, spinning keeps the awaited one from running. */
	p->spin_ns = threads > pool_cpus() ? 0 : SPIN_NS;
	atomic_init(&p->jobs, 0);
	atomic_init(&p->arrived, 0);
	atomic_init(&p->passed, 0);
	atomic_init(&p->sleepers, 0);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->team = mem_new((size_t)threads, sizeof(*p->team), e);
	if (!p->team || start_team(p, e) < 0) {
		pool_free(p);
		return NULL;
	}
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	p->stop = true;
	change(p, &p->jobs);
	for (int i = 1; i < p->started; i++)
		pthread_join(p->team[i].id, NULL);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->mutex);
	mem_free(p->team);
	mem_free(p);
}

int pool_size(const struct pool *p)
{
	return p ? p->parts : 1;
}

int pool_parts(const struct pool *p)
{
	return p ? p->active : 1;
}

void pool_adapt(struct pool *p)
{
	if (pool_size(p) == 1)
		return;
	int64_t now = now_ns(), looked = now - p->since;
	if (p->active == 1) {
		if (now < p->alone_until)
			return;
		p->active = p->parts;
	} else {
		if (looked < LOOK_NS)
			return;
		if (p->waited * p->parts <= looked * (p->parts - 1)) {
			p->alone_ns = ALONE_NS;
		} else {
			p->active = 1;
			p->alone_until = now + p->alone_ns;
			p->alone_ns = p->alone_ns < ALONE_MOST_NS / 2 ? 2 * p->alone_ns : ALONE_MOST_NS;
		}
	}
	p->since = now;
	p->waited = 0;
}

void pool_share(int part, int parts, size_t n, size_t grain, size_t *lo, size_t *hi)
{
	if (grain == 0)
		grain = 1;
	/* The first `more` parts take one grain more than the others. */
	size_t grains = n / grain + (n % grain != 0), each = grains / (size_t)parts;
	size_t more = grains % (size_t)parts, i = (size_t)part;
	size_t from = each * i + (i < more ? i : more), to = from + each + (i < more);
	*lo = from == grains ? n : from * grain;
	*hi = to == grains ? n : to * grain;
}

int pool_cpus(void)
{
#ifdef __linux__
	cpu_set_t set[8]; /* 8192 CPUs: the kernel refuses a set smaller than its own */
	if (sched_getaffinity(0, sizeof(set), set) == 0 && CPU_COUNT_S(sizeof(set), set) > 0)
		return CPU_COUNT_S(sizeof(set), set);
#endif
#ifdef _SC_NPROCESSORS_ONLN
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n > 0)
		return n < 4096 ? (int)n : 4096;
#endif
	return 1;
}
