#!/bin/sh
# rnnlm train: what each option does, beyond being accepted. (Files, length, stopping and
# what is refused: train.sh.)
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's; run calls functions
. tests/cli/lib.sh

m=$TMP/m.safetensors
log=$TMP/m.tsv
# train OPTION...: small and soon done; the summary in $TMP/out; options that come later win.
train() {
	rm -f "$m"
	"$RNNLM" train --hidden=16 --layers=1 --steps=30 --batch=4 --seq=16 --threads=1 --precision=f32 --json -o "$m" "$@"
}
# info KEY: of the model.
info() {
	"$RNNLM" info --json "$m" >"$TMP/info" && number "$1" "$TMP/info"
}
# column NAME: of the log, what is empty left out.
column() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } $c != "" { print $c }' "$log"
}
# rms TENSOR
rms() {
	"$RNNLM" info --tensors "$m" | awk -v name="$1" '$1 == name { print $NF }'
}
# so EXPRESSION: it holds, of numbers.
so() {
	ok awk "function near(a, b, by) { return a - b <= by && b - a <= by } BEGIN { exit !($1) }"
}
# noise N SEED: symbols at random.
noise() {
	awk -v n="$1" -v s="$2" 'BEGIN {
		for (i = 0; i < n; i++) {
			s = (s * 1103 + 12345) % 65536
			printf "%s", substr("abcdefgh", int(s / 8192) + 1, 1)
		}
	}'
}

i=0
while [ "$i" -lt 150 ]; do
	echo "the cat number $i sat on the mat, and $((i * 7)) mice ran away;"
	i=$((i + 1))
done >"$TMP/corpus.txt"
c=$TMP/corpus.txt
symbols=$(wc -c <"$c")
# To be learnt by heart: held-out loss falls, and soon rises.
noise 300 1 >"$TMP/noise.txt"
noise 400 2 >"$TMP/other.txt"
by_heart() {
	train --hidden=32 --val "$TMP/other.txt" --lr=0.02 --dropout=0 --warmup=0 --steps=120 --eval-every=5 "$@" "$TMP/noise.txt"
}

# --- text --------------------------------------------------------------------
t "--unit: code points or bytes"
printf 'h\303\251h\303\250h\303\251h\303\250h\303\251h\303\250h\303\251h\303\250' >"$TMP/utf8.txt"
run 0 train --val-frac=0 --unit=char "$TMP/utf8.txt"
ok test "$(info vocab) $(info train_symbols)" = '4 16' # h e-acute e-grave, and the unknown
run 0 train --val-frac=0 --unit=byte "$TMP/utf8.txt"
ok test "$(info vocab) $(info train_symbols)" = '257 24' # every byte, so that no text is lost
run 0 train --val-frac=0 --unit=byte --min-count=1 "$TMP/utf8.txt"
ok test "$(info vocab) $(info train_symbols)" = '5 24'

t "--min-count: rarer symbols are left to the unknown one"
printf 'aaaaaaaaaabbbbbcccccdd\n\n' >"$TMP/counts.txt"
for want in 0:6 1:6 2:6 3:4 5:4 6:2; do # a b c d newline unknown
	run 0 train --val-frac=0 --min-count="${want%:*}" "$TMP/counts.txt"
	ok test "$(info vocab)" = "${want#*:}"
done

t "--val-frac: the first floor(n(1-f)) train"
for f in 0.1:$((symbols * 9 / 10)) 0.25:$((symbols * 3 / 4)) 0.333333:$((symbols * 666667 / 1000000)); do
	run 0 train --steps=1 --val-frac="${f%:*}" "$c"
	ok test "$(info train_symbols)" = "${f#*:}"
	ok test "$(info val_symbols)" = $((symbols - ${f#*:}))
done
run 0 train --steps=1 --val-frac=0 "$c"
ok test "$(info train_symbols)" = "$symbols"
out_has '"val_nats":null'

t "--val: the held-out text"
run 0 by_heart
ok test "$(info val_symbols)" = 400
so "$(number val_nats) > 1.9" # nothing helps against chance
run 0 train --val "$TMP/noise.txt" --lr=0.02 --steps=300 --hidden=32 --dropout=0 --seq=32 "$TMP/noise.txt"
so "$(number val_nats) < 1.5" # what was learnt by heart

# --- model -------------------------------------------------------------------
t "--cell, --layers, --hidden, --embed, --tie: as many parameters as the equations have"
run 0 train --steps=1 "$c"
v=$(info vocab)
# params OPTION... = EXPRESSION
params() {
	params_want=$1
	shift
	run 0 train --steps=1 "$@" "$c"
	ok test "$(number params)" = "$params_want"
}
h=16
params $((4 * h * (v + h) + 8 * h + v * h + v)) --cell=lstm
params $((3 * h * (v + h) + 6 * h + v * h + v)) --cell=gru
params $((h * (v + h) + 2 * h + v * h + v)) --cell=rnn
params $((4 * 24 * (v + 24) + 8 * 24 + v * 24 + v)) --hidden=24
params $((4 * h * (v + h) + 4 * h * (h + h) + 16 * h + v * h + v)) --layers=2
params $((v * 5 + 4 * h * (5 + h) + 8 * h + v * h + v)) --embed=5
params $((v * h + 4 * h * (h + h) + 8 * h + v * h + v)) --embed=$h
params $((v * h + 4 * h * (h + h) + 8 * h + v)) --embed=$h --tie

t "--residual: no parameters more, another result"
run 0 train --layers=2 "$c"
plain=$(number params)/$(number val_nats)
run 0 train --layers=2 --residual "$c"
ok test "$(number params)" = "${plain%/*}"
ok test "$(number val_nats)" != "${plain#*/}"
run 0 train --layers=1 "$c" # from the second layer on
one=$(number val_nats)
run 0 train --layers=1 --residual "$c"
ok test "$(number val_nats)" = "$one"

t "--dropout: harder to learn by heart"
run 0 by_heart --dropout=0 --schedule=constant
low=$(number train_nats)
run 0 by_heart --dropout=0.5 --schedule=constant
so "$(number train_nats) > $low + 0.2"

t "--dropout-in, --dropout-hh: the same"
for o in in hh; do
	run 0 by_heart --dropout-$o=0.5 --schedule=constant
	so "$(number train_nats) > $low + 0.1"
done

t "--precision: kept in the model"
for p in f32 bf16; do
	run 0 train --steps=1 --precision=$p "$c"
	ok sh -c '"$RNNLM" info --json "$1" | grep -qF "\"precision\":\"$2\""' - "$m" $p
done

# --- plan ----------------------------------------------------------------------
# Speeds are this machine's; what follows from them must fit together.
planned() { # KEY: of a dry run's last words
	sed -n "s/^rnnlm: lstm [0-9]*x\([0-9]*\),.*/hidden \1/p; s/.*layers \([0-9.]*\)\$/dropout \1/p" "$TMP/err" |
		awk -v key="$1" '$1 == key { print $2 }'
}
t "--plan: the more time, the wider; what is given stays"
run 0 "$RNNLM" train --dry-run --for=1s -o "$TMP/dry.safetensors" data/stories.txt
err_has 'plan for 0:01'
short=$(planned hidden)
run 0 "$RNNLM" train --dry-run --for=500h -o "$TMP/dry.safetensors" data/stories.txt
err_has 'models to be joined'
err_has 'passes each over'
so "$short >= 64 && $(planned hidden) > $short && $(planned dropout) >= 0"
run 0 "$RNNLM" train --dry-run --plan --for=500h --hidden=48 --dropout=0.35 --cell=gru -o "$TMP/dry.safetensors" "$c"
err_has 'gru 2x48,'
err_has 'of layers 0.35'
ok test ! -e "$TMP/dry.safetensors"
ok test ! -e "$TMP/dry.tsv"
run 0 "$RNNLM" train --dry-run --steps=5 -o "$TMP/dry.safetensors" "$c"
ok test "$(grep -c 'plan for' "$TMP/err")" = 0 # a length in steps is the same everywhere
run 0 "$RNNLM" train --dry-run --for=500h --layers=1 -o "$TMP/dry.safetensors" "$c"
ok test "$(grep -c 'plan for' "$TMP/err")" = 0
run 0 "$RNNLM" train --for=0.5s --json -o "$TMP/planned.safetensors" "$c"
run 0 "$RNNLM" info --json "$TMP/planned.safetensors"
width=$(number hidden "$TMP/out") members=$(number members "$TMP/out")
out_has "\"hidden\":\"$((width / members))\"" # what was planned is what is stored
out_has "\"ensemble\":\"$members\""
for with in --steps=3 --epochs=2 --resume --init-from=x; do
	run 2 "$RNNLM" train --plan $with -o "$TMP/dry.safetensors" "$c"
	err_has '--plan plans'
done

# --- optimisation ------------------------------------------------------------
t "--batch and --seq: symbols of a step"
run 0 train --steps=7 --batch=3 --seq=11 "$c"
ok test "$(number tokens)" = $((7 * 3 * 11))
ok test "$(column tokens)" = $((7 * 3 * 11))

t "--lr: the rate at its highest; 0 is the default"
run 0 train --steps=20 --schedule=constant --warmup=0 --lr=0.0123 "$c"
ok test "$(column lr)" = 0.0123
run 0 train --steps=20 --schedule=constant --warmup=0 --lr=0 "$c"
default=$(column lr)
so "$default > 0.0005 && $default < 0.1"

t "--warmup: the rate rises in a line"
run 0 train --steps=80 --eval-every=10 --schedule=constant --lr=0.01 --warmup=60 "$c"
ok awk -F '\t' 'NR > 1 { want = 0.01 * ($1 < 60 ? $1 / 60 : 1); if (($7 / want - 1) ^ 2 > 1e-9) exit 1; n++ } END { exit n != 8 }' "$log"

t "--schedule: how it falls"
for schedule in constant:1 'linear:1 - 0.98 * done' 'cosine:0.02 + 0.98 * (1 + cos(3.14159265 * done)) / 2'; do
	run 0 train --steps=80 --eval-every=10 --schedule="${schedule%%:*}" --lr=0.01 --warmup=0 "$c"
	ok awk -F '\t' 'NR > 1 { done = ($1 - 1) / 80; want = 0.01 * ('"${schedule#*:}"')
		if (($7 / want - 1) ^ 2 > 1e-9) exit 1; n++ } END { exit n != 8 }' "$log"
done

t "--schedule=plateau: by half where validation does not improve, after so many as --plateau says"
for n in 1 3; do
	run 0 by_heart --schedule=plateau --plateau=$n
	# every row but the first tells whether the rate may have been halved before it
	ok awk -F '\t' -v n=$n 'NR == 1 || $6 == "" { next }
		{
			if ($7 != last && last) {
				if (last / $7 != 2 || row == 0 || row % n) exit 1
				halved++
			} else if (last && row && row % n == 0 && halved < 6)
				exit 1
			last = $7
			if (best == "" || $6 < best) { best = $6; row = 0 } else row++
		}
		END { exit !(halved >= 2) }' "$log"
	err_has "$n validations without improvement; the rate is halved"
done
run 0 train --schedule=plateau --steps=60 --eval-every=20 --warmup=0 --lr=0.01 "$c" # it does improve
ok test "$(column lr | sort -u)" = 0.01

t "--clip: the gradient that the moments see has no larger norm"
# The first moment after one step is a tenth of it.
moment() {
	"$RNNLM" info --tensors "$m" | awk '/^train\.m\./ { split($3, d, /[(),]/); n = d[2] * (d[3] ? d[3] : 1); s += n * $NF ^ 2 }
		END { print 10 * sqrt(s) }'
}
run 0 train --optimizer=adam --steps=1 --clip=0 "$c"
norm=$(column grad_norm)
so "$norm > 0.05 && near($(moment) / $norm, 1, 0.01)"
run 0 train --optimizer=adam --steps=1 --clip=0.01 "$c"
so "near($(moment) / 0.01, 1, 0.01)"
ok test "$(column grad_norm)" = "$norm" # before clipping
run 0 train --optimizer=adam --steps=1 --clip=1000 "$c"
so "near($(moment) / $norm, 1, 0.01)"

t "--weight-decay: shrinks the matrices, not the biases"
run 0 train --optimizer=adamw --val-frac=0 --steps=1 --lr=0.01 --warmup=0 --schedule=constant "$c"
in=$(rms rnn.weight_ih_l0) bias=$(rms rnn.bias_ih_l0)
run 0 train --optimizer=adamw --val-frac=0 --steps=1 --lr=0.01 --warmup=0 --schedule=constant --weight-decay=10 "$c"
so "near($(rms rnn.weight_ih_l0) / $in, 0.9, 0.003)"
ok test "$(rms rnn.bias_ih_l0)" = "$bias"

t "--weight-decay: adam adds it to the gradient, sgd and muon shrink too"
run 0 train --optimizer=adam --val-frac=0 --steps=1 --lr=0.01 --warmup=0 --schedule=constant --weight-decay=10 "$c"
so "$(rms rnn.weight_ih_l0) > 0.98 * $in" # Adam's step is a hundredth whatever the gradient
for o in sgd muon; do
	run 0 train --optimizer=$o --val-frac=0 --steps=4 --lr=0.01 --muon-lr=0.01 --warmup=0 --schedule=constant "$c"
	plain=$(rms rnn.weight_hh_l0)
	run 0 train --optimizer=$o --val-frac=0 --steps=4 --lr=0.01 --muon-lr=0.01 --warmup=0 --schedule=constant --weight-decay=5 "$c"
	so "$(rms rnn.weight_hh_l0) < 0.9 * $plain"
done

t "--optimizer: each learns, in its own way"
for o in muon adam adamw rmsprop sgd; do
	run 0 train --optimizer=$o --weight-decay=0.01 --steps=150 "$c"
	number val_nats
done >"$TMP/optimizers"
ok test "$(sort -u "$TMP/optimizers" | wc -l)" = 5
so "$(sort -n "$TMP/optimizers" | tail -n 1) < 2.8" # chance is above 3.3

# In the first step the momentum is the gradient; each kind moves from the same weights.
t "--muon-lr: how far muon's matrices move; --lr: the rest"
moved() { # NAME OPTION...
	moved_name=$1
	shift
	run 0 train --val-frac=0 --steps=4 --warmup=0 --schedule=constant --dropout=0 "$@" "$c"
	rms "$moved_name"
}
still=$(moved rnn.weight_hh_l0 --lr=1e-9 --muon-lr=0)
little=$(moved rnn.weight_hh_l0 --lr=1e-9 --muon-lr=0.05)
much=$(moved rnn.weight_hh_l0 --lr=1e-9 --muon-lr=0.5)
so "$much > 1.5 * $still && $little < 1.3 * $still && $little != $still"
ok test "$(moved rnn.weight_hh_l0 --lr=0.1 --muon-lr=0)" = "$still"
so "$(moved out.weight --lr=0.1 --muon-lr=0) > 1.1 * $(moved out.weight --lr=1e-9 --muon-lr=0)"

t "--momentum: of muon and sgd, not of adam"
for o in muon sgd adam; do
	run 0 train --optimizer=$o --momentum=0 --steps=20 "$c"
	none=$(number val_nats)
	run 0 train --optimizer=$o --momentum=0.9 --steps=20 "$c"
	case $o in
	adam) ok test "$(number val_nats)" = "$none" ;;
	*) ok test "$(number val_nats)" != "$none" ;;
	esac
done

t "--restart: how often a stream begins afresh"
for p in 0 0.3 1; do
	run 0 train --restart=$p --steps=60 "$c"
	number train_nats
done >"$TMP/restart"
ok test "$(sort -u "$TMP/restart" | wc -l)" = 3
# What a state carried from block to block is good for: blocks of two symbols tell little.
run 0 train --restart=1 --seq=2 --batch=16 --steps=400 --dropout=0 "$c"
cold=$(number train_nats)
run 0 train --restart=0 --seq=2 --batch=16 --steps=400 --dropout=0 "$c"
so "$(number train_nats) < $cold - 0.1"

t "--eval-every: rows with a held-out loss"
run 0 train --steps=60 --eval-every=7 "$c"
ok test "$(awk -F '\t' 'NR > 1 && $6 != "" { printf "%s ", $1 }' "$log")" = '7 14 21 28 35 42 49 56 60 '
run 0 train --steps=120 --eval-every=0 "$c"
so "$(column val_nats | wc -l) >= 1"

t "--seed: other numbers"
run 0 train --seed=1 "$c"
one=$(number val_nats)
run 0 train --seed=2 "$c"
ok test "$(number val_nats)" != "$one"
run 0 train --seed=1 "$c"
ok test "$(number val_nats)" = "$one"

# --- length ------------------------------------------------------------------
t "--steps, --epochs, --for"
run 0 train --steps=13 "$c"
ok test "$(number steps)" = 13
length=$(((symbols * 9 / 10 - 1) / 4)) # of a stream
run 0 "$RNNLM" train --hidden=16 --layers=1 --batch=4 --seq=16 --epochs=1.5 --json -o "$m" "$c"
blocks=$(((length + 15) / 16))
ok test "$(number steps)" = $(((3 * blocks + 1) / 2))
run 0 "$RNNLM" train --hidden=16 --layers=1 --batch=4 --seq=16 --for=0.3s --json -o "$m" "$c"
so "$(number seconds) > 0.1 && $(number seconds) < 20"

t "--patience: ends when validation stops improving, with the best weights"
run 0 by_heart --schedule=constant
ok test "$(number steps)" = 120
cp "$log" "$TMP/whole.tsv"
for n in 1 4; do
	run 0 by_heart --schedule=constant --patience=$n
	want=$(awk -F '\t' -v n=$n 'NR == 1 || $6 == "" { next }
		best == "" || $6 < best { best = $6; row = 0; next }
		++row == n { print $1, best; exit }' "$TMP/whole.tsv")
	so "${want% *} < 100"
	ok test "$(number steps)" = "${want% *}"
	so "near($(number val_nats), ${want#* }, 1e-5) && near($(info val_nats), ${want#* }, 1e-5)"
	err_has "the last $n validations brought no improvement"
	err_has '--patience'
	# what score finds in the file
	"$RNNLM" score -m "$m" -f "$TMP/other.txt" --json >"$TMP/score"
	so "near($(number nats_per_char "$TMP/score"), ${want#* }, 5e-3)"
done
run 0 by_heart --schedule=constant --patience=1000
ok test "$(number steps)" = 120
ok sh -c '! grep -q patience "$1"' - "$TMP/err"

t "--patience and --schedule=plateau need held-out text"
for option in --patience=2 --schedule=plateau; do
	run 1 train --val-frac=0 $option "$c"
	err_has "${option%=2}"
	err_has '--val'
done
for bad in --patience=-1 --patience=x --plateau=0 --plateau=-1 --sample-every=-1 --sample-every=1.5; do
	run 2 train $bad "$c"
	err_has "${bad%=*}"
done

# --- what is shown -----------------------------------------------------------
t "--out, and --log: none, or a file"
run 0 "$RNNLM" train --hidden=4 --steps=1 --out="$TMP/out.safetensors" "$c"
ok "$RNNLM" info "$TMP/out.safetensors"
ok test -s "$TMP/out.tsv"
rm -f "$log"
run 0 train --log=none "$c"
ok test ! -e "$log"
run 0 train --log="$TMP/here" "$c"
ok test ! -e "$log"
ok test "$(wc -l <"$TMP/here")" = 3 # names, step 20, step 30

t "neither the model nor the log takes the place of a text, or of the other"
cp "$c" "$TMP/text"
for options in "-o $TMP/text" "--log=$TMP/text" "--log=$TMP/../${TMP##*/}/text" "-o $TMP/noise.txt --val=$TMP/noise.txt" \
	"--log=$TMP/noise.txt --val=$TMP/noise.txt" "--log=$m"; do
	# shellcheck disable=SC2086 # several options
	run 1 train $options "$TMP/text"
	err_has "another file"
done
same "$c" "$TMP/text"
ok test ! -e "$TMP/text.~1~"

t "off a terminal: a line per report, with all figures"
run 0 train --steps=60 --eval-every=20 "$c"
ok test "$(grep -c '^step ' "$TMP/err")" = 3
ok sh -c '! grep -q "$(printf "\r\|\033")" "$1"' - "$TMP/err"
ok test "$(grep -cE '^step 20  epoch [0-9.]+  loss [0-9.]+ nats [0-9.]+ bits  held out [0-9.]+ nats [0-9.]+ bits \*  gradient [0-9.]+  [0-9.]+[kM]? chars/s  [0-9:]+ left$' "$TMP/err")" = 1
ok awk '/^step/ { for (i = 1; i < NF; i++) if ($(i + 1) == "nats") { d = $i / log(2) - $(i + 2); if (d * d > 1e-6) exit 1; n++ } } END { exit n != 6 }' "$TMP/err"

t "on a terminal: lines that fit, the redrawn one with a bar where there is room"
# What follows runs where util-linux can make a terminal.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	for width in 10 40 80 200; do
		ok script -qec "stty cols $width; '$RNNLM' train --hidden=16 --layers=1 --batch=4 --seq=16 --steps=60 --eval-every=20 \
			--sample-every=30 -o '$m' '$c'" "$TMP/typescript" </dev/null
		sed '1d; $d' "$TMP/typescript" | tr '\r' '\n' | sed "s/$(printf '\033')\[K//g" | grep -v -e '^rnnlm: ' -e '^Script ' >"$TMP/lines"
		ok awk -v width=$width 'length($0) >= width && !/^sample at/ { bad = 1 } { n++ } END { exit bad || n < 8 }' "$TMP/lines"
		ok grep -q ' loss [0-9.]*\|^ *[0-9]*%' "$TMP/lines"
	done
	ok grep -qE '^-{30}   1%  [-0-9:]+ left  loss [0-9.]+ nats [0-9.]+ bits  gradient [0-9.]+  .* chars/s  step 1$' "$TMP/lines"
	ok grep -qE '^step 40  epoch [0-9.]+  loss .* nats .* bits  held out .* nats .* bits \*  gradient .* chars/s  .* left$' "$TMP/lines"
else
	ok true
fi

t "--sample-every: text now and then, which changes nothing"
run 0 train --steps=60 --eval-every=20 "$c"
cp "$m" "$TMP/without"
run 0 train --steps=60 --eval-every=20 --sample-every=25 "$c"
same "$m" "$TMP/without"
ok test "$(wc -l <"$TMP/out")" = 1
cp "$TMP/err" "$TMP/samples"
ok test "$(grep '^sample at' "$TMP/samples" | tr '\n' ' ')" = 'sample at step 25 sample at step 50 '
# line breaks and some 200 symbols in all
ok awk '/^sample at/ { n++; next } /^  \| / { c[n] += length($0) - 3; next } { if (n && c[n] < 150) exit 1 }
	END { exit !(n == 2 && c[1] > 150 && c[1] < 210 && c[2] > 150 && c[2] < 210) }' "$TMP/samples"
run 0 train --steps=60 --eval-every=20 --sample-every=25 "$c"
ok test "$(grep '^  |' "$TMP/err")" = "$(grep '^  |' "$TMP/samples")" # of the seed and step
run 0 train --steps=60 --eval-every=20 --sample-every=50 "$c"
ok test "$(grep '^  |' "$TMP/err")" = "$(awk '/step 50/ { on = 1 } on && /^  \|/' "$TMP/samples")"
run 0 train --threads=3 --dropout=0.3 --cell=gru --layers=2 --steps=20 --sample-every=1 "$c"
cp "$m" "$TMP/with"
run 0 train --threads=3 --dropout=0.3 --cell=gru --layers=2 --steps=20 "$c"
same "$m" "$TMP/with"

t "--sample-every: whole characters, no control characters"
awk 'BEGIN { for (i = 0; i < 300; i++) printf "\303\251\342\202\254\360\235\204\236\033[2J\007\r" }' >"$TMP/odd.txt"
for unit in char byte; do
	run 0 train --unit=$unit --steps=40 --sample-every=10 "$TMP/odd.txt"
	ok test "$(grep -c '^sample at' "$TMP/err")" = 4
	ok test "$(tr -cd '\001-\010\013-\037\177' <"$TMP/err" | wc -c)" = 0
	err_has '\x'
	! command -v iconv >/dev/null 2>&1 || ok iconv -f UTF-8 -t UTF-8 "$TMP/err"
done
head -c 4000 /dev/zero | tr '\000' '\377' >"$TMP/bytes.bin"
run 0 train --unit=byte --min-count=1 --steps=10 --sample-every=10 "$TMP/bytes.bin"
err_has '\xFF\xFF'

t "--vocab-size: not with the vocabulary of another model"
run 0 train --unit=bpe --vocab-size=300 --steps=1 "$c"
cp "$m" "$TMP/bpe"
run 2 train --unit=bpe --vocab-size=400 --init-from="$TMP/bpe" "$c"
err_has "--vocab-size and --init-from"
run 0 "$RNNLM" train --resume --vocab-size=300 --steps=2 --threads=1 -o "$TMP/bpe" "$c" # as it was begun
err_has "going on with"

t "--tie: words and pieces have an embedding as wide as --hidden"
for hidden in 8 300; do
	run 0 train --unit=bpe --vocab-size=300 --hidden=$hidden --steps=1 --batch=1 --seq=2 --tie "$c"
	ok test "$(info embed)" = $hidden
done
run 0 train --unit=bpe --vocab-size=300 --hidden=300 --steps=1 --batch=1 --seq=2 "$c"
ok test "$(info embed)" = 256
run 2 train --unit=bpe --embed=4 --tie "$c"
err_has '--embed=16'
run 2 train --tie "$c"
err_has '--embed=16'

t "every option has a test"
"$RNNLM" train --help | sed -n 's/^ *\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p' | grep -vx help >"$TMP/options"
ok test "$(wc -l <"$TMP/options")" -gt 30
while read -r option; do
	ok grep -qe "--$option\>" tests/cli/*.sh
done <"$TMP/options"

finish
