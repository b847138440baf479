/* The list of cells. */
#include "nn/cell.h"

#include <string.h>

#define NAME(symbol, text) text,
const char *const cell_names[] = {CELL_LIST(NAME) NULL};

#ifdef ONLY_BASE
#define ROW(symbol, text) {&cell_##symbol##_base, &cell_##symbol##_base, &cell_##symbol##_base},
#else
#define ROW(symbol, text) {&cell_##symbol##_base, &cell_##symbol##_avx2, &cell_##symbol##_avx512},
#endif
static const struct cell *const cells[][ISA_COUNT] = {CELL_LIST(ROW)};

const struct cell *cell_get(int index, enum kern_isa isa)
{
	return cells[index][isa];
}

int cell_index(const char *name)
{
	for (int i = 0; cell_names[i]; i++)
		if (strcmp(cell_names[i], name) == 0)
			return i;
	return -1;
}
