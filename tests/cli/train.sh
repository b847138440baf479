#!/bin/sh
# rnnlm train
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's or an inner shell's; run calls functions
. tests/cli/lib.sh

# Small and soon done; options that come later win.
train() {
	"$RNNLM" train --hidden=16 --layers=1 --steps=30 --batch=4 --seq=16 "$@"
}
differ() {
	ok sh -c '! cmp -s "$1" "$2"' - "$1" "$2"
}
# loads MODEL: it is whole, and text can be drawn from it.
loads() {
	ok "$RNNLM" info "$1"
	ok "$RNNLM" sample -m "$1" -n 5 --seed=1
}

i=0
while [ "$i" -lt 300 ]; do
	echo "the cat number $i sat on the mat, and $((i * 7)) mice ran away;"
	i=$((i + 1))
done >"$TMP/corpus.txt"
c=$TMP/corpus.txt
m=$TMP/m.safetensors
bytes=$(wc -c <"$c")
cells=$("$RNNLM" help --completion=bash | sed -n 's/.*train:--cell) words="\(.*\)".*/\1/p')

# --- the same bytes ----------------------------------------------------------
# same_model OPTION...: at one, two and three threads.
same_model() {
	for n in 1 2 3; do
		run 0 train "$@" --threads=$n --log=none -o "$TMP/threads$n.safetensors" "$c"
	done
	same "$TMP/threads1.safetensors" "$TMP/threads2.safetensors"
	same "$TMP/threads1.safetensors" "$TMP/threads3.safetensors"
}
t "there are cells"
ok test "$(echo "$cells" | wc -w)" -ge 3
for cell in $cells; do
	t "$cell: the same file at any number of threads"
	same_model --cell="$cell"
	same_model --cell="$cell" --layers=2 --dropout=0.4
	loads "$TMP/threads1.safetensors"
done

t "other shapes, the same file at any number of threads"
same_model --layers=3 --hidden=24 --embed=24 --tie --residual --batch=9 --seq=7
loads "$TMP/threads1.safetensors"
same_model --layers=2 --hidden=33 --embed=5 --batch=1 --unit=byte
loads "$TMP/threads1.safetensors"

t "the same seed, and another"
run 0 train --seed=1 --log=none -o "$TMP/a.safetensors" "$c"
run 0 train --log=none -o "$TMP/b.safetensors" "$c"
same "$TMP/a.safetensors" "$TMP/b.safetensors"
run 0 train --seed=2 --log=none -o "$TMP/b.safetensors" "$c"
differ "$TMP/a.safetensors" "$TMP/b.safetensors"

t "options change the model"
for option in --lr=0.001 --schedule=constant --schedule=linear --warmup=0 --clip=0.01 --weight-decay=1 --dropout=0.5 \
	--batch=5 --seq=15; do
	run 0 train "$option" --log=none -o "$TMP/b.safetensors" "$c"
	differ "$TMP/a.safetensors" "$TMP/b.safetensors"
done

# --- length ------------------------------------------------------------------
t "steps, and the summary"
run 0 train --steps=20 --json -o "$m" "$c"
ok test "$(wc -l <"$TMP/out")" -eq 1
out_has "{\"model\":\"$m\","
ok test "$(number steps)" = 20
ok test "$(number tokens)" = $((20 * 4 * 16))
for key in params seconds tokens_per_s train_nats val_nats val_bits; do
	ok awk "BEGIN { exit !($(number $key) + 0 > 0) }"
done
ok awk "BEGIN { d = $(number val_nats) / log(2) - $(number val_bits); exit !(d * d < 1e-9) }"
err_has "saved $m"
cp "$TMP/out" "$TMP/summary"
run 0 "$RNNLM" info --json "$m"
ok test "$(number params)" = "$(number params "$TMP/summary")"

t "epochs"
train_symbols=$((bytes * 9 / 10))
length=$(((train_symbols - 1) / 4))
run 0 "$RNNLM" train --hidden=16 --layers=1 --batch=4 --seq=64 --epochs=2 --json -o "$m" "$c"
ok test "$(number steps)" = $((2 * ((length + 63) / 64)))
ok test "$(number tokens)" = $((2 * 4 * length))
ok awk -F '\t' 'END { exit !($2 > 1.999 && $2 < 2.001) }' "$TMP/m.tsv"
run 0 "$RNNLM" train --hidden=16 --layers=1 --batch=4 --seq=64 --epochs=0.5 --json -o "$m" "$c"
ok test "$(number steps)" -le $(((length + 63) / 64 / 2 + 1))

t "wall clock"
start=$(date +%s)
run 0 "$RNNLM" train --hidden=16 --layers=1 --for=1s --json -o "$m" "$c"
ok test $(($(date +%s) - start)) -le 20
ok awk "BEGIN { exit !($(number seconds) >= 0.5 && $(number seconds) < 20) }"
loads "$m"

t "one length only"
run 2 train --epochs=1 -o "$m" "$c"
err_has '--steps'

t "the loss falls"
run 0 train --steps=300 --hidden=32 --dropout=0 --batch=8 --seq=32 --json --warmup=5 -o "$m" "$c"
ok awk "BEGIN { exit !($(number val_nats) < 1.5) }"

# --- files -------------------------------------------------------------------
t "the default path, and what it replaces"
mkdir "$TMP/sub"
cp "$c" "$TMP/sub/some.book.txt"
# in_sub ARGUMENT...: in a folder of its own
in_sub() {
	(cd "$TMP/sub" && train "$@")
}
run 0 in_sub --seed=1 some.book.txt
loads "$TMP/sub/models/some.book.safetensors"
ok test -s "$TMP/sub/models/some.book.tsv"
cp "$TMP/sub/models/some.book.safetensors" "$TMP/first"
run 0 in_sub --seed=2 some.book.txt
err_has 'models/some.book.safetensors.~1~'
same "$TMP/sub/models/some.book.safetensors.~1~" "$TMP/first"
cp "$TMP/sub/models/some.book.safetensors" "$TMP/second"
differ "$TMP/first" "$TMP/second"
run 0 in_sub --seed=3 some.book.txt
same "$TMP/sub/models/some.book.safetensors.~1~" "$TMP/first"
same "$TMP/sub/models/some.book.safetensors.~2~" "$TMP/second"
ok test "$(find "$TMP/sub/models" -name '.*' -type f | wc -l)" -eq 0

t "the log"
run 0 train --steps=60 --eval-every=25 -o "$TMP/log/m.safetensors" "$c"
ok test "$(head -n 1 "$TMP/log/m.tsv")" = "$(printf 'step\tepoch\tseconds\ttokens\ttrain_nats\tval_nats\tlr\tgrad_norm\ttokens_per_s')"
ok awk -F '\t' 'NF != 9 { exit 1 }' "$TMP/log/m.tsv"
ok awk -F '\t' 'NR > 2 && $1 <= last { bad++ } { last = $1 } END { exit bad || last != 60 }' "$TMP/log/m.tsv"
ok awk -F '\t' '$1 == 25 && $6 > 0 { found++ } $1 == 50 && $6 > 0 { found++ } END { exit found != 2 }' "$TMP/log/m.tsv"
ok awk -F '\t' 'NR > 1 && !($4 == $1 * 64 && $5 > 0 && $7 > 0) { exit 1 }' "$TMP/log/m.tsv"
run 0 train --log="$TMP/other.tsv" -o "$TMP/log/m.safetensors" "$c"
ok test -s "$TMP/other.tsv"
run 0 train --log=none -o "$TMP/none.safetensors" "$c"
ok test ! -e "$TMP/none.tsv"
ok test ! -e none

t "folders are made"
run 0 train -o "$TMP/x/y/z.safetensors" "$c"
loads "$TMP/x/y/z.safetensors"

t "standard input"
run 0 sh -c 'cd "$1" && "$RNNLM" train --hidden=16 --layers=1 --steps=5 --batch=4 --seq=16 - <"$2"' - "$TMP/sub" "$c"
loads "$TMP/sub/models/stdin.safetensors"

t "several files are one text"
head -n 100 "$c" >"$TMP/one"
tail -n +101 "$c" >"$TMP/two"
run 0 train --log=none -o "$TMP/b.safetensors" "$TMP/one" "$TMP/two"
run 0 train --log=none -o "$TMP/a.safetensors" "$c"
run 0 "$RNNLM" info --json --tensors "$TMP/a.safetensors"
sed 's/.*"corpus_hash"/"corpus_hash"/' "$TMP/out" >"$TMP/want"
run 0 "$RNNLM" info --json --tensors "$TMP/b.safetensors"
sed 's/.*"corpus_hash"/"corpus_hash"/' "$TMP/out" >"$TMP/got"
same "$TMP/got" "$TMP/want"

t "held-out text of its own"
run 0 train --val "$TMP/two" -o "$TMP/b.safetensors" "$TMP/one"
run 0 "$RNNLM" info --json "$TMP/b.safetensors"
ok test "$(number val_symbols)" = "$(($(wc -c <"$TMP/two")))"
ok test "$(number train_symbols)" = "$(($(wc -c <"$TMP/one")))"
run 1 train --val "$TMP/missing" -o "$TMP/b.safetensors" "$TMP/one"
err_has missing
: >"$TMP/empty"
run 1 train --val "$TMP/empty" -o "$TMP/b.safetensors" "$TMP/one"
err_has empty

t "no held-out text"
run 0 train --val-frac=0 --json -o "$TMP/b.safetensors" "$c"
out_has '"val_nats":null'
loads "$TMP/b.safetensors"

t "the held-out loss is what score finds"
head -c 60000 data/stories.txt >"$TMP/stories.txt"
for unit in char byte; do
	run 0 train --unit=$unit --steps=60 --hidden=32 --json -o "$m" "$TMP/stories.txt"
	val=$(number val_nats)
	run 0 "$RNNLM" score -m "$m" --tail 0.1 -f "$TMP/stories.txt" --json
	ok awk "BEGIN { d = $(number nats) / $(number tokens) - $val; exit !($val > 1 && d < 1e-3 && d > -1e-3) }"
	[ $unit = byte ] || ok awk "BEGIN { d = $(number nats_per_char) - $val; exit !(d < 1e-3 && d > -1e-3) }"
done

t "rare symbols are unknown"
run 0 train --min-count=100 -o "$TMP/b.safetensors" "$c"
run 0 "$RNNLM" info --json "$TMP/b.safetensors"
few=$(number vocab)
run 0 "$RNNLM" info --json "$m"
ok test "$few" -lt "$(number vocab)"

# --- stopping ----------------------------------------------------------------
for signal in HUP INT TERM; do
	t "SIG$signal saves and stops"
	rm -f "$m"
	"$RNNLM" train --hidden=16 --layers=1 --for=1h --save-steps=2 --json -o "$m" "$c" >"$TMP/json" 2>/dev/null &
	child=$!
	until_there "$m" "$child"
	kill -"$signal" "$child"
	case $signal in
	HUP) run 129 wait "$child" ;;
	INT) run 130 wait "$child" ;;
	TERM) run 143 wait "$child" ;;
	esac
	loads "$m"
	ok test "$(number steps "$TMP/json")" -gt 1
	run 0 "$RNNLM" info --json "$m"
	out_has '"resumable":true'
	ok test "$(number step)" = "$(number steps "$TMP/json")"
done

t "standard output that nobody reads"
rm -f "$m"
run 0 sh -c '"$RNNLM" train --hidden=16 --layers=1 --steps=5 --json -o "$1" "$2" 2>/dev/null | :' - "$m" "$c"
loads "$m"
"$RNNLM" train --hidden=16 --layers=1 --steps=5 --json -o "$m" "$c" >&- 2>"$TMP/err"
loads "$m"
ok awk -F '\t' 'NF != 9 { exit 1 }' "$TMP/m.tsv"
"$RNNLM" train --hidden=16 --layers=1 --steps=5 -o "$m" "$c" >/dev/null 2>&-
loads "$m"
ok awk -F '\t' 'NF != 9 { exit 1 }' "$TMP/m.tsv"
if [ -c /dev/full ]; then
	run 1 sh -c '"$RNNLM" train --hidden=16 --layers=1 --steps=5 --json -o "$1" "$2" >/dev/full' - "$m" "$c"
	err_has 'standard output'
	loads "$m"
fi

# --- what can go wrong -------------------------------------------------------
t "corpora that are none"
rm -f "$TMP/bad.safetensors"
run 1 train -o "$TMP/bad.safetensors" "$TMP/missing.txt"
err_has missing.txt
run 1 train -o "$TMP/bad.safetensors" "$TMP/empty"
ok test -s "$TMP/err"
printf x >"$TMP/single"
run 1 train -o "$TMP/bad.safetensors" "$TMP/single"
ok test -s "$TMP/err"
run 1 train -o "$TMP/bad.safetensors" "$TMP"
err_has directory
run 1 train -o "$TMP/bad.safetensors" "$c" "$TMP/missing.txt"
err_has missing.txt
run 2 train -o "$TMP/bad.safetensors"
ok test ! -e "$TMP/bad.safetensors"
if [ "$(id -u)" != 0 ]; then
	cp "$c" "$TMP/secret"
	chmod 0 "$TMP/secret"
	run 1 train -o "$TMP/bad.safetensors" "$TMP/secret"
	err_has secret
fi

t "very short texts"
for text in ab aaaa 'a\nb\nc\n'; do
	# shellcheck disable=SC2059
	printf "$text" >"$TMP/short"
	run 0 train --steps=3 --log=none --val-frac=0 -o "$TMP/short.safetensors" "$TMP/short"
	loads "$TMP/short.safetensors"
done
printf ab >"$TMP/short"
run 1 train -o "$TMP/bad.safetensors" "$TMP/short"
err_has 'too short'
run 0 train --steps=3 --log=none --batch=1000 --seq=1000 -o "$TMP/short.safetensors" "$c"
loads "$TMP/short.safetensors"

t "any bytes"
awk 'BEGIN { srand(5); for (i = 0; i < 3000; i++) printf "%c", 1 + int(rand() * 255) }' >"$TMP/binary"
printf '\000\377\000\200' >>"$TMP/binary"
for unit in char byte; do
	run 0 train --unit=$unit --log=none -o "$TMP/binary.safetensors" "$TMP/binary"
	loads "$TMP/binary.safetensors"
done

t "options that are wrong"
for bad in --hidden=0 --hidden=-1 --hidden=x --hidden=99999999 --layers=0 --layers=1000 --embed=-1 --batch=0 --seq=0 \
	--dropout=1 --dropout=-0.1 --dropout=nan --lr=-1 --clip=-1 --val-frac=1 --val-frac=-0.1 --val-frac=0.00000001 \
	--cell=lstn --unit=syllable --vocab-size=-1 --vocab-size=500 --schedule=x --precision=f64 --steps=-1 --steps=1.5 --for=x --for=-1s --epochs=-1 \
	--threads=-1 --threads=100000 --seed=-1 --seed=x --warmup=-1 --weight-decay=-1 --min-count=-1; do
	run 2 train "$bad" -o "$TMP/bad.safetensors" "$c"
	err_has "${bad%%=*}"
done
run 2 train --tie -o "$TMP/bad.safetensors" "$c"
err_has '--embed=16'
run 2 train --hiden=3 -o "$TMP/bad.safetensors" "$c"
err_has 'did you mean --hidden'
run 2 train "$c" --hidden
err_has '--hidden needs a value'
ok test ! -e "$TMP/bad.safetensors"

t "a model too large for any memory"
run 1 train --hidden=65536 --layers=64 --embed=65536 -o "$TMP/bad.safetensors" "$c"
ok test -s "$TMP/err"
ok test ! -e "$TMP/bad.safetensors"

t "where nothing can be written"
run 1 train -o "$TMP" "$c"
err_has directory
run 1 train -o "$c/m.safetensors" "$c"
err_has corpus.txt
if [ "$(id -u)" != 0 ]; then
	mkdir "$TMP/closed"
	chmod 555 "$TMP/closed"
	run 1 train -o "$TMP/closed/m.safetensors" "$c"
	err_has closed
fi

t "a full disk"
run 0 train --log=none -o "$TMP/full.safetensors" "$c"
cp "$TMP/full.safetensors" "$TMP/want"
# Files may have 16 blocks of 512 bytes, which the model does not fit in.
run 1 sh -c 'trap "" XFSZ; ulimit -f 16; exec "$RNNLM" train --hidden=32 --layers=1 --steps=5 --log=none -o "$1" "$2"' - \
	"$TMP/full.safetensors" "$c"
err_has full.safetensors
err_has 'too large'
err_has 'no checkpoint of this run was written'
err_has 'the model that was there before'
same "$TMP/full.safetensors" "$TMP/want"
ok test ! -e "$TMP/full.safetensors.~1~"
ok test "$(find "$TMP" -maxdepth 1 -name '.rnnlm*' | wc -l)" -eq 0

t "bf16: the same bytes at any number of threads, another model than f32, kept in the file"
run 0 train --precision=bf16 --threads=1 --batch=20 -o "$TMP/h1.safetensors" "$c"
run 0 train --precision=bf16 --threads=2 --batch=20 -o "$TMP/h2.safetensors" "$c"
run 0 train --precision=f32 --batch=20 -o "$TMP/h3.safetensors" "$c"
same "$TMP/h1.safetensors" "$TMP/h2.safetensors"
differ "$TMP/h1.safetensors" "$TMP/h3.safetensors"
run 0 "$RNNLM" info --json "$TMP/h1.safetensors"
out_has '"precision":"bf16"'

t "bf16 on any instruction set gives nearly the same loss, and --precision=f32 another"
for cpu in '' scalar; do
	run 0 env RNNLM_CPU="$cpu" "$RNNLM" score --tail 0.5 -f "$c" -m "$TMP/h1.safetensors" --json
	number nats_per_char >"$TMP/nats$cpu"
done
run 0 "$RNNLM" score --tail 0.5 -f "$c" -m "$TMP/h1.safetensors" --json --precision=f32
number nats_per_char >"$TMP/nats32"
ok awk -v a="$(cat "$TMP/nats")" -v b="$(cat "$TMP/natsscalar")" -v c="$(cat "$TMP/nats32")" \
	'BEGIN { exit !((a - b) ^ 2 < 1e-8 && a != c && (a - c) ^ 2 < 1e-3) }'

t "a corpus larger than memory is refused at once"
if dd if=/dev/null of="$TMP/huge" bs=1 seek=8000000000000 2>/dev/null; then
	run 1 "$RNNLM" train "$TMP/huge" -o "$TMP/never.safetensors"
	err_has "more than this machine's memory"
	rm -f "$TMP/huge"
else
	ok true # the file system has no sparse files of this size
fi

finish
