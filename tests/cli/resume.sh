#!/bin/sh
# rnnlm train: going on with a run, starting from old weights, and that nothing is lost.
#
#   KILLS=200 sh tests/cli/resume.sh      as `make soak` does
#
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's or an inner shell's; run calls functions
. tests/cli/lib.sh

KILLS=${KILLS:-20}
i=0
while [ "$i" -lt 300 ]; do
	echo "the cat number $i sat on the mat, and $((i * 7)) mice ran away;"
	i=$((i + 1))
done >"$TMP/corpus.txt"
c=$TMP/corpus.txt

# Small and soon done; options that come later win.
small='--hidden=12 --layers=1 --batch=4 --seq=8 --eval-every=30 --threads=1'
train() {
	# shellcheck disable=SC2086 # several options
	"$RNNLM" train $small "$@"
}
resume() {
	"$RNNLM" train --resume --threads=1 "$@"
}
start() {
	"$RNNLM" train --threads=1 "$@"
}
# In the background as itself, not in a shell that a signal would end in its place.
train_behind() {
	# shellcheck disable=SC2086
	exec "$RNNLM" train $small "$@"
}
step_of() { # MODEL
	"$RNNLM" info --json "$1" | sed -n 's/.*"step":\([0-9]*\).*/\1/p'
}
# The columns of a log that do not tell of wall-clock time.
rows() {
	cut -f 1,2,4-8 "$1"
}
same_logs() {
	rows "$1" >"$TMP/rows1"
	rows "$2" >"$TMP/rows2"
	same "$TMP/rows1" "$TMP/rows2"
}
left_over() {
	find "$TMP" -maxdepth 2 -name '.rnnlm-*' | wc -l
}

# --- killed at any moment ------------------------------------------------------
# lifetime N: seconds to live, the N-th draw.
draws=0
lifetime() {
	awk -v n="$1" -v seed=$$ -v most="$(number seconds "$TMP/json")" \
		'BEGIN { srand(seed + 7919 * n); printf "%.3f", 0.005 + (0.15 + most) * rand() ^ 2 }'
}

# kill_and_resume KILLS OPTION...: a run is killed so often and gone on with by other
# numbers of threads, again from the start when it comes through, and each time it does
# the file and the log must be those of the run that nobody disturbed.
kill_and_resume() {
	kills=$1 killed=0 resumed=0
	shift
	k=$TMP/kill/m.safetensors
	rm -rf "$TMP/kill"
	run 0 train "$@" --json -o "$TMP/whole.safetensors" "$c"
	cp "$TMP/out" "$TMP/json"
	while :; do
		resume=--resume
		[ -e "$k" ] || resume= # killed before the first checkpoint, or a new round
		train_behind "$@" ${resume:+"$resume"} --threads=$((1 + killed % 3)) --save-steps=5 -o "$k" "$c" >"$TMP/out" 2>"$TMP/err" &
		child=$!
		# A slow machine may need more before one struck behind a checkpoint.
		if [ "$killed" -lt "$kills" ] || { [ "$resumed" = 0 ] && [ "$killed" -lt $((kills + 100)) ]; }; then
			draws=$((draws + 1))
			nap "$(lifetime "$draws")"
			kill -9 "$child" 2>/dev/null
		fi
		wait "$child" 2>/dev/null
		status=$?
		grep -q 'going on with' "$TMP/err" && resumed=$((resumed + 1))
		lib_check
		case $status in
		137) killed=$((killed + 1)) ;;
		0)
			same "$k" "$TMP/whole.safetensors"
			same_logs "$TMP/kill/m.tsv" "$TMP/whole.tsv"
			ok test "$(find "$TMP/kill" -name 'm.safetensors?*' | wc -l)" -eq 0
			ok test "$(left_over)" -eq 0
			if [ "$killed" -ge "$kills" ] && { [ "$resumed" != 0 ] || [ "$killed" -ge $((kills + 100)) ]; }; then
				break
			fi
			rm -rf "$TMP/kill"
			;;
		*)
			lib_fail "the run ended with status $status: $(cat "$TMP/err")"
			break
			;;
		esac
		# Whatever the moment, what stands there is a model, or nothing does.
		[ ! -e "$k" ] || ok "$RNNLM" info "$k"
	done
	ok test "$resumed" -ge 1
}
t "killed at any moment, at any number of threads: the same file and the same log"
kill_and_resume "$KILLS" --precision=f32 --steps=250 --dropout=0.2
t "the same in bf16, other options, and where validation is rare"
kill_and_resume $((KILLS / 2)) --precision=bf16 --steps=205 --cell=gru --layers=2 --residual --eval-every=70 --weight-decay=0.01

# --- going on --------------------------------------------------------------------
# A run of a length that nobody knows before: stopped by a signal, its file kept.
t "stopped by Ctrl-C, gone on with: as if it had not been stopped"
s=$TMP/stopped.safetensors
train_behind --steps=1000000 --schedule=constant --save-steps=50 --json -o "$s" "$c" >"$TMP/json" 2>/dev/null &
child=$!
until_there "$s" "$child"
kill -INT "$child"
run 130 wait "$child"
k=$(step_of "$s")
ok test "$k" -ge 50
cp "$TMP/stopped.tsv" "$TMP/stopped.log"
total=$((k + 45))
run 0 train --steps=$total --schedule=constant -o "$TMP/whole.safetensors" "$c"
for n in 1 2 3; do
	cp "$s" "$TMP/more.safetensors"
	cp "$TMP/stopped.log" "$TMP/more.tsv"
	run 0 resume --steps=$total --threads=$n --json -o "$TMP/more.safetensors" "$c"
	err_has "going on with $TMP/more.safetensors at step $k"
	same "$TMP/more.safetensors" "$TMP/whole.safetensors"
	same_logs "$TMP/more.tsv" "$TMP/whole.tsv"
	ok test "$(number steps)" = $total
	# earlier sessions count
	ok awk "BEGIN { exit !($(number seconds) >= $(number seconds "$TMP/json") && $(number seconds "$TMP/json") > 0) }"
done
ok test ! -e "$TMP/more.safetensors.~1~"

t "the default path"
mkdir -p "$TMP/sub"
cp "$c" "$TMP/sub/some.book.txt"
in_sub() {
	(cd "$TMP/sub" && "$@")
}
run 1 in_sub "$RNNLM" train some.book.txt --resume
err_has 'there is no models/some.book.safetensors'
run 0 in_sub train --steps=20 some.book.txt
run 0 in_sub "$RNNLM" train some.book.txt --resume --steps=25
ok test "$(step_of "$TMP/sub/models/some.book.safetensors")" = 25
ok test "$(find "$TMP/sub/models" -type f | wc -l)" -eq 2
run 0 sh -c 'cd "$1/sub" && "$RNNLM" train --resume --steps=30 -o models/some.book.safetensors - <"$2"' - "$TMP" "$c"
ok test "$(step_of "$TMP/sub/models/some.book.safetensors")" = 30

t "a run that is through says so and is left alone"
m=$TMP/m.safetensors
run 0 train --steps=40 --json -o "$m" "$c"
val=$(number val_nats)
cp "$m" "$TMP/was.safetensors"
cp "$TMP/m.tsv" "$TMP/was.tsv"
for length in '' --steps=40 --steps=30 --epochs=0.001; do
	run 0 resume ${length:+"$length"} --json -o "$m" "$c"
	err_has 'nothing is left to do'
	err_has 'a longer length'
	ok test "$(number steps)" = 40
	ok test "$(number val_nats)" = "$val"
	same "$m" "$TMP/was.safetensors"
	same "$TMP/m.tsv" "$TMP/was.tsv"
done
ok test "$(find "$TMP" -maxdepth 1 -name 'm.*~' | wc -l)" -eq 0

t "a longer length, of any kind"
run 0 resume --steps=50 --json -o "$m" "$c"
ok test "$(number steps)" = 50
ok awk "BEGIN { exit !($(number seconds) >= $(tail -n 1 "$TMP/was.tsv" | cut -f 3)) }"
ok awk -F '\t' 'NR > 2 && $1 <= last { bad++ } { last = $1 } END { exit bad || last != 50 }' "$TMP/m.tsv"
run 0 resume --epochs=0.2 --json -o "$m" "$c"
ok test "$(number steps)" -gt 50
run 0 "$RNNLM" info --json "$m"
out_has '"epochs":"0.2"'
out_has '"steps":"0"'
# the rate follows the new length: higher again than it was at the old one's end
ok awk -F '\t' '$1 == 50 { old = $7 } $1 == 60 { new = $7 } END { exit !(old > 0 && new > 2 * old) }' "$TMP/m.tsv"
run 0 resume --for=1s --json -o "$m" "$c"
run 0 resume -o "$m" "$c"
err_has 'nothing is left to do'
run 2 resume --for=1s --steps=3 -o "$m" "$c"
err_has 'only one of'

t "a length given is not forgotten"
cp "$s" "$TMP/more.safetensors"
run 0 resume --steps=$((k + 5)) --log=none -o "$TMP/more.safetensors" "$c"
run 0 "$RNNLM" info --json "$TMP/more.safetensors"
out_has "\"steps\":\"$((k + 5))\""

# --- what may not change -----------------------------------------------------------
t "options that are the run's own"
run 0 train --steps=10 --precision=f32 -o "$m" "$c"
cp "$m" "$TMP/was.safetensors"
changed='--val-frac=0.2 --unit=byte --min-count=2 --cell=gru --layers=2 --hidden=13 --embed=4 --tie --residual --dropout=0.3
--precision=bf16 --batch=5 --seq=9 --restart=0.5 --lr=0.001 --schedule=linear --warmup=7 --clip=2 --weight-decay=0.5
--eval-every=31 --seed=2 --optimizer=sgd --muon-lr=0.1 --momentum=0.5 --dropout-in=0.1 --dropout-hh=0.1 --plateau=5 --ensemble=2'
for option in $changed; do
	name=${option%%=*}
	run 1 resume --steps=20 "$option" -o "$m" "$c"
	err_has "$name="
	err_has "$m"
	err_has "--init-from=$m"
done
same "$m" "$TMP/was.safetensors"
# none that is stored is forgotten here (--vocab-size has no meaning for characters)
run 0 "$RNNLM" info "$m"
sed -n 's/^option\.\([^ ]*\) .*/--\1/p' "$TMP/out" | grep -v -x -e --for -e --epochs -e --steps -e --vocab-size | sort >"$TMP/stored"
echo "$changed" | tr ' ' '\n' | sed 's/=.*//' | sort >"$TMP/tried"
same "$TMP/stored" "$TMP/tried"
run 1 resume --steps=20 --hidden=13 -o "$m" "$c"
err_has "--hidden=13: $m has --hidden=12"
# the same value is no change, nor is auto
run 0 resume --steps=20 --hidden=12 --seed=1 --no-tie --precision=auto --dropout=0.10 --batch=4 -o "$m" "$c"
run 0 resume --steps=21 --precision=f32 --threads=2 --save-every=1s --save-steps=3 -o "$m" "$c"
ok test "$(step_of "$m")" = 21

t "another text"
cp "$m" "$TMP/was.safetensors"
cp "$TMP/m.tsv" "$TMP/was.tsv"
sed '5s/cat/cow/' "$c" >"$TMP/other.txt"
run 1 resume --steps=30 -o "$m" "$TMP/other.txt"
err_has "this is not the text that $m is trained on"
err_has fnv1a64:
head -n 290 "$c" >"$TMP/head.txt"
tail -n +291 "$c" >"$TMP/tail.txt"
run 1 resume --steps=30 -o "$m" "$TMP/head.txt"
err_has "$(($(wc -c <"$c"))) bytes"
# the same bytes, but others of them held out
run 1 resume --steps=30 --val "$TMP/tail.txt" -o "$m" "$TMP/head.txt"
err_has 'cut elsewhere'
run 1 resume --steps=30 -o "$m" "$TMP/missing.txt"
err_has missing.txt
same "$m" "$TMP/was.safetensors"
same "$TMP/m.tsv" "$TMP/was.tsv"
# several files are one text
run 0 resume --steps=30 -o "$m" "$TMP/head.txt" "$TMP/tail.txt"
run 0 train --steps=10 --val "$TMP/tail.txt" -o "$TMP/v.safetensors" "$TMP/head.txt"
run 0 resume --steps=20 --val "$TMP/tail.txt" -o "$TMP/v.safetensors" "$TMP/head.txt"
run 1 resume --steps=30 -o "$TMP/v.safetensors" "$c"
err_has 'give --val'

t "files that cannot be gone on with"
run 1 resume -o "$TMP/missing.safetensors" "$c"
err_has 'there is no'
ok test ! -e "$TMP/missing.safetensors"
run 2 resume -o "$m"
err_has 'the text is needed again'
run 2 "$RNNLM" train
err_has 'rnnlm train [options] FILE...'
run 0 "$RNNLM" info --strip "$TMP/stripped.safetensors" "$m"
run 1 resume -o "$TMP/stripped.safetensors" "$c"
err_has 'no training to go on with'
err_has '--init-from='
run 1 resume -o "$c" "$c"
err_has corpus.txt
head -c 5000 "$m" >"$TMP/cut.safetensors"
run 1 resume -o "$TMP/cut.safetensors" "$c"
err_has cut.safetensors
# edited by hand, lengths kept
edit() { # SED-COMMAND
	sed "$1" "$m" >"$TMP/edited.safetensors"
	ok test "$(wc -c <"$m")" -eq "$(wc -c <"$TMP/edited.safetensors")"
	run 1 resume --steps=99 -o "$TMP/edited.safetensors" "$c"
	err_has edited.safetensors
}
edit 's/"option.seed":"1"/"option.seed":"2"/'
err_has 'has the seed 1, not 2'
edit 's/"option.hidden":"12"/"option.hidden":"13"/'
err_has 'contradicts itself'
edit 's/"option.lr":/"option.xx":/'
err_has 'xx'
edit 's/"option.clip":"1"/"option.clip":"x"/'
err_has 'clip'
edit 's/"corpus_hash"/"corpus_hush"/'
err_has '"corpus_hash" is missing'
edit 's/"corpus_bytes":"1/"corpus_bytes":"2/'
err_has 'not the text'

# --- the log -----------------------------------------------------------------------
t "rows behind the checkpoint are cut off"
rm -f "$TMP"/m.*
run 0 train --steps=40 -o "$m" "$c"
cp "$TMP/m.tsv" "$TMP/was.tsv"
printf '60\t1\t9\t9\t1\t\t1\t1\t1\n80\t1' >>"$TMP/m.tsv"
run 0 resume --steps=45 -o "$m" "$c"
ok awk -F '\t' 'NF != 9 || $1 == 60 { exit 1 }' "$TMP/m.tsv"
ok test "$(tail -n 1 "$TMP/m.tsv" | cut -f 1)" = 45
head -n "$(wc -l <"$TMP/was.tsv")" "$TMP/m.tsv" >"$TMP/head.tsv"
same "$TMP/head.tsv" "$TMP/was.tsv"
ok test ! -e "$TMP/m.tsv.~1~"

t "a log that is gone, another, none, and one that is no log"
rm "$TMP/m.tsv"
run 0 resume --steps=60 -o "$m" "$c"
ok test "$(cut -f 1 "$TMP/m.tsv" | tr '\n' ' ')" = 'step 60 '
run 0 resume --steps=80 --log "$TMP/new/log.tsv" -o "$m" "$c"
ok test "$(cut -f 1 "$TMP/new/log.tsv" | tr '\n' ' ')" = 'step 80 '
cp "$TMP/m.tsv" "$TMP/was.tsv"
run 0 resume --steps=85 --log none -o "$m" "$c"
same "$TMP/m.tsv" "$TMP/was.tsv"
echo precious >"$TMP/notes"
run 0 resume --steps=90 --log "$TMP/notes" -o "$m" "$c"
ok grep -q precious "$TMP/notes.~1~"

# --- two runs, one file ---------------------------------------------------------------
t "a file that another run is writing is refused, and free again after it"
rm -f "$m" "$TMP/m.tsv"
train_behind --for=1h -o "$m" "$c" >/dev/null 2>&1 &
child=$!
until [ -s "$TMP/.rnnlm-$(basename "$m").tmp" ] || ! kill -0 "$child"; do
	nap 0.02
done
for how in --resume --for=1s; do
	run 1 "$RNNLM" train $how -o "$m" "$c"
	err_has "$m is being written by another rnnlm (process $child)"
done
# shellcheck disable=SC2086
run 0 "$RNNLM" train $small --steps=3 -o "$TMP/apart.safetensors" "$c"
kill -INT "$child"
run 130 wait "$child"
run 0 left_over
out_is 0
run 0 resume --steps=1 -o "$m" "$c"
train_behind --for=1h -o "$m" "$c" >/dev/null 2>&1 &
child=$!
until [ -s "$TMP/.rnnlm-$(basename "$m").tmp" ] || ! kill -0 "$child"; do
	nap 0.02
done
kill -9 "$child"
run 137 wait "$child"
# shellcheck disable=SC2086
run 0 "$RNNLM" train $small --steps=3 -o "$m" "$c"
run 0 left_over
out_is 0

# --- saving ------------------------------------------------------------------------
# killed_when CONDITION OPTION...: a new run, killed as soon as the condition holds.
killed_when() {
	rm -f "$m" "$TMP/m.tsv"
	condition=$1
	shift
	train_behind --for=1h -o "$m" "$@" "$c" >/dev/null 2>&1 &
	child=$!
	until eval "$condition" 2>/dev/null || ! kill -0 "$child"; do
		nap 0.02
	done
	kill -9 "$child"
	run 137 wait "$child"
}
m_step() { # -1 if there is no model yet
	[ -e "$m" ] && step_of "$m" || echo -1
}
t "--save-every and --save-steps, with no improvement too"
killed_when '[ "$(wc -l <"$TMP/m.tsv")" -gt 5 ]' --save-every=1h
ok test ! -e "$m"
killed_when '[ "$(m_step)" -ge 3 ]' --save-every=0.001s
run 0 "$RNNLM" info "$m"
out_has 'can go on from step'
killed_when '[ "$(m_step)" -ge 8 ]' --save-every=1h --save-steps=4
ok test $(($(step_of "$m") % 4)) -eq 0
# before the first validation the file offers what was learnt so far
killed_when '[ "$(m_step)" -ge 100 ]' --save-steps=50 --eval-every=1000000
run 0 "$RNNLM" score -m "$m" --tail 0.1 -f "$c" --json
ok awk "BEGIN { exit !($(number nats_per_char) < 3) }"
run 0 resume --for=0.1s -o "$m" "$c"
for bad in --save-every=-1 --save-every=x --save-steps=-1 --save-steps=x; do
	run 2 train "$bad" -o "$TMP/bad.safetensors" "$c"
	err_has "${bad%%=*}"
done

t "where nothing can be written: the last checkpoint is kept, the run goes on, and says so"
run 0 train --steps=100 --precision=f32 -o "$TMP/whole.safetensors" "$c"
cp "$s" "$m"
cp "$TMP/stopped.log" "$TMP/m.tsv"
# Files may have 32 blocks of 512 bytes, which the model does not fit in.
run 1 sh -c 'trap "" XFSZ; ulimit -f 32; exec "$RNNLM" train --resume --log=none --steps="$1" --save-steps=10 -o "$2" "$3"' - \
	$((k + 45)) "$m" "$c"
ok test "$(grep -c 'not saved, to be tried again' "$TMP/err")" -ge 4
err_has 'too large'
err_has "the last good checkpoint is $m at step $k"
same "$m" "$s"
ok test "$(left_over)" -eq 0
run 0 resume --steps=$((k + 45)) -o "$m" "$c"
same_logs "$TMP/m.tsv" "$TMP/more.tsv"

t "what a killed process left is removed, what a living one writes is not"
mkdir "$TMP/left"
echo half >"$TMP/left/.rnnlm-1-0.tmp"
run 0 train --steps=5 -o "$TMP/left/m.safetensors" "$c"
ok test "$(find "$TMP/left" -name '.*.tmp' | wc -l)" -eq 0

t "a run that goes on keeps no copies; a new one does"
run 0 train --steps=5 -o "$TMP/left/m.safetensors" "$c"
err_has 'm.safetensors.~1~'
run 0 resume --steps=9 -o "$TMP/left/m.safetensors" "$c"
ok test "$(find "$TMP/left" -name 'm.safetensors*' | wc -l)" -eq 2

t "SIGHUP that is ignored stays so"
sh -c 'trap "" HUP; exec "$RNNLM" train --hidden=12 --layers=1 --steps=300 --batch=4 --seq=8 --log=none -o "$1" "$2"' - \
	"$TMP/hup.safetensors" "$c" >/dev/null 2>&1 &
child=$!
nap 0.02
kill -HUP "$child" 2>/dev/null
run 0 wait "$child"
ok test "$(step_of "$TMP/hup.safetensors")" = 300

# --- old weights ---------------------------------------------------------------------
t "--init-from: the same model before the first step"
run 0 train --steps=60 --cell=gru --hidden=14 --embed=14 --tie --layers=2 --residual --precision=f32 -o "$TMP/old.safetensors" "$c"
"$RNNLM" score -m "$TMP/old.safetensors" -f "$c" --json >"$TMP/json"
# a rate that changes no weight
run 0 start --init-from="$TMP/old.safetensors" --optimizer=adam --lr=1e-30 --steps=1 --precision=f32 -o "$TMP/new.safetensors" "$c"
err_has 'and 0 new symbols'
run 0 "$RNNLM" score -m "$TMP/new.safetensors" -f "$c" --json
ok test "$(number nats)" = "$(number nats "$TMP/json")"
run 0 "$RNNLM" info --json "$TMP/new.safetensors"
for shape in '"cell":"gru"' '"hidden":14' '"layers":2' '"embed":14' '"tie":true' '"residual":true' '"step":1' '"hidden":"14"'; do
	out_has "$shape"
done
# of another text with symbols that the old one lacks, and lacking some of the old one's
awk 'BEGIN { for (i = 0; i < 200; i++) printf "Grüße, Zoë %d!\n", i }' >"$TMP/more.txt"
run 0 "$RNNLM" tokenize -m "$TMP/old.safetensors" --vocab
old_symbols=$(wc -l <"$TMP/out")
run 0 start --init-from="$TMP/old.safetensors" --precision=bf16 --steps=1 --lr=1e-30 -o "$TMP/new.safetensors" "$TMP/more.txt"
new=$(sed -n 's/.*and \([0-9]*\) new symbols.*/\1/p' "$TMP/err")
ok test "$new" -ge 5
run 0 "$RNNLM" tokenize -m "$TMP/new.safetensors" --vocab
ok test "$(wc -l <"$TMP/out")" -eq $((old_symbols + new))
# what was known is: given only the old symbols, their order by likelihood is the same
run 0 "$RNNLM" score -m "$TMP/new.safetensors" -f "$c" --json
ok awk "BEGIN { exit !($(number nats_per_char) < 4 && $(number unknown) == 0) }"
run 0 "$RNNLM" info --json "$TMP/new.safetensors"
out_has '"precision":"bf16"'
# it is a run like others
run 0 resume --steps=5 -o "$TMP/new.safetensors" "$TMP/more.txt"

t "--init-from: learning goes on from what was learnt"
run 0 train --steps=400 --dropout=0 -o "$TMP/old.safetensors" "$c"
run 0 train --steps=20 --dropout=0 --json -o "$TMP/scratch.safetensors" "$c"
scratch=$(number val_nats)
run 0 start --init-from="$TMP/old.safetensors" --steps=20 --dropout=0 --json -o "$TMP/new.safetensors" "$c"
ok awk "BEGIN { exit !($(number val_nats) < $scratch - 0.3) }"
# also in place: the old model is kept
cp "$TMP/old.safetensors" "$TMP/was.safetensors"
cp "$TMP/old.safetensors" "$TMP/place.safetensors"
run 0 start --init-from="$TMP/place.safetensors" --steps=2 -o "$TMP/place.safetensors" "$c"
same "$TMP/place.safetensors.~1~" "$TMP/was.safetensors"

t "--init-from: what the model decides"
for option in --cell=gru --layers=2 --hidden=13 --embed=4 --tie --residual --unit=byte; do
	run 1 start --init-from="$TMP/was.safetensors" "$option" -o "$TMP/bad.safetensors" "$c"
	err_has "${option%%=*}="
	err_has "$TMP/was.safetensors"
done
run 2 start --init-from="$TMP/was.safetensors" --resume -o "$TMP/bad.safetensors" "$c"
err_has '--init-from'
run 1 start --init-from="$TMP/missing.safetensors" -o "$TMP/bad.safetensors" "$c"
err_has missing.safetensors
run 1 start --init-from="$c" -o "$TMP/bad.safetensors" "$c"
err_has corpus.txt
ok test ! -e "$TMP/bad.safetensors"
run 0 start --init-from="$TMP/was.safetensors" --cell=lstm --layers=1 --hidden=12 --no-tie --steps=2 -o "$TMP/good.safetensors" "$c"

finish
