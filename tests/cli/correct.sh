#!/bin/sh
# rnnlm correct, from outside: what it says is checked against rnnlm score, and on
# tiny models whose few words are easily known.
# shellcheck disable=SC2016,SC2317 # dollars are awk's or an inner shell's; run calls the functions
. tests/cli/lib.sh

good=$TMP/m.safetensors
corpus=$TMP/corpus.txt
sentences café >"$corpus"
train() {
	"$RNNLM" train "$@" --hidden=24 --layers=1 --steps=200 --batch=8 --seq=16 --seed=1 --optimizer=adam --lr=0.02 --dropout=0 --precision=f32
}
t "models to correct with"
run 0 train "$corpus" -o "$good"
tr -d '\n' <"$corpus" >"$TMP/flat.txt"
flat=$TMP/flat.safetensors # its vocabulary has no newline
run 0 train "$TMP/flat.txt" -o "$flat"
bytes=$TMP/bytes.safetensors
run 0 train "$corpus" --unit=byte --min-count=1 -o "$bytes"

correct() {
	"$RNNLM" correct -m "$good" "$@"
}
# lines TEXT [OPTION...]: the text, as printf %b has it, through a pipe.
lines() {
	text=$1
	shift
	printf '%b' "$text" | correct "$@"
}
# Values of a key of the objects that came out, a line each; the first in each.
num() {
	sed -n "s/^\({[^[]*\)\"$1\":\([-0-9.e]*\)[,}].*/\2/p" "$TMP/out"
}
# near A B [TOLERANCE]
near() {
	awk -v a="$1" -v b="$2" -v tol="${3:-1e-4}" 'BEGIN {
		d = a - b; d = d < 0 ? -d : d
		exit !(a != "" && b != "" && d <= tol) }' || {
		echo "$1 is not near $2"
		return 1
	}
}
free="--insert=0 --delete=0 --replace=0 --swap=0"
dear="--insert=1000 --delete=1000 --replace=1000 --swap=1000"
# shellcheck disable=SC2034 # used by eval
low="--insert=4 --delete=3 --replace=5 --swap=4"

# --- what is found ------------------------------------------------------------------

t "each kind of slip is repaired"
# shellcheck disable=SC2086
for bad in "the cta sat on the mat." "the ct sat on the mat." "the caat sat on the mat." "the cet sat on the mat."; do
	run 0 correct $low "$bad"
	out_is "the cat sat on the mat."
done

t "two slips, and a letter of two bytes put in"
# shellcheck disable=SC2086
run 0 correct $low "teh caf sat udner the mat."
out_is "the café sat under the mat."

t "a text without a slip stays"
# shellcheck disable=SC2086
run 0 correct $low "the cat sat on the mat."
out_is "the cat sat on the mat."

t "edits that cost more than they can bring are not made"
# shellcheck disable=SC2086
run 0 correct $dear "the czt sxt" "zzz qqq" "  tac eht ,"
out_is "the czt sxt
zzz qqq
  tac eht ,"

t "--max-edits bounds them"
# shellcheck disable=SC2086
run 0 correct $low --max-edits=1 --json "teh cta sat on the mat."
out_has '"cost":4,'
# shellcheck disable=SC2086
run 0 correct $low --max-edits=2 --json "teh cta sat on the mat."
out_has '"correction":"the cat sat on the mat."'
out_has '"cost":8,"edits":[{"op":"swap","pos":1,"from":"eh","to":"he"},{"op":"swap","pos":5,"from":"ta","to":"at"}]'

t "--open: the end does not count"
# shellcheck disable=SC2086
run 0 correct $low --open "the cta sat on"
out_is "the cat sat on"
# shellcheck disable=SC2086
run 0 correct $low "the cta sat on"
out_is "the cat sat on."

# --- figures ------------------------------------------------------------------------

t "at no cost the score is what rnnlm score says of the line"
# shellcheck disable=SC2086
run 0 correct $free --json --candidates=5 "the czt sat"
nats=$(num nats) original=$(num original_nats)
ok is "$(num cost)" 0
sed 's/.*"correction":"\([^"]*\)".*/\1/' "$TMP/out" >"$TMP/best"
tr '{' '\n' <"$TMP/out" | sed -n 's/^"text":"\([^"]*\)","score".*/\1/p' >"$TMP/texts"
tr '{' '\n' <"$TMP/out" | sed -n 's/^"text":.*"score":\([-0-9.e]*\),"nats":\([0-9.e]*\),.*/\1 \2/p' >"$TMP/figures"
ok is "$(wc -l <"$TMP/texts" | tr -d ' ')" 5
ok is "$(sed -n 1p "$TMP/texts")" "$(cat "$TMP/best")"
ok is "$(sort -u "$TMP/texts" | wc -l | tr -d ' ')" 5
ok awk '$1 != -$2 || (NR > 1 && $1 > last) { exit 1 } { last = $1 } END { exit NR != 5 }' "$TMP/figures"
"$RNNLM" score -m "$good" --lines --json <"$TMP/texts" >"$TMP/scored" 2>/dev/null
sed 's/.*"nats":\([0-9.e]*\),.*/\1/' "$TMP/scored" >"$TMP/nats"
ok is "$(wc -l <"$TMP/nats" | tr -d ' ')" 5
paste -d ' ' "$TMP/figures" "$TMP/nats" >"$TMP/pairs"
while read -r _ a b; do ok near "$a" "$b"; done <"$TMP/pairs"
ok near "$nats" "$(sed -n 1p "$TMP/nats")"
echo "the czt sat" | "$RNNLM" score -m "$good" --lines --json 2>/dev/null >"$TMP/out"
ok near "$original" "$(num nats)"

t "without a newline in the vocabulary the first symbol is given"
# shellcheck disable=SC2086
run 0 "$RNNLM" correct -m "$flat" $free --json "tthe"
out_has '"correction":"t'
original=$(num original_nats)
run 0 "$RNNLM" score -m "$flat" --json "tthe"
ok near "$original" "$(num nats)"
run 0 "$RNNLM" correct -m "$flat" --json ""
ok is "$(num nats) $(num original_nats)" "0 0"

t "JSON has these keys"
run 0 correct --json "the cat"
sed 's/"candidates":.*/"candidates":/; s/\[[^]]*\]/0/g; s/:"[^"]*"/:0/g; s/[^"]*"\([a-z_]*\)":/\1 /g; s/[ ][^ a-z]*$//' \
	"$TMP/out" >"$TMP/keys"
ok is "$(cat "$TMP/keys")" "text correction changed nats original_nats cost edits candidates"
out_has '"changed":false'
out_has '"edits":[]'
# shellcheck disable=SC2086
run 0 lines 'teh cat.\n' $low --json --candidates=2
out_has '{"line":1,"text":"teh cat.","correction":"the cat.","changed":true,'
out_has '"edits":[{"op":"swap","pos":1,"from":"eh","to":"he"}]'
ok is "$(grep -o '"score":' "$TMP/out" | wc -l | tr -d ' ')" 2

t "the table of candidates"
# shellcheck disable=SC2086
run 0 correct $low --candidates=3 "the cta sat on the mat."
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 4
ok is "$(awk 'NR == 1 { print $1, $2, $3, $4, $5 }' "$TMP/out")" "score nats cost edits text"
ok is "$(awk 'NR == 2 { print $3, $4, $5, $6, $7 }' "$TMP/out")" "4.000 1 the cat sat"
ok awk 'NR > 1 { d = $1 + $2 + $3; if (!(d < 0.002 && d > -0.002)) exit 1 }
	NR > 2 && $1 > last { exit 1 } { last = $1 } END { exit NR != 4 }' "$TMP/out"

t "the number of threads changes nothing"
# shellcheck disable=SC2086
for n in 1 2; do
	run 0 correct $low --threads=$n --json --candidates=9 "the cta sxt onn the mat."
	cp "$TMP/out" "$TMP/threads$n"
done
ok same "$TMP/threads1" "$TMP/threads2"

# --- lines ---------------------------------------------------------------------------

t "lines come out in order, one for one; empty ones stay empty"
# shellcheck disable=SC2086
run 0 lines 'teh cat.\n\n\nthe cta.\nthe dgo' $free $low
out_is "the cat.


the cat.
the dog."
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 5
# shellcheck disable=SC2086
run 0 lines '\n' $free
ok is "$(wc -c <"$TMP/out" | tr -d ' ')" 1

t "-f FILE, --lines and - read the same"
printf 'teh cat.\nthe dgo.\n' >"$TMP/two"
# shellcheck disable=SC2086
run 0 correct $low -f "$TMP/two"
cp "$TMP/out" "$TMP/first"
ok grep -qx "the cat." "$TMP/first"
for how in "--lines" "-" "-f -" ""; do
	# shellcheck disable=SC2086
	correct $low $how <"$TMP/two" >"$TMP/out" 2>"$TMP/err"
	ok same "$TMP/first" "$TMP/out"
done

t "a line is answered before the next one comes"
mkfifo "$TMP/in" "$TMP/answers"
# shellcheck disable=SC2086
correct $low <"$TMP/in" >"$TMP/answers" 2>/dev/null &
exec 3>"$TMP/in" 4<"$TMP/answers"
echo "teh cat." >&3
read -r answer <&4
ok is "$answer" "the cat."
echo "the dgo." >&3
read -r answer <&4
ok is "$answer" "the dog."
exec 3>&- 4<&-
wait

t "a very long line"
awk 'BEGIN { for (i = 0; i < 2000; i++) printf "the cat sat on the mat. "; print "the cta sat." }' >"$TMP/long"
# shellcheck disable=SC2086
run 0 correct $low --beam=2 --tries=2 -f "$TMP/long"
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 1
ok is "$(tail -c 14 "$TMP/out")" " the cat sat."

# --- what text there is -----------------------------------------------------------------

t "what the model does not know stays, and is never put in"
# shellcheck disable=SC2086
run 0 correct $low "teh cat ☃ sat§."
out_has "☃"
out_has "§"
err_has "2 symbols that the model does not know, left as they are"
# shellcheck disable=SC2086
run 0 correct $free "☃"
out_has "☃"

t "bytes that are not UTF-8 stay"
printf 'teh cat \377 sat\200.\n' >"$TMP/bad"
# shellcheck disable=SC2086
run 0 correct $low -f "$TMP/bad"
ok is "$(tr -dc '\200\377' <"$TMP/out" | od -An -tx1 | tr -d ' ')" ff80
# shellcheck disable=SC2086
run 0 correct $low --json -f "$TMP/bad"
out_has '"text":"teh cat \udcff sat\udc80."'

t "control characters and line breaks stay"
# shellcheck disable=SC2086
run 0 correct $low "$(printf 'teh\tcat.\nthe dgo.\r')"
ok is "$(tr -dc '\t\r\n' <"$TMP/out" | od -An -tx1 | tr -d ' ')" 090a0d0a
printf 'teh\000cat.\n' >"$TMP/nul"
run 0 correct -f "$TMP/nul"
ok is "$(tr -dc '\000' <"$TMP/out" | wc -c | tr -d ' ')" 1
run 0 correct --candidates=1 "$(printf 'the\033[31mcat')"
out_has 'the\x1B[31mcat'

t "a model of bytes: no broken UTF-8 out of valid"
# shellcheck disable=SC2086
run 0 "$RNNLM" correct -m "$bytes" $low "teh café sat on the mat."
out_is "the café sat on the mat."
printf 'é\nthe caf\303\251\nc\303\251\n' >"$TMP/accents"
# shellcheck disable=SC2086
run 0 "$RNNLM" correct -m "$bytes" $free --beam=64 --candidates=64 -f "$TMP/accents"
ok awk 'NR > 1 { n++ } END { exit n < 10 }' "$TMP/out"
ok is "$(grep -c 'x[89A-F]' "$TMP/out")" 0
# shellcheck disable=SC2086
run 0 "$RNNLM" correct -m "$bytes" $low --json -f "$TMP/bad"
out_has '\udcff'

t "a Latin-1 model puts no such byte into UTF-8"
awk 'BEGIN { for (i = 0; i < 200; i++) printf "the caf\351 cat sat. " }' >"$TMP/latin1.txt"
run 0 train "$TMP/latin1.txt" -o "$TMP/latin1.safetensors"
# shellcheck disable=SC2086
run 0 "$RNNLM" correct -m "$TMP/latin1.safetensors" $low --open "the caf cat sat."
ok is "$(tr -d '\000-\177' <"$TMP/out" | wc -c | tr -d ' ')" 0
printf '\351 the caf cat sat.\n' >"$TMP/latin1.in"
# shellcheck disable=SC2086
run 0 "$RNNLM" correct -m "$TMP/latin1.safetensors" $low --open -f "$TMP/latin1.in"
ok is "$(tr -dc '\351' <"$TMP/out" | wc -c | tr -d ' ')" 2

# --- colour -----------------------------------------------------------------------------

t "what was put in stands out, if asked to"
# shellcheck disable=SC2086
run 0 correct $low --color=always "the ct sat."
out_is "$(printf 'the c\033[1;32ma\033[0mt sat.')"
# shellcheck disable=SC2086
run 0 correct $low "the ct sat."
out_is "the cat sat."

# --- wrong use ----------------------------------------------------------------------------

t "what does not go together"
run 2 correct -f "$corpus" "the cat"
err_has "TEXT and -f exclude each other"
run 2 correct --lines "the cat"
err_has "TEXT and --lines exclude each other"
run 2 correct --candidates=20 "the cat"
err_has "a beam of 16 keeps no more than that; give --beam=20"
run 2 correct --insert=-1 "the cat"
err_has "insert"
run 2 correct --swap=nan "the cat"
err_has "swap"
run 2 correct --beam=0 "the cat"
err_has "beam"
run 1 correct -f "$TMP/missing"
err_has "missing"
run 1 "$RNNLM" correct -m "$TMP/missing" "the cat"
err_has "missing"

t "output that cannot be written"
if [ -w /dev/full ]; then
	run 1 sh -c '"$RNNLM" correct -m "$1" - <"$2" >/dev/full' sh "$good" "$corpus"
	err_has "standard output"
else
	ok true
fi

t "memory that runs out anywhere is a message"
n=1
while [ "$n" -lt 400 ]; do
	status=0
	RNNLM_FAIL_ALLOC=$n correct "teh cat." >"$TMP/out" 2>"$TMP/err" || status=$?
	[ "$status" = 0 ] && break
	ok is "$status" 1
	ok test -s "$TMP/err"
	n=$((n + 7))
done
ok test "$n" -gt 20
ok test "$n" -lt 400

finish
