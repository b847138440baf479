/* What cpu_get says hangs together, and RNNLM_CPU chooses as promised. The
 * choice is made once per process, so each is made in a child. */
#include "mat/cpu.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "mat/kern.h"
#include "test.h"

static void features(void)
{
	const struct cpu *c = cpu_get();
	CHECK(c == cpu_get());
	CHECK(!c->avx512 || c->avx2);
	CHECK(!c->avx512bf16 || c->avx512);
	CHECK(!c->amx || c->avx512bf16);
	CHECK(cpu_amx_permit() == cpu_amx_permit());
	CHECK(!c->amx || cpu_amx_permit()); /* Linux asks, and says yes */
	CHECK(c->brand[0] != 0 && c->brand[0] != ' ' && strlen(c->brand) < sizeof(c->brand));
	CHECK(c->l1d == 0 || (c->l1d >= 4096 && c->l1d <= (size_t)1 << 20));
	CHECK(c->l2 == 0 || c->l2 > c->l1d);
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
	__builtin_cpu_init();
	CHECK(c->avx2 == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
	CHECK(c->avx512 == (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
#endif
}

static void list(void)
{
	const struct kern *sets[8];
	size_t n = kern_list(sets, 8);
	CHECK(n >= 1 && sets[0] == &kern_scalar);
	for (size_t i = 0; i < n; i++) {
		const struct kern *k = sets[i];
		CHECK(k->gemm[PREC_F32] && (k->gemm[PREC_BF16] || sizeof(real) == 8) && k->spin && k->read && k->round_bf16);
		CHECK(k->exp && k->tanh && k->sigmoid && k->log && k->add && k->mul &&
		      k->mul_add && k->axpy && k->scale && k->sumsq && k->logsumexp && k->logsumexp_rows && k->softmax &&
		      k->colsum && k->adam);
		CHECK(i == 0 || k->isa >= sets[i - 1]->isa);
	}
	const struct kern *one[1];
	CHECK_INT(kern_list(one, 1), 1);
	CHECK_INT(kern_list(one, 0), 0);
	CHECK(kern_get() == &kern_scalar); /* before kern_init */
}

enum { REFUSED = 100 };

/* What kern_init chooses under RNNLM_CPU=cap (NULL: not set), as an index into
 * kern_list; REFUSED with its message in e. */
static int choice(const char *cap, struct err *e)
{
	int fd[2], status;
	if (pipe(fd))
		return -1;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		const struct kern *sets[8];
		size_t n = kern_list(sets, 8);
		struct err bad = {0};
		int code = REFUSED;
		if (cap)
			setenv("RNNLM_CPU", cap, 1);
		else
			unsetenv("RNNLM_CPU");
		if (kern_init(&bad) == 0) {
			for (code = 0; (size_t)code < n && sets[code] != kern_get(); code++)
				;
			setenv("RNNLM_CPU", "scalar", 1); /* decided: too late */
			const struct kern *before = kern_get();
			if (kern_init(&bad) || kern_get() != before)
				code = -1;
		} else if (kern_get() != &kern_scalar) {
			code = -1;
		}
		ssize_t w = write(fd[1], &bad, sizeof(bad));
		_exit(w == (ssize_t)sizeof(bad) ? code : -1);
	}
	close(fd[1]);
	ssize_t r = read(fd[0], e, sizeof(*e));
	close(fd[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || r != (ssize_t)sizeof(*e))
		return -1;
	return WEXITSTATUS(status);
}

static void caps(void)
{
	const struct kern *sets[8];
	int n = (int)kern_list(sets, 8);
	struct err e = {0};
	CHECK_INT(choice(NULL, &e), n - 1);
	CHECK_INT(choice("", &e), n - 1);
	for (int i = 0; i < n; i++)
		CHECK_INT(choice(sets[i]->name, &e), i);
}

/* Levels that the CPU has mean the best set at or below them; others are
 * refused, with the names that would do. */
static void levels(void)
{
	const struct cpu *c = cpu_get();
	const struct {
		const char *name;
		bool has;
	} level[] = {{"avx2", c->avx2}, {"avx512", c->avx512}, {"avx512bf16", c->avx512bf16}, {"amx", c->amx}};
	for (size_t i = 0; i < sizeof(level) / sizeof(level[0]); i++) {
		struct err e = {0};
		int got = choice(level[i].name, &e);
		if (level[i].has) {
			CHECK(got >= 0 && got < 8);
			continue;
		}
		CHECK_INT(got, REFUSED);
		CHECK_HAS(e.msg, level[i].name);
		CHECK_HAS(e.msg, c->brand);
		CHECK_HAS(e.msg, "scalar");
	}
	const char *const unknown[] = {"sse9", "AVX2", "avx2 ", "scalar,avx2"};
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct err e = {0};
		CHECK_INT(choice(unknown[i], &e), REFUSED);
		CHECK_HAS(e.msg, unknown[i]);
		CHECK_HAS(e.msg, "use one of: scalar");
	}
}

TEST_MAIN("unit/cpu", {"features", features}, {"list", list}, {"caps", caps}, {"levels", levels})
