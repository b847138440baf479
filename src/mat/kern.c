/* The list of kernel sets and the choice among them. */
#include "mat/kern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "mat/cpu.h"
#include "mat/kern_sets.h"

/* Every name that RNNLM_CPU may hold, ascending. A name without a set of its
 * own is a cap all the same: the best set at or below it is taken. */
static const char *const levels[] = {"scalar", "avx2", "avx512", "avx512bf16", "amx"};
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

static const struct kern *in_use = &kern_scalar;

static bool cpu_has(size_t level)
{
	const struct cpu *cpu = cpu_get();
	const bool has[LEVELS] = {true, cpu->avx2, cpu->avx512, cpu->avx512bf16,
	                          cpu->amx && cpu_amx_permit()};
	return has[level];
}

/* The set of a level if this build has one and the CPU can run it. */
static const struct kern *set_of(size_t level)
{
	const struct kern *const sets[LEVELS] = {&kern_scalar, kern_avx2, kern_avx512,
	                                         kern_avx512bf16, kern_amx};
	return cpu_has(level) ? sets[level] : NULL;
}

size_t kern_list(const struct kern *out[], size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < LEVELS; i++)
		if (set_of(i) && n < max)
			out[n++] = set_of(i);
	return n;
}

static int refuse(const char *cap, bool known, struct err *e)
{
	char names[128] = "";
	size_t len = 0;
	for (size_t i = 0; i < LEVELS; i++)
		if (cpu_has(i))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "", levels[i]);
	if (known)
		return err_set(e, "RNNLM_CPU=%s: this CPU (%s) cannot run it; use one of: %s", cap,
		               cpu_get()->brand, names);
	return err_set(e, "RNNLM_CPU=%s: no such instruction set; use one of: %s", cap, names);
}

int kern_init(struct err *e)
{
	static bool decided;
	if (decided)
		return 0;
	const char *cap = getenv("RNNLM_CPU");
	size_t top = LEVELS - 1;
	if (cap && *cap) {
		for (top = 0; top < LEVELS && strcmp(cap, levels[top]) != 0; top++)
			;
		if (top == LEVELS || !cpu_has(top))
			return refuse(cap, top < LEVELS, e);
	}
	for (size_t i = 0; i <= top; i++)
		if (set_of(i))
			in_use = set_of(i);
	decided = true;
	return 0;
}

const struct kern *kern_get(void)
{
	return in_use;
}
