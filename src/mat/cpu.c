/* CPUID says what the processor has, XCR0 which registers the operating system
 * saves when it switches threads; a feature needs both. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* syscall */
#endif
#include "mat/cpu.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

static struct cpu cpu;

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

#define BIT(word, n) (((word) >> (n)) & 1u)

struct regs {
	unsigned a, b, c, d;
};

/* All zero for a leaf that the processor does not have. */
static struct regs cpuid(unsigned leaf, unsigned sub)
{
	struct regs r = {0};
	if (!__get_cpuid_count(leaf, sub, &r.a, &r.b, &r.c, &r.d))
		memset(&r, 0, sizeof(r));
	return r;
}

static uint64_t xcr0(void)
{
	uint32_t lo, hi;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

static void detect_features(void)
{
	enum { YMM = 0x06, ZMM = 0xe6, TILE = 0x60000 }; /* XCR0: xmm and ymm; and masks, zmm; tiles */
	struct regs l1 = cpuid(1, 0), l7 = cpuid(7, 0), l71 = cpuid(7, 1);
	if (!BIT(l1.c, 27)) /* OSXSAVE: xgetbv may be used */
		return;
	uint64_t saved = xcr0();
	bool fma = BIT(l1.c, 12), avx = BIT(l1.c, 28);
	cpu.avx2 = (saved & YMM) == YMM && avx && fma && BIT(l7.b, 5);
	bool all512 = BIT(l7.b, 16) && BIT(l7.b, 17) && BIT(l7.b, 30) && BIT(l7.b, 31); /* F DQ BW VL */
	cpu.avx512 = cpu.avx2 && (saved & ZMM) == ZMM && all512;
	cpu.avx512bf16 = cpu.avx512 && BIT(l71.a, 5);
	cpu.amx = cpu.avx512bf16 && (saved & TILE) == TILE && BIT(l7.d, 24) && BIT(l7.d, 22);
}

static void detect_brand(void)
{
	struct regs r[3];
	if (cpuid(0x80000000u, 0).a < 0x80000004u)
		return;
	for (unsigned i = 0; i < 3; i++)
		r[i] = cpuid(0x80000002u + i, 0);
	char text[sizeof(r) + 1] = {0};
	memcpy(text, r, sizeof(r));
	const char *start = text + strspn(text, " ");
	size_t len = strlen(start);
	while (len && start[len - 1] == ' ')
		len--;
	memcpy(cpu.brand, start, len);
	cpu.brand[len] = 0;
}

/* Intel's leaf 4 and AMD's 0x8000001D have the same form. */
static void detect_caches(void)
{
	unsigned leaf = cpuid(4, 0).a & 31u ? 4 : 0x8000001du;
	for (unsigned i = 0; i < 16; i++) {
		struct regs r = cpuid(leaf, i);
		unsigned type = r.a & 31u, level = (r.a >> 5) & 7u;
		if (type == 0)
			return;
		if (type == 2) /* instructions only */
			continue;
		size_t ways = (r.b >> 22) + 1, parts = ((r.b >> 12) & 0x3ffu) + 1;
		size_t size = ways * parts * ((r.b & 0xfffu) + 1) * ((size_t)r.c + 1);
		if (level == 1)
			cpu.l1d = size;
		else if (level == 2)
			cpu.l2 = size;
		else if (level == 3)
			cpu.l3 = size;
	}
}

static void detect(void)
{
	strcpy(cpu.brand, "x86-64");
	detect_features();
	detect_brand();
	detect_caches();
}

#else

static void detect(void)
{
#if defined(__aarch64__)
	strcpy(cpu.brand, "aarch64");
#else
	strcpy(cpu.brand, "unknown");
#endif
}

#endif

const struct cpu *cpu_get(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, detect);
	return &cpu;
}

static bool amx_permitted;

static void amx_ask(void)
{
#if defined(__linux__) && defined(__x86_64__)
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
	amx_permitted = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
#else
	amx_permitted = true;
#endif
}

bool cpu_amx_permit(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, amx_ask);
	return amx_permitted;
}
