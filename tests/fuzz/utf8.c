/* Any bytes, decoded and encoded, are the same bytes; counting, decoding in
 * parts and corpus_offset agree with decoding. */
#include <stdlib.h>

#include "text/corpus.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool so)
{
	if (!so)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i = 0, symbols = 0, bad = 0, counted_bad = 0;
	while (i < size) {
		uint32_t cp, part_cp;
		unsigned char back[4];
		size_t n = utf8_decode(data + i, size - i, &cp);
		require(n >= 1 && n <= 4 && n <= size - i);
		require(utf8_encode(cp, back) == n);
		for (size_t k = 0; k < n; k++)
			require(back[k] == data[i + k]);
		require(n == 1 || !utf8_is_escape(cp));

		size_t part = utf8_decode_part(data + i, size - i, &part_cp);
		require(part ? part == n && part_cp == cp : utf8_is_escape(cp));
		for (size_t k = 1; k < n; k++)
			require(utf8_decode_part(data + i, k, &part_cp) == 0);
		i += n;
		symbols++;
		bad += utf8_is_escape(cp);
	}
	require(utf8_count(data, size, &counted_bad) == symbols);
	require(counted_bad == bad);
	require(corpus_offset(UNIT_CHAR, data, size, symbols) == size);
	return 0;
}
