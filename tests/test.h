/* The harness: checks, named cases, exit 1 on any failure. A case that made no
 * check has failed; comparisons are written so that NaN fails. */
#ifndef RNNLM_TESTS_TEST_H
#define RNNLM_TESTS_TEST_H

#include <math.h>
#include <stdio.h>
#include <string.h>

static long test_checks, test_bad;

#define CHECK(cond)                                                                        \
	do {                                                                                   \
		test_checks++;                                                                     \
		if (!(cond) && test_bad++ < 20)                                                    \
			printf("  %s:%d: not so: %s\n", __FILE__, __LINE__, #cond);                    \
	} while (0)

#define CHECK_INT(got, want)                                                               \
	do {                                                                                   \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		test_checks++;                                                                     \
		if (got_ != want_ && test_bad++ < 20)                                              \
			printf("  %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_); \
	} while (0)

#define CHECK_STR(got, want)                                                               \
	do {                                                                                   \
		const char *got_ = (got), *want_ = (want);                                         \
		test_checks++;                                                                     \
		if (!(got_ && want_ && strcmp(got_, want_) == 0) && test_bad++ < 20)               \
			printf("  %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got,        \
			       got_ ? got_ : "(null)", want_ ? want_ : "(null)");                      \
	} while (0)

/* The text holds the words: for messages. */
#define CHECK_HAS(got, part)                                                               \
	do {                                                                                   \
		const char *got_ = (got), *part_ = (part);                                         \
		test_checks++;                                                                     \
		if (!strstr(got_, part_) && test_bad++ < 20)                                       \
			printf("  %s:%d: \"%s\" lacks \"%s\"\n", __FILE__, __LINE__, got_, part_);     \
	} while (0)

/* |got - want| <= tol; false for NaN. */
#define CHECK_NEAR(got, want, tol)                                                         \
	do {                                                                                   \
		double got_ = (got), want_ = (want), tol_ = (tol);                                 \
		test_checks++;                                                                     \
		if (!(fabs(got_ - want_) <= tol_) && test_bad++ < 20)                              \
			printf("  %s:%d: %s is %.17g, not %.17g +- %g\n", __FILE__, __LINE__, #got,    \
			       got_, want_, tol_);                                                     \
	} while (0)

struct test_case {
	const char *name;
	void (*run)(void);
};

/* Runs the cases (all, or those named on the command line). Last line of the
 * output: "SUITE: N passed, N failed". */
static int test_run(const char *suite, const struct test_case *cases, size_t n, int argc, char **argv)
{
	int passed = 0, failed = 0;
	for (size_t i = 0; i < n; i++) {
		int wanted = argc < 2;
		for (int a = 1; a < argc; a++)
			wanted |= strcmp(argv[a], cases[i].name) == 0;
		if (!wanted)
			continue;
		test_checks = test_bad = 0;
		cases[i].run();
		if (test_checks && !test_bad) {
			passed++;
		} else {
			failed++;
			printf("FAIL %s/%s: %ld of %ld checks\n", suite, cases[i].name, test_bad, test_checks);
		}
	}
	printf("%s: %d passed, %d failed\n", suite, passed, failed);
	return failed || !passed;
}

#define TEST_MAIN(suite, ...)                                                              \
	int main(int argc, char **argv)                                                        \
	{                                                                                      \
		static const struct test_case cases[] = {__VA_ARGS__};                             \
		return test_run(suite, cases, sizeof(cases) / sizeof(cases[0]), argc, argv);       \
	}

#endif
