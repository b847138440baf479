/* Feeds a fuzz target's corpus to it where there is no libFuzzer: every file of
 * the folders named, and a few hundred mutations of each that are the same at
 * every run. A target that finds a fault aborts, so that it is this program's
 * end that says whether all went well. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTATIONS 300
#define LARGE ((size_t)64 << 10) /* from here on a file is only shortened a few times */

struct seed {
	unsigned char *bytes;
	size_t len;
};

static uint64_t state;

/* Marsaglia's xorshift64. */
static size_t below(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (size_t)(state % n) : 0;
}

static int add_seeds(const char *folder, struct seed **seeds, size_t *n, struct err *e)
{
	struct dirent **list = NULL;
	size_t cap = *n;
	int res = -1, files = scandir(folder, &list, NULL, alphasort); /* the same order everywhere */
	if (files < 0)
		return err_sys(e, "cannot read the folder %s", folder);
	for (int i = 0; i < files; i++) {
		struct buf path = {0};
		struct stat st;
		int bad = buf_printf(&path, e, "%s/%s", folder, list[i]->d_name);
		if (!bad && stat(path.p, &st) == 0 && S_ISREG(st.st_mode)) {
			struct seed *more = mem_grow(*seeds, *n, &cap, sizeof *more, e);
			if (more)
				*seeds = more;
			bad = !more || io_read_all(path.p, &more[*n].bytes, &more[*n].len, e);
			*n += !bad;
		}
		buf_free(&path);
		if (bad)
			goto out;
	}
	res = 0;
out:
	for (int i = 0; i < files; i++)
		free(list[i]);
	free(list);
	return res;
}

/* A piece of one seed in the midst of another. The result's length. */
static size_t splice(unsigned char *p, size_t len, size_t room, const struct seed *other)
{
	size_t to = below(len + 1), from = below(other->len), n = below(other->len - from + 1);
	if (n > room - len)
		n = room - len;
	memmove(p + to + n, p + to, len - to);
	memcpy(p + to, other->bytes + from, n);
	return len + n;
}

static size_t mutate(unsigned char *p, size_t len, size_t room, const struct seed *other)
{
	for (size_t edits = 1 + below(3); edits; edits--) {
		size_t at = below(len), n = below(len - at + 1) / 4 + 1;
		switch (len ? below(6) : 5) {
		case 0:
			p[at] ^= (unsigned char)(1u << below(8));
			break;
		case 1:
			p[at] = (unsigned char)below(256);
			break;
		case 2: /* another digit: sizes and offsets */
			for (size_t i = at; i < len; i++) {
				if (p[i] >= '0' && p[i] <= '9') {
					p[i] = (unsigned char)('0' + below(10));
					break;
				}
			}
			break;
		case 3:
			len = at;
			break;
		case 4: /* a piece taken out */
			if (n > len - at)
				n = len - at;
			memmove(p + at, p + at + n, len - at - n);
			len -= n;
			break;
		default:
			len = splice(p, len, room, other);
		}
	}
	return len;
}

static long replay(const struct seed *seeds, size_t n, struct err *e)
{
	long inputs = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = seeds[i].len, room = 2 * len + 4096;
		unsigned char *p = mem_new(room, 1, e);
		if (!p)
			return -1;
		LLVMFuzzerTestOneInput(seeds[i].bytes, len);
		inputs++;
		for (int m = 0; m < (len < LARGE ? MUTATIONS : 8); m++, inputs++) {
			memcpy(p, seeds[i].bytes, len);
			LLVMFuzzerTestOneInput(p, len < LARGE ? mutate(p, len, room, &seeds[below(n)]) : below(len));
		}
		mem_free(p);
	}
	return inputs;
}

int main(int argc, char **argv)
{
	struct seed *seeds = NULL;
	struct err e = {{0}};
	size_t n = 0;
	int ok = argc > 1;
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	state = 88172645463325252u;
	for (int i = 1; i < argc && ok; i++)
		ok = add_seeds(argv[i], &seeds, &n, &e) == 0;
	if (ok && !n)
		ok = err_set(&e, "no files to replay") == 0;
	if (argc < 2)
		err_set(&e, "usage: %s FOLDER...", name);
	long inputs = ok ? replay(seeds, n, &e) : -1;
	if (inputs < 0)
		printf("replay %s: %s\n", name, e.msg);
	else
		printf("replay %s: %ld inputs\n", name, inputs);
	printf("fuzz-%s: %d passed, %d failed\n", name, inputs >= 0, inputs < 0);
	for (size_t i = 0; i < n; i++)
		mem_free(seeds[i].bytes);
	mem_free(seeds);
	return inputs < 0;
}
