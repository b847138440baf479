#!/bin/sh
# rnnlm train --ensemble: members are the runs that they are alone, the model is better than
# they are, and whatever happens on the way nothing is lost.
#
# shellcheck disable=SC2317 # run calls functions
. tests/cli/lib.sh

i=0
while [ "$i" -lt 300 ]; do
	echo "the cat number $i sat on the mat, and $((i * 7)) mice ran away;"
	i=$((i + 1))
done >"$TMP/corpus.txt"
c=$TMP/corpus.txt

alone() { # the options of a member
	"$RNNLM" train --hidden=12 --layers=2 --batch=4 --seq=8 --eval-every=30 --threads=1 --log=none "$@"
}
train() {
	alone --ensemble=3 --seed=7 "$@"
}
behind() { # as itself, not in a shell that a signal would end in its place
	exec "$RNNLM" train --hidden=12 --layers=2 --batch=4 --seq=8 --eval-every=30 --threads=1 --log=none --ensemble=3 --seed=7 "$@"
}
members() { # files of members, of the model FILE.safetensors
	find "$TMP" -name "$(basename "$1" .safetensors).member*.safetensors" | wc -l
}

# --- the model ------------------------------------------------------------------------------

t "an ensemble is its members, trained alone with seeds one after the other, and better"
whole=$TMP/whole.safetensors
run 0 train --steps=60 --json -o "$whole" "$c"
joint=$(number val_nats "$TMP/out")
ok is "$(number steps "$TMP/out")" 180
cp "$TMP/err" "$TMP/notes"
: >"$TMP/alone"
for seed in 7 8 9; do
	run 0 alone --steps=60 --json --seed=$seed -o "$TMP/one.safetensors" "$c"
	number val_nats "$TMP/out" >>"$TMP/alone"
done
sed -n 's/.*member . of 3, held out: \([0-9.]*\) nats.*/\1/p' "$TMP/notes" >"$TMP/said"
awk '{ printf "%.4f\n", $1 }' "$TMP/alone" >"$TMP/rounded"
same "$TMP/said" "$TMP/rounded"
# Of a normalised geometric mean the loss is at most the mean of the losses.
ok test "$(awk -v joint="$joint" '{ s += $1 } END { print joint < s / NR - 0.001 }' "$TMP/alone")" = 1

t "what training says of the model is what score says; info tells of the members"
run 0 "$RNNLM" score --json --tail=0.1 -m "$whole" -f "$c"
ok test "$(awk -v a="$joint" -v b="$(number nats_per_char "$TMP/out")" 'BEGIN { d = a - b; print d * d < 1e-10 }')" = 1
run 0 "$RNNLM" info "$whole"
out_has "3 of 12 units"
out_has "cannot go on"
run 0 "$RNNLM" info --json "$whole"
ok is "$(number members "$TMP/out"),$(number hidden "$TMP/out")" 3,36
ok is "$(members "$whole")" 0

t "the same bytes with any number of threads; pieces, an embedding and other cells, too"
run 0 train --steps=60 --threads=2 -o "$TMP/threads.safetensors" "$c"
same "$whole" "$TMP/threads.safetensors"
run 0 train --steps=20 --cell=gru --unit=bpe --vocab-size=270 --residual -o "$TMP/gru.safetensors" "$c"
run 0 "$RNNLM" sample --length=20 -m "$TMP/gru.safetensors"
run 0 train --epochs=0.2 --cell=rnn --unit=word --layers=1 -o "$TMP/rnn.safetensors" "$c"
run 0 "$RNNLM" score --dynamic=0.1 -m "$TMP/rnn.safetensors" "the cat sat"

# --- nothing is lost --------------------------------------------------------------------------

t "killed at any moment and gone on with: the file of the run that nobody disturbed"
k=$TMP/killed.safetensors
kills=0
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	if [ -e "$TMP/killed.member1.safetensors" ]; then
		"$RNNLM" train --resume --threads=1 --log=none --save-steps=5 -o "$k" "$c" >/dev/null 2>"$TMP/err" &
	else
		behind --steps=60 --save-steps=5 -o "$k" "$c" >/dev/null 2>"$TMP/err" &
	fi
	child=$!
	sleep "$(awk -v n="$n" -v seed=$$ 'BEGIN { srand(seed + 31 * n); printf "%.3f", 0.02 + 0.15 * rand() }')"
	kill -9 "$child" 2>/dev/null && kills=$((kills + 1))
	wait "$child" 2>/dev/null
	lib_check
	[ "$(members "$k")" = 0 ] && [ -e "$k" ] && break
done
if [ "$(members "$k")" != 0 ]; then
	run 0 "$RNNLM" train --resume --threads=1 --log=none -o "$k" "$c"
fi
same "$whole" "$k"

t "stopped in the second member: the model is the first, and it can be gone on with"
s=$TMP/stopped.safetensors
behind --epochs=60 -o "$s" "$c" >/dev/null 2>"$TMP/err" &
child=$!
until_there "$TMP/stopped.member2.safetensors" "$child"
kill -TERM "$child"
run 143 wait "$child"
run 0 "$RNNLM" info --json "$s"
n=$(number members "$TMP/out") # or the first two, if the second was very fast
ok test "$n" -ge 1 -a "$n" -le 2 -a "$(number hidden "$TMP/out")" = $((12 * n)) -a "$(members "$s")" -ge 2
run 1 "$RNNLM" train --resume --seed=8 -o "$s" "$c"
err_has "--seed=7"
run 0 "$RNNLM" train --resume --threads=1 --log=none -o "$s" "$c"
run 0 train --epochs=60 -o "$TMP/whole60.safetensors" "$c"
same "$TMP/whole60.safetensors" "$s"

t "stopped in the first member: the model is what there is of it"
behind --for=1h --save-steps=5 -o "$TMP/first.safetensors" "$c" >/dev/null 2>"$TMP/err" &
child=$!
until_there "$TMP/first.member1.safetensors" "$child"
kill -INT "$child"
run 130 wait "$child"
run 0 "$RNNLM" score -m "$TMP/first.safetensors" "the cat"

t "where the model cannot be written: said, the members go on, and nothing of them is lost"
mkdir "$TMP/full"
behind --epochs=60 --save-steps=5 -o "$TMP/full/m.safetensors" "$c" >/dev/null 2>"$TMP/notes" &
child=$!
until_there "$TMP/full/m.member1.safetensors" "$child"
mkdir -p "$TMP/full/m.safetensors/in_the_way" # cannot be replaced
run 1 wait "$child"
ok grep -q "to be tried again after the next member" "$TMP/notes"
ok is "$(members "$TMP/full/m.safetensors")" 3
rm -r "$TMP/full/m.safetensors"*
run 0 "$RNNLM" train --resume --threads=1 --log=none -o "$TMP/full/m.safetensors" "$c"
same "$TMP/whole60.safetensors" "$TMP/full/m.safetensors"

t "a new run puts members of an unfinished one aside"
run 0 alone --steps=5 -o "$TMP/first.safetensors" "$c"
err_has "first.member1.safetensors, is kept as"
ok test -e "$TMP/first.member1.safetensors.~1~"
ok is "$(members "$TMP/first.safetensors")" 0

t "a member of another run in the place of one's own"
behind --steps=100000 --save-steps=5 -o "$TMP/odd.safetensors" "$c" >/dev/null 2>"$TMP/err" &
child=$!
until_there "$TMP/odd.member1.safetensors" "$child"
kill -TERM "$child"
run 143 wait "$child"
cp "$TMP/odd.member1.safetensors" "$TMP/odd.member2.safetensors"
run 1 "$RNNLM" train --resume --steps=1 --threads=1 --log=none -o "$TMP/odd.safetensors" "$c"
err_has "odd.member2.safetensors is not of this run"

# --- refused -----------------------------------------------------------------------------------

t "what does not go together"
run 2 train --steps=5 --tie --embed=12 -o "$TMP/no.safetensors" "$c"
err_has "--tie and --ensemble"
run 2 train --steps=5 --init-from="$whole" -o "$TMP/no.safetensors" "$c"
err_has "--init-from"
run 2 train --steps=5 --ensemble=0 -o "$TMP/no.safetensors" "$c"
run 1 "$RNNLM" train --resume -o "$whole" "$c"
err_has "no training to go on with"
run 0 alone --steps=5 --hidden=36 --init-from="$whole" -o "$TMP/tuned.safetensors" "$c" # as one model it can be trained on

finish
