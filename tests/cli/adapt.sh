#!/bin/sh
# rnnlm score --dynamic and --mix-ngram, and the figures that train compares with.
# shellcheck disable=SC2317 # run calls the functions
. tests/cli/lib.sh

corpus=$TMP/corpus.txt model=$TMP/m.safetensors flat=$TMP/flat.safetensors
sentences a >"$corpus"
# Words that the corpus does not have, over and over.
awk 'BEGIN { for (i = 0; i < 150; i++) print "undo the tent", i % 3 ? "then mend" : "and hope" }' >"$TMP/other.txt"
tr -d '\n' <"$corpus" >"$TMP/flat.txt"

train() {
	"$RNNLM" train "$@" --hidden=16 --layers=1 --steps=150 --batch=8 --seq=16 --lr=0.02 --dropout=0 --log=none
}
score() {
	"$RNNLM" score -m "$model" "$@"
}
protocol() {
	sed -n 's/.*"protocol":"\([^"]*\)".*/\1/p' "$TMP/out"
}
holds() { # EXPRESSION of awk
	awk "BEGIN { exit !($1) }" || {
		echo "not so: $1"
		return 1
	}
}

t "train compares with unigram and 5-gram, on the same text"
run 0 train --json "$corpus" -o "$model"
unigram=$(num unigram_nats) ngram=$(num ngram_nats)
ok holds "$unigram > $ngram && $ngram > 0 && $unigram < log(30)"
ok holds "$(num ngram_bytes) > 1000"
err_has "to compare: unigram $(printf %.4f "$unigram") nats"
err_has "5-gram $(printf %.4f "$ngram") nats"

t "without held-out text there is nothing to compare"
run 0 train --json --val-frac=0 "$corpus" -o "$TMP/x.safetensors"
ok is "$(num unigram_nats) $(num ngram_nats) $(num ngram_bytes)" "null null null"

t "per character of a text whose unit is the byte"
run 0 train --json --unit=byte --val "$corpus" "$corpus" -o "$TMP/x.safetensors"
bytes=$(num unigram_nats)
sed 's/e/é/g' "$corpus" >"$TMP/two.txt"
run 0 train --json --unit=byte --val "$TMP/two.txt" "$TMP/two.txt" -o "$TMP/x.safetensors"
shown=$(sed -n 's/.*unigram \([0-9.]*\) nats.*/\1/p' "$TMP/err")
ok holds "$shown > $(num unigram_nats) * 1.02 && $bytes > 0"

t "a vocabulary without newline"
run 0 train "$TMP/flat.txt" -o "$flat"
err_has "to compare: "
run 0 "$RNNLM" score -m "$flat" --json --dynamic 0.01 --mix-ngram 3 "the cat"
ok is "$(num tokens) $(protocol)" "6 text,first-unscored,dynamic:0.01:32:0.0001,mix-ngram:3,carried"
ok holds "$(num nats) > 0"

t "stopped training does not compare"
cat "$corpus" "$corpus" "$corpus" >"$TMP/long.txt"
"$RNNLM" train --json --hidden=32 --for 30s --log=none "$TMP/long.txt" -o "$TMP/x.safetensors" >"$TMP/out" 2>"$TMP/err" &
child=$!
tries=0
until [ -s "$TMP/err" ] || [ "$tries" = 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
sleep 0.3
kill -INT "$child"
status=0
wait "$child" || status=$?
ok is "$status" 130
ok is "$(num unigram_nats) $(num ngram_nats)" "null null"
ok is "$(grep -c 'to compare' "$TMP/err")" 0

t "figures side by side"
run 0 score --json -f "$TMP/other.txt"
nats=$(num nats)
run 0 score --json -f "$TMP/other.txt" --dynamic 0.01 --mix-ngram 4
ok is "$(num static_nats)" "$nats"
ok holds "$(num dynamic_nats) < $nats && $(num mixed_nats) < $nats && $(num nats) < $(num dynamic_nats)"
ok holds "$(num nats) > 0 && $(num bits_per_char) > 0 && $(num tokens) == $(num chars)"
ok is "$(protocol)" "stream,dynamic:0.01:32:0.0001,mix-ngram:4"
both=$(num bits_per_char)
run 0 score -f "$TMP/other.txt" --dynamic 0.01 --mix-ngram 4
ok is "$(awk 'NR == 1 { print $9, $10, $11, $12, $13 }' "$TMP/out")" "static dynamic mixed both protocol"
ok holds "$(awk 'NR == 2 { print "(" $12 " - " }' "$TMP/out")$both)^2 < 1e-7"
ok is "$(awk 'NR == 2 { print ($9 > $10) ($9 > $11) ($10 > $12) ($12 == $5) }' "$TMP/out")" 1111

t "only what was asked for"
run 0 score --json -f "$TMP/other.txt" --dynamic 0.01
ok is "$(num dynamic_nats) $(num mixed_nats)" "$(num nats) "
run 0 score --json -f "$TMP/other.txt" --mix-ngram 4
ok is "$(num mixed_nats) $(num dynamic_nats)" "$(num nats) "
run 0 score "the cat" --mix-ngram 4
ok is "$(awk 'NR == 1 { print $9, $10, $11 }' "$TMP/out")" "static mixed protocol"
run 0 score --json "the cat"
ok is "$(num static_nats)$(num dynamic_nats)$(num mixed_nats)" ""

t "rate 0 is the model as it was trained"
run 0 score --json --lines -f "$TMP/other.txt"
num nats >"$TMP/want"
run 0 score --json --lines -f "$TMP/other.txt" --dynamic 0 --dynamic-decay 0.5
num nats >"$TMP/got"
same "$TMP/got" "$TMP/want"

t "nothing is learned before it is scored"
printf 'the cat\nmendmend\nthe cat\n' >"$TMP/a"
printf 'the cat\nmendmenp\nthe cat\n' >"$TMP/b"
run 0 score --json --lines -f "$TMP/a" --dynamic 0.02 --mix-ngram 3
ok is "$(protocol | sort -u)" "lines,dynamic:0.02:32:0.0001,mix-ngram:3,carried"
num nats >"$TMP/na"
run 0 score --json --lines -f "$TMP/b" --dynamic 0.02 --mix-ngram 3
num nats >"$TMP/nb"
ok is "$(sed -n 1p "$TMP/na")" "$(sed -n 1p "$TMP/nb")"
ok test "$(sed -n 3p "$TMP/na")" != "$(sed -n 3p "$TMP/nb")"
ok test "$(sed -n 1p "$TMP/na")" != "$(sed -n 3p "$TMP/na")"

t "lines one by one through a pipe are lines all at once"
run 0 score --json --lines -f "$TMP/other.txt" --dynamic 0.02 --mix-ngram 3
num nats >"$TMP/want"
slowly() {
	{
		head -n 70 "$TMP/other.txt"
		sleep 0.2
		tail -n +71 "$TMP/other.txt"
	} | score --json --lines --dynamic 0.02 --mix-ngram 3
}
run 0 slowly
num nats >"$TMP/got"
same "$TMP/got" "$TMP/want"

t "the model file stays as it is, and any number of threads gives the same"
cp "$model" "$TMP/before"
run 0 score --json -f "$TMP/other.txt" --dynamic 0.01 --threads=1
cp "$TMP/out" "$TMP/one"
run 0 score --json -f "$TMP/other.txt" --dynamic 0.01 --threads=3
same "$TMP/out" "$TMP/one"
same "$model" "$TMP/before"

t "a corpus counted first"
run 0 score --json -f "$TMP/other.txt" --mix-ngram 4
without=$(num nats)
run 0 score --json -f "$TMP/other.txt" --mix-ngram 4 --ngram-corpus "$TMP/other.txt"
err_has "symbols counted"
ok is "$(protocol)" "stream,mix-ngram:4+corpus"
ok holds "$(num nats) < $without"

t "the tail, alone and after what stands before it"
run 0 score --json -f "$TMP/other.txt" --tail 0.2 --mix-ngram 4 --dynamic 0.01
alone=$(num nats) tokens=$(num tokens)
run 0 score --json -f "$TMP/other.txt" --tail 0.2 --carry --mix-ngram 4 --dynamic 0.01
ok is "$(protocol) $(num tokens)" "tail:0.2+carry,dynamic:0.01:32:0.0001,mix-ngram:4 $tokens"
ok holds "$(num nats) < $alone"

t "segments of any length"
for n in 1 7 64 4096; do
	run 0 score --json -f "$TMP/other.txt" --dynamic 0.005 --dynamic-seq "$n"
	ok is "$(num tokens)" "$(wc -c <"$TMP/other.txt" | tr -d ' ')"
	ok holds "$(num nats) <= $(num static_nats)"
done

t "empty texts, and symbols that the model lacks"
: >"$TMP/empty"
run 0 score --json -f "$TMP/empty" --dynamic 0.01 --mix-ngram 2
ok is "$(num tokens) $(num nats) $(num static_nats) $(num bits_per_char)" "0 0 0 null"
run 0 score -f "$TMP/empty" --dynamic 0.01 --mix-ngram 2
ok is "$(awk 'NR == 2 { print $9, $10, $11, $12 }' "$TMP/out")" "- - - -"
run 0 score --json "QQQ the" --dynamic 0.01 --mix-ngram 2
ok is "$(num unknown)" 3
ok holds "$(num nats_known) < $(num nats) && $(num nats_known) > 0"

t "what does not go together"
for option in --window=5 --next=3 --per-token; do
	run 2 score -f "$corpus" --dynamic 0.01 "$option"
	err_has "${option%%=*}"
done
run 2 score --rank a b --mix-ngram 3
err_has "--mix-ngram and --rank"
run 2 score -f "$corpus" --ngram-corpus "$corpus"
err_has "needs --mix-ngram"
for option in --dynamic-seq=8 --dynamic-decay=0.1; do
	run 2 score --mix-ngram 3 $option text
	err_has "${option%=*} is for dynamic evaluation: it needs --dynamic"
done
for option in --per-token --heat --html; do
	run 2 score --mix-ngram 3 $option text
	err_has "--mix-ngram and $option exclude"
done
run 2 score -f - --mix-ngram 3 --ngram-corpus -
err_has "standard input"
run 2 score a --mix-ngram 0
err_has "mix-ngram"
run 2 score a --mix-ngram 17
err_has "mix-ngram"
run 2 score a --dynamic=-1
run 1 score a --mix-ngram 3 --ngram-corpus "$TMP/none.txt"
err_has none.txt

t "too little memory is said, wherever it happens"
failed=0 worse=0
for n in 1 20 40 50 60 70 80 90 100 110; do
	status=0
	RNNLM_FAIL_ALLOC=$n score --dynamic 0.01 --mix-ngram 9 -f "$TMP/other.txt" >"$TMP/out" 2>"$TMP/err" || status=$?
	if [ "$status" = 1 ] && grep -q 'out of memory' "$TMP/err"; then
		failed=$((failed + 1))
	elif [ "$status" != 0 ]; then
		worse=$((worse + 1))
	fi
done
ok test "$failed" -gt 3
ok is "$worse" 0

finish
