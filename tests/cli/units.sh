#!/bin/sh
# The units of text: tokenize, train, score and sample with char, byte, word and bpe.
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's; run calls functions
. tests/cli/lib.sh

tok() {
	"$RNNLM" tokenize "$@"
}
# near A B TOLERANCE
near() {
	ok awk -v a="$1" -v b="$2" -v tol="$3" 'BEGIN { exit !(a != "" && b != "" && a - b <= tol && b - a <= tol) }'
}

texts=$TMP/texts
mkdir "$texts"
head -c 20000 data/stories.txt >"$texts/stories"
printf '%s\r\n' 'Жалеть! зачем меня жалеть? -- вдруг возопил Мармеладов,' 'вставая с протянутою вперед рукой.' >"$texts/russian"
printf '　吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。「カタカナ」\n' >"$texts/japanese"
printf 'Vaka vanha V\344in\344m\366inen\ntiet\344j\344 i\344nikuinen' >"$texts/latin1"
awk 'BEGIN { srand(3); for (i = 0; i < 20000; i++) printf "%c", 1 + int(rand() * 255) }' >"$texts/random"
printf '\000\001\000\n\n  \n' >>"$texts/random"
: >"$texts/empty"

# --- without a model ------------------------------------------------------------
t "pieces of words and of bpe"
printf 'the cat sat on the mat,\nthe cat  slept; the caf\303\251\\\n' >"$TMP/cats"
run 0 tok --unit=word --pieces "$TMP/cats"
out_is 'the \scat \s s a t \s o n \sthe \s m a t , \n
the \scat \s \s s l e p t ; \sthe \s c a f \xC3 \xA9 \\ \n'
run 0 tok --unit=bpe --pieces "$TMP/cats"
out_is 'the \scat \ss at \s o n \sthe \s m at , \n
the \scat \s \ss l e p t ; \sthe \sc a f \xC3 \xA9 \\ \n'
run 0 tok --unit=bpe --vocab-size=257 --pieces --json "$TMP/cats"
out_has '{"line":1,"pieces":["t","h","e"," ","c"'
out_has '"c","a","f","\udcc3","\udca9","\\","\n"]}'

t "pieces of characters and bytes"
printf 'a b\303\251\n' >"$TMP/ab"
run 0 tok --pieces "$TMP/ab"
out_is 'a \s b é \n'
run 0 tok --pieces --unit=byte "$TMP/ab"
out_is 'a \s b \xC3 \xA9 \n'

t "vocabulary and summary"
run 0 tok --unit=bpe --vocab "$TMP/cats"
ok awk '$1 == 10 && $2 == "U+000A" && $3 == 2 && $5 == "\\n" { found = 1 } END { exit !found || NR < 260 }' "$TMP/out"
ok awk '$1 == 200 && $2 == "0xC8" && $3 == 0 && $5 == "\\xC8" { found = 1 } END { exit !found }' "$TMP/out"
ok awk '$2 == "-" && $3 == 2 && $5 == "the" { found = 1 } END { exit !found }' "$TMP/out"
run 0 tok --unit=word --json "$TMP/cats"
out_has '"unit":"word","bytes":51,"chars":50,"symbols":35'
out_has '"code":null,"count":2'
run 0 tok --unit=bpe --vocab-size=258 --vocab --json "$TMP/cats"
ok test "$(wc -l <"$TMP/out")" -eq 257

t "ids need the vocabulary that they are of"
for unit in word bpe; do
	run 2 tok --unit=$unit --ids "$TMP/cats"
	err_has 'give -m MODEL'
	out_is ''
	run 2 tok --unit=$unit --decode "$TMP/cats"
	err_has '-m MODEL'
done

t "sizes that cannot be"
run 2 tok --unit=bpe --vocab-size=256 "$TMP/cats"
err_has 'at least 257'
run 2 tok --vocab-size=300 "$TMP/cats"
err_has 'word and bpe'
run 2 tok --vocab-size=20000000 --unit=bpe "$TMP/cats"
err_has '--vocab-size'
run 2 "$RNNLM" train --unit=word --vocab-size=100 -o "$TMP/bad.safetensors" "$TMP/cats"
err_has 'at least 257'
run 2 "$RNNLM" train --vocab-size=1000 -o "$TMP/bad.safetensors" "$TMP/cats"
err_has '--min-count'
ok test ! -e "$TMP/bad.safetensors"

# --- models -----------------------------------------------------------------------
corpus=$TMP/corpus
head -c 120000 data/stories.txt >"$corpus"
printf 'na\303\257ve caf\303\251 \342\202\254\n' >>"$corpus"
for unit in char byte word bpe; do
	m=$TMP/$unit.safetensors
	t "$unit: training, and the figures per character"
	run 0 "$RNNLM" train --unit=$unit --vocab-size="$(case $unit in word) echo 1500 ;; bpe) echo 600 ;; *) echo 0 ;; esac)" \
		--hidden=32 --layers=1 --steps=250 --batch=8 --seq=32 --lr=0.02 --json --log=none -o "$m" "$corpus"
	number val_bits >"$TMP/bits.$unit"
	near "$(cat "$TMP/bits.$unit")" 2.6 0.9
	nats=$(number val_nats)
	case $unit in
	char) err_has ' nats ' ;;
	*) err_has 'nats/symbol' && err_has 'bits/char' ;;
	esac

	t "$unit: score of the held-out tail"
	run 0 "$RNNLM" score --json -m "$m" -f "$corpus" --tail 0.1
	near "$(number bits_per_char)" "$(cat "$TMP/bits.$unit")" 1e-3
	number chars >"$TMP/chars.$unit"
	same "$TMP/chars.$unit" "$TMP/chars.char"
	near "$(awk "BEGIN { print $(number nats) / $(number tokens) }")" "$nats" 1e-3
	tokens=$(number tokens)
	run 0 "$RNNLM" score --json -m "$m" -f "$corpus" --tail 0.1 --carry
	ok test "$(number tokens)" = "$tokens"
	ok test "$(number chars)" = "$(cat "$TMP/chars.char")"
	run 0 "$RNNLM" score --json -m "$m" -f "$corpus" --tail 0.1 --window 50
	ok test "$(number tokens)" = "$tokens"
	ok test "$(number chars)" = "$(cat "$TMP/chars.char")"

	t "$unit: the symbols of a text, one by one"
	printf 'The naïve cat\nsaid: 猫 \377' >"$TMP/line"
	run 0 "$RNNLM" score --json --per-token -m "$m" -f "$TMP/line"
	near "$(grep -o '"nats":[0-9.e-]*,"rank"' "$TMP/out" | tr -dc '0-9.e\n-' | awk '{ s += $1 } END { print s }')" "$(number nats)" 1e-3
	ok test "$(number chars)" = 23
	ok test "$(grep -o '"rank":' "$TMP/out" | wc -l)" = "$(number tokens)"
	run 0 "$RNNLM" score --per-token -m "$m" -f "$TMP/line"
	ok awk 'NR > 1 && !NF { exit } NR > 1 && NF != 11 { bad = 1 } END { exit bad }' "$TMP/out"
	run 0 "$RNNLM" score --json --per-token --window 3 -m "$m" -f "$TMP/line"
	"$RNNLM" tokenize --pieces --json -m "$m" "$TMP/line" 2>"$TMP/err" | sed 's/.*\[//; s/\]}//' | tr ',' '\n' >"$TMP/want"
	grep -o '{"symbol":"[^"]*","id"' "$TMP/out" | sed 's/{"symbol"://; s/,"id"//' >"$TMP/got"
	same "$TMP/got" "$TMP/want"
	run 0 "$RNNLM" score --next 5 -m "$m" "The cat"
	ok test "$(wc -l <"$TMP/out")" -eq 6

	t "$unit: lines alone add up"
	run 0 "$RNNLM" score --lines --json -m "$m" -f "$TMP/line"
	ok test "$(sed -n 's/.*"chars":\([0-9]*\).*/\1/p' "$TMP/out" | awk '{ s += $1 } END { print s }')" = 23

	t "$unit: samples are whole"
	run 0 "$RNNLM" sample -m "$m" -n 300 --seed=1
	ok iconv -f UTF-8 -t UTF-8 "$TMP/out"
	run 0 "$RNNLM" sample -m "$m" -n 0 --prompt 'A naïve 猫'
	out_is 'A naïve 猫'
	run 0 "$RNNLM" sample -m "$m" -n 40 --seed=1 --json
	ok test "$(number tokens)" -ge 40

	t "$unit: info"
	run 0 "$RNNLM" info "$m"
	ok grep -q "^unit  *$unit\$" "$TMP/out"
	ok grep -q "bits per character" "$TMP/out"
	run 0 "$RNNLM" info --json "$m"
	near "$(number val_bits)" "$(cat "$TMP/bits.$unit")" 1e-4
	case $unit in
	word | bpe) ok test "$(number embed)" = 32 ;;
	*) ok test "$(number embed)" = 0 ;;
	esac

	t "$unit: ids and back, byte for byte"
	for text in "$texts"/*; do
		run 0 tok --ids -m "$m" "$text"
		cp "$TMP/out" "$TMP/ids"
		unknown=$(sed -n 's/rnnlm: \([0-9]*\) symbols* .* unknown.*/\1/p' "$TMP/err")
		run 0 tok --decode -m "$m" "$TMP/ids"
		case $unit in
		char) # what is lost is told
			if [ -z "$unknown" ]; then
				same "$TMP/out" "$text"
			else
				err_has "$unknown id"
			fi
			;;
		*)
			ok test -z "$unknown"
			same "$TMP/out" "$text"
			;;
		esac
	done
done

t "the same vocabulary and model again"
run 0 "$RNNLM" train --unit=bpe --vocab-size=600 --hidden=32 --layers=1 --steps=250 --batch=8 --seq=32 --lr=0.02 \
	--log=none --threads=1 -o "$TMP/again.safetensors" "$corpus"
same "$TMP/again.safetensors" "$TMP/bpe.safetensors"

t "one-hot input if it is asked for"
run 0 "$RNNLM" train --unit=word --embed=0 --hidden=8 --layers=1 --steps=2 --log=none -o "$TMP/onehot.safetensors" "$corpus"
run 0 "$RNNLM" info --json "$TMP/onehot.safetensors"
ok test "$(number embed)" = 0

t "a validation file, and the tail of nothing"
run 0 "$RNNLM" train --unit=word --hidden=8 --layers=1 --steps=5 --log=none --json --val "$texts/japanese" \
	-o "$TMP/val.safetensors" "$corpus"
bits=$(number val_bits)
run 0 "$RNNLM" score --json -m "$TMP/val.safetensors" -f "$texts/japanese"
near "$(number bits_per_char)" "$bits" 2e-3

finish
