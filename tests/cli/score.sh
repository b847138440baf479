#!/bin/sh
# rnnlm score, from outside. A tiny model is trained once; what it says is
# checked against itself by other ways of asking.
# shellcheck disable=SC2016,SC2317 # dollars are awk's or an inner shell's; run calls the functions
. tests/cli/lib.sh

good=$TMP/m.safetensors
corpus=$TMP/corpus.txt
sentences a >"$corpus"
train() {
	"$RNNLM" train "$@" --hidden=16 --layers=1 --steps=150 --batch=8 --seq=16 --seed=1 --lr=0.02 --dropout=0
}
t "a model to score with"
run 0 train "$corpus" -o "$good"
tr -d '\n' <"$corpus" >"$TMP/flat.txt"
flat=$TMP/flat.safetensors # its vocabulary has no newline
run 0 train "$TMP/flat.txt" -o "$flat"

score() {
	"$RNNLM" score -m "$good" "$@"
}
# score_in TEXT [OPTION...]: the text, as printf %b has it, through a pipe.
score_in() {
	text=$1
	shift
	printf '%b' "$text" | "$RNNLM" score -m "$good" "$@"
}
# near A B [RELATIVE ERROR]
near() {
	awk -v a="$1" -v b="$2" -v tol="${3:-1e-5}" 'BEGIN {
		d = a - b; d = d < 0 ? -d : d; m = b < 0 ? -b : b
		if (a == "" || b == "") exit 1
		exit !(d <= tol * (m > 1 ? m : 1)) }' || {
		echo "$1 is not near $2"
		return 1
	}
}

# --- texts ------------------------------------------------------------------------

t "figures of a text fit together"
run 0 score --json "the cat sat"
ok is "$(num tokens) $(num chars) $(num unknown)" "11 11 0"
ok is "$(str protocol)" text
nats=$(num nats)
ok near "$(num log10p)" "$(awk -v n="$nats" 'BEGIN { print -n / log(10) }')"
ok near "$(num nats_per_char)" "$(awk -v n="$nats" 'BEGIN { print n / 11 }')"
ok near "$(num bits_per_char)" "$(awk -v n="$nats" 'BEGIN { print n / 11 / log(2) }')"
ok near "$(num perplexity)" "$(awk -v n="$nats" 'BEGIN { print exp(n / 11) }')"
ok is "$(num nats_known)" "$nats"

t "the model has learnt something: sense is likelier than noise"
run 0 score --json "the cat sat on the mat" "pmd..pmd..pmd..pmd..pm"
ok awk -v a="$(num nats | sed -n 1p)" -v b="$(num nats | sed -n 2p)" 'BEGIN { exit !(a + 0 < b - 10) }'

t "JSON has these keys, one object a text"
run 0 score --json "the cat"
sed 's/:"[^"]*"/:0/g; s/[^"]*"\([a-z0-9_]*\)":/\1 /g; s/[ ][^ a-z]*$//' "$TMP/out" >"$TMP/keys"
ok is "$(cat "$TMP/keys")" "text protocol tokens chars nats log10p nats_per_char bits_per_char perplexity unknown nats_known"
run 0 score --json a b c
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 3

t "the table says the same as JSON"
run 0 score --json "the cat sat"
nats=$(num nats)
run 0 score "the cat sat"
ok is "$(sed -n 1p "$TMP/out" | awk '{ print $1, $2, $3, $NF }')" "tokens nats log10P text"
ok is "$(awk 'NR == 2 { print $1, $7, $9, $10, $11, $12 }' "$TMP/out")" "11 0 text the cat sat"
ok near "$(awk 'NR == 2 { print $2 }' "$TMP/out")" "$nats" 1e-3

t "texts do not influence each other"
run 0 score --json "then"
cp "$TMP/out" "$TMP/one"
run 0 score --json "the dog ran under a tree" "then" "a"
sed -n 2p "$TMP/out" >"$TMP/two"
ok same "$TMP/one" "$TMP/two"

t "two halves: P(ab) = P(a) P(b after a), by --per-token"
run 0 score --json "the c"
half=$(num nats)
run 0 score --per-token "the cat"
ok near "$(awk 'NR > 1 && NR < 7 { s += $3 } END { print s }' "$TMP/out")" "$half" 1e-3

t "empty text: no tokens, nothing to divide by"
run 0 score --json ""
ok is "$(num tokens) $(num nats) $(num log10p)" "0 0 0"
ok is "$(num nats_per_char) $(num bits_per_char) $(num perplexity)" "null null null"
run 0 score ""
ok is "$(awk 'NR == 2 { print $1, $4, $5, $6 }' "$TMP/out")" "0 - - -"

t "a text that looks like an option"
run 0 score --json -- "--lines"
out_has '"text":"--lines"'

t "control characters do not reach the terminal"
run 0 score "$(printf 'the\ncat\033[31m')"
out_has 'the\ncat\x1B[31m'
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 2

# --- per token ----------------------------------------------------------------------

t "probabilities multiply to the text's"
run 0 score --json "the dog slept."
nats=$(num nats)
run 0 score --per-token "the dog slept."
ok is "$(awk 'NF == 0 { exit } { print $1 }' "$TMP/out" | tr '\n' ,)" \
	'symbol,t,h,e,\s,d,o,g,\s,s,l,e,p,t,.,'
ok near "$(awk 'NF == 0 { exit } NR > 1 { s -= log($2) } END { print s }' "$TMP/out")" "$nats" 1e-4
ok near "$(awk 'NF == 0 { exit } NR > 1 { s += $3 } END { print s }' "$TMP/out")" "$nats" 1e-3
ok near "$(awk 'NF == 0 { exit } NR > 1 { s += $4 } END { print s * log(2) }' "$TMP/out")" "$nats" 1e-3

t "rank 1 is the first of the likeliest, and has its probability"
run 0 score --per-token "the dog slept. the cat"
ok awk 'NF == 0 { exit !ones } NR > 1 && $5 == 1 { ones++; d = $2 - $7; if ($1 != $6 || d * d > 1e-6) { print; exit 1 } }
	NR > 1 && $5 > 1 && $7 < $2 - 1e-3 { print; exit 1 }' "$TMP/out"

t "per-token JSON: symbols make the text, nats the sum"
run 0 score --json --per-token "the c\\t \"q\""
out_has '"per_token":[{"symbol":"t","id":'
tr '{' '\n' <"$TMP/out" | sed -n 's/^"symbol":\(.*\),"id":.*"nats":\([^,]*\),.*/\1 \2/p' >"$TMP/rows"
ok is "$(sed 's/ [^ ]*$//' "$TMP/rows" | tr -d '\n')" '"t""h""e"" ""c""\\""t"" ""\"""q""\""'
ok near "$(awk '{ s += $NF } END { print s }' "$TMP/rows")" "$(num nats)"
ok is "$(tr '{' '\n' <"$TMP/out" | grep -c '"prob".*}' | tr -d ' ')" 55

# --- unknown symbols -----------------------------------------------------------------

t "unknown symbols are counted, left out of nats_known, named"
run 0 score --json "the Zatö"
ok is "$(num unknown) $(num tokens)" "2 8"
ok awk -v a="$(num nats)" -v k="$(num nats_known)" 'BEGIN { exit !(k > 0 && k < a - 1) }'
err_has "2 symbols that the model does not know (Z, ö)"
run 0 score "the Zatö"
ok is "$(awk 'NR == 2 { print $7 }' "$TMP/out")" 2
run 0 score --per-token "aZ"
out_has '<unk>:Z'

t "nats_known is the sum over the others"
run 0 score --json --per-token "a Z cat"
known=$(num nats_known)
tr '{' '\n' <"$TMP/out" | grep '"id"' | grep -v '"symbol":"Z"' >"$TMP/rows"
ok near "$(sed 's/.*"nats":\([^,]*\),.*/\1/' "$TMP/rows" | awk '{ s += $1 } END { print s }')" "$known"

t "bytes that are not UTF-8 come back as \\udcXX"
run 0 score --json "$(printf 'a\377t')"
out_has '"text":"a\udcfft"'
ok is "$(num tokens) $(num chars) $(num unknown)" "3 3 1"
run 0 score "$(printf 'a\377t')"
out_has 'a\xFFt'

# --- rank -------------------------------------------------------------------------------

t "relative probabilities sum to 1, in order"
run 0 score --rank "tac eht" "the cat" "the cta"
ok is "$(awk 'NR > 1 { print $1 }' "$TMP/out" | tr '\n' ' ')" "1 2 3 "
ok near "$(awk 'NR > 1 { s += $2 } END { print s }' "$TMP/out")" 1 1e-4
ok is "$(awk 'NR == 2 { print $8, $9 }' "$TMP/out")" "the cat"
run 0 score --rank --json "tac eht" "the cat" "the cta"
ok near "$(num relative | awk '{ s += $1 } END { print s }')" 1 1e-9
ok near "$(num relative | sed -n 2p)" \
	"$(num nats | awk 'NR == 1 { a = $1 } { s += exp(a - $1) } NR == 2 { p = exp(a - $1) } END { print p / s }')"
ok is "$(num rank | tr '\n' ' ')" "1 2 3 "

t "equal texts share a rank, in the order given"
run 0 score --rank --json a a
ok is "$(num rank | tr '\n' ' ')" "1 1 "
ok is "$(num relative | tr '\n' ' ')" "0.5 0.5 "

t "lines can be ranked too"
run 0 score_in 'tac\nthe cat\n' --lines --rank --json
ok is "$(num rank | tr '\n' ' ')" "1 2 "
ok near "$(num relative | awk '{ s += $1 } END { print s }')" 1 1e-9

# --- lines ------------------------------------------------------------------------------

t "each line is what it is alone, with its newline"
run 0 score_in 'the cat\n\na dog' --lines --json
cp "$TMP/out" "$TMP/lines"
ok is "$(str protocol | sort -u)" lines
ok is "$(num line | tr '\n' ' ')" "1 2 3 "
lines=$(num nats)
run 0 score --json "the cat
" "
" "a dog"
ok is "$(num nats)" "$lines"
ok grep -q '"line":2,"text":"","protocol":"lines","tokens":1,"chars":1,' "$TMP/lines"

t "a long file of lines, in order, the same as line by line"
head -n 1100 "$corpus" | awk '{ print; print substr($0, 1, NR % 7) }' >"$TMP/many"
run 0 score --lines -f "$TMP/many" --json
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" "$(wc -l <"$TMP/many" | tr -d ' ')"
sed 's/.*"text":"\([^"]*\)".*/\1/' "$TMP/out" >"$TMP/texts"
ok same "$TMP/texts" "$TMP/many"
want=$(num nats | sed -n '700,705p')
sed -n '700,705p' "$TMP/many" >"$TMP/some"
run 0 score --lines -f "$TMP/some" --json
ok is "$(num nats)" "$want"

t "lines are scored as they come"
mkfifo "$TMP/fifo"
"$RNNLM" score -m "$good" --lines --json <"$TMP/fifo" >"$TMP/live" 2>"$TMP/live.err" &
pid=$!
exec 3>"$TMP/fifo"
printf 'the cat\nthe d' >&3
tries=0
until [ -s "$TMP/live" ] || [ "$tries" = 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
ok is "$(wc -l <"$TMP/live" | tr -d ' ')" 1
printf 'og\n' >&3
exec 3>&-
status=0
wait "$pid" || status=$?
ok is "$status" 0
ok grep -q '"text":"the dog"' "$TMP/live"

t "Ctrl-C while waiting for a line: 130, and what was scored is there"
: >"$TMP/live"
"$RNNLM" score -m "$good" --lines --json <"$TMP/fifo" >"$TMP/live" 2>"$TMP/live.err" &
pid=$!
exec 3>"$TMP/fifo"
echo 'the cat' >&3
tries=0
until [ -s "$TMP/live" ] || [ "$tries" = 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
sleep 0.2
kill -INT "$pid"
status=0
wait "$pid" || status=$?
exec 3>&-
ok is "$status" 130
ok is "$(wc -l <"$TMP/live" | tr -d ' ')" 1
ok grep -q interrupted "$TMP/live.err"

t "no lines: nothing"
run 0 score_in '' --lines --json
out_is ""

t "a line may hold a NUL"
run 0 score_in 'a\0000b\n' --lines --json
ok is "$(num tokens)" 4
out_has '"text":"a\u0000b"'

# --- files -------------------------------------------------------------------------------

t "a file is one stream: as the same text given as TEXT"
printf 'the cat\nsat.' >"$TMP/f"
run 0 score --json "$(cat "$TMP/f")"
nats=$(num nats)
run 0 score -f "$TMP/f" --json
ok is "$(num nats)" "$nats"
ok is "$(str protocol)" stream
out_has '"file":"'
run 0 score_in 'the cat\nsat.' --json
ok is "$(num nats)" "$nats"
out_has '"file":"-"'
run 0 score_in 'the cat\nsat.' -f - --json
ok is "$(num nats)" "$nats"

t "the state is carried over blocks: per-token adds up over a long stream"
run 0 score --json -f "$corpus"
nats=$(num nats)
ok is "$(num tokens)" "$(wc -c <"$corpus" | tr -d ' ')"
run 0 score --per-token -f "$corpus"
ok near "$(awk 'NF == 0 { exit } NR > 1 { s += $3 } END { print s }' "$TMP/out")" "$nats" 1e-4
run 0 score --per-token --json -f "$corpus"
ok near "$(tr '{' '\n' <"$TMP/out" | sed -n 's/.*"id":.*"nats":\([^,]*\),.*/\1/p' |
	awk '{ s += $1 } END { printf "%.9g", s }')" "$nats" 1e-6
ok is "$(num nats)" "$nats"

t "threads change nothing"
run 0 score --json -f "$corpus" --threads 1
one=$(num nats)
run 0 score --json -f "$corpus" --threads 3
ok is "$(num nats)" "$one"

t "windows start from the zero state with the symbol before them"
printf 'the\ncat\nsat\n' >"$TMP/f"
run 0 score --json "the
" "cat
" "sat
"
want=$(num nats | awk '{ s += $1 } END { printf "%.9g", s }')
run 0 score --json --window 4 -f "$TMP/f"
ok near "$(num nats)" "$want" 1e-6
ok is "$(str protocol) $(num tokens)" "window:4 12"
run 0 score --json --window 100 -f "$TMP/f"
wide=$(num nats)
run 0 score --json -f "$TMP/f"
ok is "$wide" "$(num nats)"
run 0 score --json --window 5 -f "$corpus"
ok is "$(num tokens)" "$(wc -c <"$corpus" | tr -d ' ')"
nats=$(num nats)
run 0 score --per-token --window 5 -f "$corpus"
ok near "$(awk 'NF == 0 { exit } NR > 1 { s += $3 } END { print s }' "$TMP/out")" "$nats" 1e-4

t "the tail is the last n - floor(n (1 - F)) symbols"
size=$(wc -c <"$corpus" | tr -d ' ')
cut=$((size * 9 / 10))
tail -c +$((cut + 1)) "$corpus" >"$TMP/tail"
run 0 score --json -f "$TMP/tail"
want=$(num nats)
run 0 score --json -f "$corpus" --tail 0.1
ok is "$(num nats)" "$want"
ok is "$(str protocol) $(num tokens)" "tail:0.1 $((size - cut))"
run 0 score --json -f "$corpus" --tail 1
ok is "$(num tokens)" "$size"

t "--carry reads the text before, and scores the tail: whole = head + tail"
run 0 score --json -f "$corpus"
whole=$(num nats)
head -c "$cut" "$corpus" >"$TMP/head"
run 0 score --json -f "$TMP/head"
before=$(num nats)
run 0 score --json -f "$corpus" --tail 0.1 --carry
ok is "$(str protocol) $(num tokens)" "tail:0.1+carry $((size - cut))"
ok near "$(awk -v a="$before" -v b="$(num nats)" 'BEGIN { printf "%.9g", a + b }')" "$whole" 1e-6

t "the tail is what training held out"
"$RNNLM" train "$corpus" -o "$TMP/held.safetensors" --hidden=16 --layers=1 --steps=20 --batch=8 \
	--seq=16 --seed=1 --val-frac 0.1 --json >"$TMP/summary" 2>/dev/null
run 0 "$RNNLM" score -m "$TMP/held.safetensors" -f "$corpus" --tail 0.1 --json
ok near "$(num nats_per_char)" "$(sed -n 's/.*"val_nats":\([^,}]*\).*/\1/p' "$TMP/summary" | tail -n 1)" 1e-3

t "an empty file"
: >"$TMP/empty"
run 0 score -f "$TMP/empty" --json
ok is "$(num tokens) $(num nats) $(num perplexity)" "0 0 null"
run 0 score -f "$TMP/empty" --json --tail 0.5 --carry
ok is "$(num tokens)" 0
run 0 score -f "$TMP/empty" --json --window 3
ok is "$(num tokens)" 0

# --- a vocabulary without newline -----------------------------------------------------------

t "without a newline the first symbol is not scored, and the result says so"
run 0 "$RNNLM" score -m "$flat" --json "the cat" "a" ""
ok is "$(str protocol | sort -u)" text,first-unscored
ok is "$(num tokens | tr '\n' ' ')$(num chars | tr '\n' ' ')" "6 0 0 6 0 0 "
ok near "$(num nats_per_char | sed -n 1p)" "$(num nats | awk 'NR == 1 { print $1 / 6 }')"
run 0 "$RNNLM" score -m "$flat" --per-token "the"
ok is "$(awk 'NF == 0 { exit } NR > 1 { print $1 }' "$TMP/out" | tr '\n' ' ')" "h e "
run 0 "$RNNLM" score -m "$flat" --json -f "$TMP/flat.txt" --window 10
ok is "$(str protocol) $(num tokens)" "window:10,first-unscored $(($(wc -c <"$TMP/flat.txt") - 1))"
run 0 "$RNNLM" score -m "$flat" --json -f "$TMP/flat.txt" --tail 0.1 --carry
ok is "$(str protocol)" tail:0.1+carry
run 0 "$RNNLM" score -m "$flat" --json --next 3
out_has '"next":[]'
err_has "no newline"

t "a window's first input is the symbol before it: of 1 symbol each, pairs"
printf 'cats' >"$TMP/f"
run 0 "$RNNLM" score -m "$flat" --json ca at ts
want=$(num nats | awk '{ s += $1 } END { printf "%.9g", s }')
run 0 "$RNNLM" score -m "$flat" --json --window 1 -f "$TMP/f"
ok is "$(num tokens)" 3
ok near "$(num nats)" "$want" 1e-6

# --- next ------------------------------------------------------------------------------------

t "--next: what --per-token says of each in that place"
run 0 score --next 3 "the c"
ok is "$(awk 'NR > 1 { print $1 }' "$TMP/out" | tr '\n' ' ')" "1 2 3 "
p=$(awk 'NR == 3 { print $2 }' "$TMP/out") symbol=$(awk 'NR == 3 { print $4 }' "$TMP/out")
[ "$symbol" = '\s' ] && symbol=' '
run 0 score --per-token "the c$symbol"
ok is "$(awk 'NR == 7 { print $5 }' "$TMP/out")" 2
ok near "$(awk 'NR == 7 { print $2 }' "$TMP/out")" "$p"

t "--next does not change the score; all of it sums to 1"
run 0 score --json "the c"
nats=$(num nats)
run 0 score --json --next 1000 "the c"
ok near "$(num nats)" "$nats"
ok is "$(num tokens)" 5
ok near "$(sed 's/.*"next"//' "$TMP/out" | tr '{' '\n' | sed -n 's/.*"prob":\([^}]*\).*/\1/p' |
	awk '{ s += $1 } END { printf "%.9g", s }')" 1

t "--next without a text: after a newline"
run 0 score --next 2 --json
cp "$TMP/out" "$TMP/start"
out_has '"next":[{"symbol":"'
run 0 score --next 2 --json ""
ok same "$TMP/out" "$TMP/start"

# --- wrong usage --------------------------------------------------------------------------------

t "what does not go together is explained"
run 2 score -f "$corpus" text
err_has "exclude each other"
run 2 score --lines --window 3 -f "$corpus"
err_has "--lines and --window"
run 2 score --window 3 text
err_has "give -f FILE"
run 2 score --carry -f "$corpus"
err_has "--tail"
run 2 score --tail 0.1 --carry --window 4 -f "$corpus"
err_has "--window"
run 2 score --rank -f "$corpus"
err_has "--rank"
run 2 score --lines --next 3
err_has "--next"
run 2 score --tail 0 -f "$corpus"
err_has "--tail"
run 2 score --tail 1.5 -f "$corpus"
err_has "--tail"
run 2 score --window 0 -f "$corpus"
err_has "--window"
run 2 score --next 0 a
err_has "--next"
run 2 score --per-tokens a
err_has "--per-token"

t "help shows the columns and examples"
run 0 "$RNNLM" score --help
out_has "nats/char"
out_has "rnnlm score --rank"

# --- broken input ----------------------------------------------------------------------------------

t "a file that is not there, a folder"
run 1 score -f "$TMP/none.txt"
err_has "none.txt"
run 1 score --lines -f "$TMP/none.txt"
err_has "none.txt"
run 1 score -f "$TMP"
err_has "directory"

t "no model"
run 1 "$RNNLM" score -m "$TMP/none.safetensors" a
err_has "none.safetensors"

bad=$TMP/bad.safetensors
hlen=$(od -An -tu4 -N4 "$good" | tr -d ' ')
header=$(dd if="$good" bs=1 skip=8 count="$hlen" 2>/dev/null)
# with_header JSON: the good model with another header, as long as its own.
with_header() {
	head -c 8 "$good"
	printf '%s' "$1"
	printf '%*s' "$((hlen - ${#1}))" ''
	tail -c +"$((9 + hlen))" "$good"
}
refused() {
	run 1 "$RNNLM" score -m "$bad" a
	err_has "bad.safetensors"
	out_is ""
}

t "a model with its own header put back is read"
with_header "$header" >"$bad"
ok same "$good" "$bad"
run 0 "$RNNLM" score -m "$bad" a

t "a model cut short anywhere is refused"
size=$(wc -c <"$good")
for n in 0 1 7 8 9 100 "$hlen" $((hlen + 8)) $((hlen + 9)) $((size / 2)) $((size - 1)); do
	head -c "$n" "$good" >"$bad"
	refused
done

t "a model with bytes behind is refused"
{
	cat "$good"
	printf x
} >"$bad"
refused

t "a header that claims to be huge is refused"
{
	printf '\377\377\377\377\377\377\377\177'
	tail -c +9 "$good"
} >"$bad"
refused
{
	printf '\377\377\377\377\0\0\0\0'
	tail -c +9 "$good"
} >"$bad"
refused

t "a header that does not fit its tensors is refused"
for change in 's/"hidden":"16"/"hidden":"17"/' 's/"layers":"1"/"layers":"2"/' \
	's/"cell":"[a-z]*"/"cell":"xyz"/' 's/"format":"rnnlm-1"/"format":"rnnlm-9"/' \
	's/"out.bias"/"out.bios"/' 's/"vocab":"\[[0-9]*,/"vocab":"[/' 's/F32/I32/g' \
	's/"hidden":"16"/"hidden":"-1"/' 's/"hidden":"16"/"hidden":"1e"/'; do
	with_header "$(printf '%s' "$header" | sed "$change")" >"$bad"
	ok is "$(wc -c <"$bad")" "$size"
	ok sh -c '! cmp -s "$1" "$2"' sh "$bad" "$good"
	refused
done

t "a flipped byte in the header is refused or harmless, never a crash"
at=8
while [ "$at" -lt $((8 + hlen)) ]; do
	cp "$good" "$bad"
	printf '\177' | dd of="$bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
	"$RNNLM" score -m "$bad" a >"$TMP/out" 2>"$TMP/err"
	status=$?
	ok test "$status" -le 1
	at=$((at + hlen / 40 + 1))
done

t "weights that are not finite are refused"
begin=$(printf '%s' "$header" | sed 's/.*"out.bias":{[^}]*"data_offsets":\[\([0-9]*\),.*/\1/')
for bytes in '\0\0\300\177' '\0\0\200\177' '\0\0\200\377'; do
	cp "$good" "$bad"
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$bytes" | dd of="$bad" bs=1 seek=$((8 + hlen + begin)) conv=notrunc 2>/dev/null
	refused
	err_has "out.bias"
done

t "memory that runs out is an error with a message"
failed=0 fine=0 n=1
while [ "$fine" -lt 10 ] && [ "$n" -lt 2000 ]; do
	status=0
	RNNLM_FAIL_ALLOC=$n "$RNNLM" score -m "$good" --json --per-token --next 2 --rank "a cat" b \
		>"$TMP/out" 2>"$TMP/err" || status=$?
	ok test "$status" -le 1
	fine=$((fine + 1)) n=$((n + 1))
	if [ "$status" = 1 ]; then
		err_has "out of memory"
		failed=$((failed + 1)) fine=0
	fi
	# Reading the header is tested elsewhere: only every ninth of its allocations.
	grep -q "bad header" "$TMP/err" && n=$((n + 8))
done
ok test "$failed" -gt 50
ok test "$fine" = 10

# --- output that goes nowhere --------------------------------------------------------------------------

t "a reader that goes away ends it quietly"
ok sh -c 'yes "the cat" | "$RNNLM" score -m "$1" --lines 2>"$TMP/err" | head -n 1 >"$TMP/out"' sh "$good"
out_has tokens
err_is ""

if [ -c /dev/full ]; then
	t "a full disk is an error"
	run 1 sh -c '"$RNNLM" score -m "$1" a >/dev/full' sh "$good"
	err_has "standard output"
	run 1 sh -c '"$RNNLM" score -m "$1" --per-token -f "$2" >/dev/full' sh "$good" "$corpus"
	err_has "standard output"
fi

finish
