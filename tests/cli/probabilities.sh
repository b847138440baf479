#!/bin/sh
# What score says are probabilities, for every unit and for vocabularies beyond a thousand:
# at each step all of them sum to 1, those of a text multiply to its own, and it does not
# matter in what company a text is read.
# shellcheck disable=SC2016,SC2317 # dollars are awk's; run calls functions
. tests/cli/lib.sh

corpus=$TMP/corpus.txt
head -c 100000 data/stories.txt >"$corpus"
{
	sed -n '20,50p' "$corpus" | cut -c 1-90
	printf 'Naïve 猫\n\nno line end'
} >"$TMP/text"

near() { # A B TOLERANCE
	awk -v a="$1" -v b="$2" -v tol="$3" 'BEGIN { exit !(a != "" && b != "" && a - b <= tol && b - a <= tol) }' || {
		echo "$1 is not near $2"
		return 1
	}
}
# The list of --next, a line of id and probability each.
listed() {
	sed 's/.*"next":\[//' "$TMP/out" | tr '{' '\n' | sed -n 's/.*"id":\([0-9]*\),"prob":\([^}]*\)}.*/\1 \2/p'
}

for unit in char byte word bpe; do
	m=$TMP/$unit.safetensors
	size=0
	case $unit in word | bpe) size=1500 ;; esac
	t "$unit: a model"
	run 0 "$RNNLM" train --unit=$unit --vocab-size=$size --hidden=16 --layers=1 --steps=40 --batch=8 --seq=16 --log=none \
		--threads=1 -o "$m" "$corpus"
	vocab=$("$RNNLM" info "$m" | sed -n 's/^vocab  *\([0-9]*\).*/\1/p')
	[ $size = 0 ] || ok is "$vocab" $size

	t "$unit: after any beginning the whole vocabulary sums to 1, likeliest first"
	for before in '' T 'The ' 'The cloud' 'She said: ' 'Naïve 猫'; do
		run 0 "$RNNLM" score --json -m "$m" --next 1000000 "$before"
		listed >"$TMP/all"
		ok is "$(cut -d ' ' -f 1 "$TMP/all" | sort -nu | wc -l | tr -d ' ')" "$vocab"
		ok awk 'NR > 1 && !($2 <= last) { exit 1 } { last = $2; s += $2 } END { if (!(s > 1 - 1e-5 && s < 1 + 1e-5)) exit 1 }' "$TMP/all"
	done

	t "$unit: a shorter list is the beginning of the whole"
	for k in 1 5 6 50; do
		run 0 "$RNNLM" score --json -m "$m" --next $k 'Naïve 猫'
		listed >"$TMP/some"
		ok is "$(wc -l <"$TMP/some" | tr -d ' ')" $k
		head -n $k "$TMP/all" | cmp -s - "$TMP/some" || ok is "first $k" same
	done

	t "$unit: the symbols of a text multiply to it; a stream, lines together and lines alone agree"
	run 0 "$RNNLM" score --json --per-token -m "$m" -f "$TMP/text"
	nats=$(num nats)
	ok near "$(tr '{' '\n' <"$TMP/out" | sed -n 's/.*"id":[0-9]*,"prob":\([^,]*\),"nats".*/\1/p' |
		awk '{ s -= log($1) } END { printf "%.9g", s }')" "$nats" 1e-4
	run 0 "$RNNLM" score --json -m "$m" -f "$TMP/text"
	ok near "$(num nats)" "$nats" 1e-4
	run 0 "$RNNLM" score --json --lines -m "$m" -f "$TMP/text"
	num nats >"$TMP/together"
	ok is "$(wc -l <"$TMP/together" | tr -d ' ')" 34
	for line in 1 9 32 33 34; do
		sed -n "${line}p" "$TMP/text" >"$TMP/one"
		[ $line != 34 ] || printf 'no line end' >"$TMP/one"
		run 0 "$RNNLM" score --json -m "$m" -f "$TMP/one"
		ok near "$(num nats)" "$(sed -n "${line}p" "$TMP/together")" 1e-4
	done
done

finish
