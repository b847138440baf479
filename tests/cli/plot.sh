#!/bin/sh
# scripts/plot.sh: learning curves from training logs
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's; run calls functions
. tests/cli/lib.sh

plot() {
	sh scripts/plot.sh "$@"
}
header=$(printf 'step\tepoch\tseconds\ttokens\ttrain_nats\tval_nats\tlr\tgrad_norm\ttokens_per_s')
# row STEP SECONDS TRAIN VAL: 1000 symbols a step.
row() {
	printf '%s\t%s\t%s\t%s000\t%s\t%s\t0.01\t0.5\t9999\n' "$1" "${1}e-2" "$2" "$1" "$3" "$4"
}
# well_formed FILE: one root, and every element that is opened is closed.
well_formed() {
	ok awk '
		{ all = all $0 "\n" }
		END {
			while (match(all, /<[^>]*>/)) {
				tag = substr(all, RSTART + 1, RLENGTH - 2)
				all = substr(all, RSTART + RLENGTH)
				if (tag ~ /\/$/)
					continue
				name = tag
				sub(/[ \n].*/, "", name)
				if (name !~ /^\//)
					open[++depth] = name
				else if (substr(name, 2) != open[depth--])
					exit 1
				if (name == "svg")
					roots++
			}
			exit depth != 0 || roots != 1
		}' "$1"
	! command -v xmllint >/dev/null 2>&1 || ok xmllint --noout "$1"
}
# at FILE X,Y...: these and no other points of the validation curve, the best one last. Where a
# number is, follows from the first and the last tick of its axis. LOG: of its logarithm.
at() {
	at_file=$1
	shift
	ok awk -v want="$*" -v logx="${LOG-}" '
		function attribute(name,    s) {
			s = $0
			sub(".* " name "=\"", "", s)
			sub(/".*/, "", s)
			return s + 0
		}
		function label(    s) {
			s = $0
			gsub(/<[^>]*>/, "", s)
			return s * (s ~ /k$/ ? 1e3 : s ~ /M$/ ? 1e6 : 1)
		}
		function near(a, b) { return a - b < 0.11 && b - a < 0.11 }
		/class="tick x"/ { x[++nx] = attribute("x"); vx[nx] = logx ? log(label()) : label() }
		/class="tick y"/ { y[++ny] = attribute("y") - 4; vy[ny] = label() }
		/<circle .*<title>/ { cx[++n] = attribute("cx"); cy[n] = attribute("cy") }
		END {
			points = split(want, w, " ")
			if (n != points || nx < 2 || ny < 2)
				exit 1
			for (i = 1; i <= n; i++) {
				split(w[i], p, ",")
				if (logx)
					p[1] = log(p[1])
				px = x[1] + (p[1] - vx[1]) * (x[nx] - x[1]) / (vx[nx] - vx[1])
				py = y[1] + (p[2] - vy[1]) * (y[ny] - y[1]) / (vy[ny] - vy[1])
				if (!near(px, cx[i]) || !near(py, cy[i]))
					exit 1
			}
		}' "$at_file"
}

{
	echo "$header"
	row 10 1 4 ''
	row 20 2.5 3 3.2
	row 30 3 2.75 ''
	row 40 4 2.5 2.4
	row 100 10 1.5 2.6
} >"$TMP/known.tsv"
svg=$TMP/known.svg

t "points are where their numbers are"
run 0 plot "$TMP/known.tsv"
cp "$TMP/out" "$svg"
well_formed "$svg"
at "$svg" 2.5,3.2 10,2.6 4,2.4
out_has 'best 2.400, last 2.600'
out_has '>known</text>'
out_has '>time (s)</text>'
out_has '>loss (nats per symbol)</text>'
out_has 'known, step 20: 3.2000 nats'
ok grep -q 'prefers-color-scheme:dark' "$svg"
ok test "$(grep -c '<path class="train ' "$svg")" = 1
ok test "$(grep -c '<path class="val ' "$svg")" = 1
# five training losses, three held out
ok test "$(grep '<path class="train ' "$svg" | tr -cd 'ML' | wc -c)" = 5
ok test "$(grep '<path class="val ' "$svg" | tr -cd 'ML' | wc -c)" = 3

t "other axes"
run 0 plot -x step "$TMP/known.tsv"
cp "$TMP/out" "$svg"
at "$svg" 20,3.2 100,2.6 40,2.4
out_has '>optimiser steps</text>'
run 0 plot -xtokens "$TMP/known.tsv"
cp "$TMP/out" "$svg"
at "$svg" 20000,3.2 100000,2.6 40000,2.4
out_has '>symbols trained on</text>'
run 0 plot -x epoch "$TMP/known.tsv"
cp "$TMP/out" "$svg"
at "$svg" 0.2,3.2 1,2.6 0.4,2.4
run 0 plot -y bits "$TMP/known.tsv"
cp "$TMP/out" "$svg"
at "$svg" 2.5,4.61662 10,3.75101 4,3.46247
out_has '>loss (bits per symbol)</text>'
out_has 'best 3.462'
run 0 plot --log-x "$TMP/known.tsv"
cp "$TMP/out" "$svg"
LOG=1 at "$svg" 2.5,3.2 10,2.6 4,2.4
well_formed "$svg"

t "ticks are round, and times have the unit that suits them"
run 0 plot "$TMP/known.tsv"
ok test "$(sed -n 's/.*tick x.*>\(.*\)<.*/\1/p' "$TMP/out" | tr '\n' ' ')" = '0 1 2 3 4 5 6 7 8 9 10 '
for scale in '100 min' '5000 h'; do
	awk -F '\t' -v OFS='\t' -v by="${scale% *}" 'NR > 1 { $3 *= by } { print }' "$TMP/known.tsv" >"$TMP/long.tsv"
	run 0 plot "$TMP/long.tsv"
	out_has ">time (${scale#* })<"
done

t "the first steep steps are left out"
awk -v header="$header" 'BEGIN {
	print header
	for (i = 1; i <= 200; i++)
		printf "%d\t%.3f\t%d\t%d\t%.4f\t%s\t0\t0\t1\n", i, i / 100, i, i, i < 4 ? 50 - i : 2 - i / 200, i == 3 ? 40 : i % 50 ? "" : 3
}' >"$TMP/steep.tsv"
run 0 plot "$TMP/steep.tsv"
top() {
	sed -n 's/.*tick y.*>\(.*\)<.*/\1/p' "$TMP/out" | tail -n 1
}
ok awk "BEGIN { exit !($(top) > 2.9 && $(top) < 3.5) }"
ok test "$(grep -c '<circle .*<title>' "$TMP/out")" = 4 # the one at 40 is outside
run 0 plot --log-x "$TMP/steep.tsv"
ok awk "BEGIN { exit !($(top) > 35) }"

t "several logs, a title, names that XML would trip over"
cp "$TMP/known.tsv" "$TMP/a&b<c>.tsv"
cp "$TMP/known.tsv" "$TMP/x=1.tsv"
mkdir "$TMP/d1" "$TMP/d2"
cp "$TMP/known.tsv" "$TMP/d1/same.tsv"
cp "$TMP/known.tsv" "$TMP/d2/same.tsv"
from=$PWD
in_tmp() {
	(cd "$TMP" && sh "$from/scripts/plot.sh" "$@")
}
run 0 in_tmp --title 'R&D <"1\n2">' 'a&b<c>.tsv' x=1.tsv d1/same.tsv d2/same.tsv
cp "$TMP/out" "$svg"
well_formed "$svg"
out_has '>R&amp;D &lt;&quot;1\n2&quot;&gt;</text>'
for name in 'a&amp;b&lt;c&gt;' x=1 d1/same d2/same; do
	out_has ">$name</text>"
done
ok test "$(sed -n 's/.*<path class="val \(s[0-9]\)".*/\1/p' "$svg" | sort -u | wc -l)" = 4
# no label covers another
ok awk '/class="name"/ { sub(/.* y="/, ""); y[++n] = $0 + 0 }
	END { for (i = 1; i <= n; i++) for (j = 1; j < i; j++) if ((y[i] - y[j]) ^ 2 < 30 ^ 2) exit 1; exit n != 4 }' "$svg"

t "-o writes the file, and only a whole one"
rm -f "$svg"
run 0 plot -o "$svg" "$TMP/known.tsv"
out_is ''
well_formed "$svg"
cp "$svg" "$TMP/keep"
run 1 plot -o "$svg" "$TMP/missing.tsv"
same "$svg" "$TMP/keep"
echo "$header" >"$TMP/none.tsv"
run 1 plot -o "$svg" "$TMP/none.tsv"
same "$svg" "$TMP/keep"
ok test -z "$(find "$TMP" -name '*.svg.tmp*')"
cp "$TMP/known.tsv" "$TMP/keep"
run 1 plot -o "$TMP/known.tsv" "$TMP/known.tsv"
same "$TMP/known.tsv" "$TMP/keep"
run 1 plot -o "$TMP/no/such/folder.svg" "$TMP/known.tsv"
err_has folder.svg

t "a run under way, one that went on, one that failed for a step"
{
	cat "$TMP/known.tsv"
	printf '110\t0.11'
} >"$TMP/cut.tsv"
run 0 plot "$TMP/cut.tsv"
cp "$TMP/out" "$svg"
at "$svg" 2.5,3.2 10,2.6 4,2.4
{
	cat "$TMP/known.tsv"
	echo "$header"
	row 40 1 2.5 2.4 # from step 40, by a new clock
	row 50 2 2.3 2.2
	row 50 2 9 2.1 # one point with the row before
} >"$TMP/on.tsv"
run 0 plot "$TMP/on.tsv"
cp "$TMP/out" "$svg"
at "$svg" 2.5,3.2 4,2.4 5,2.1
{
	cat "$TMP/known.tsv"
	row 110 11 nan ''
	row 120 12 1.5 ''
	row 130 13 1.4 ''
} >"$TMP/nan.tsv"
run 0 plot "$TMP/nan.tsv"
ok test "$(grep '<path class="train ' "$TMP/out" | tr -cd M | wc -c)" = 2

t "a log from a pipe, with or without validation, with line ends of another system"
run 0 sh -c 'sh scripts/plot.sh - <"$1"' - "$TMP/known.tsv"
out_has '>standard input</text>'
cut -f 1-5,7- "$TMP/known.tsv" | awk -F '\t' -v OFS='\t' '{ $5 = $5 OFS (NR == 1 ? "val_nats" : ""); printf "%s\r\n", $0 }' >"$TMP/val.tsv"
run 0 plot "$TMP/val.tsv"
cp "$TMP/out" "$svg"
well_formed "$svg"
out_has 'training 1.500'

t "what is no log"
run 1 plot "$TMP/missing.tsv"
err_is "plot: $TMP/missing.tsv: no such file"
run 1 plot "$TMP"
err_has 'a directory'
: >"$TMP/empty.tsv"
run 1 plot "$TMP/known.tsv" "$TMP/empty.tsv"
err_has 'empty.tsv: empty'
run 1 sh -c 'sh scripts/plot.sh - </dev/null'
err_has empty
run 1 plot "$TMP/none.tsv"
err_has 'none.tsv: no rows yet'
{
	echo "$header"
	row 10 1 4 ''
} >"$TMP/one.tsv"
run 1 plot "$TMP/known.tsv" "$TMP/one.tsv" "$TMP/known.tsv"
err_has 'one.tsv: only one row'
out_is ''
for column in step seconds train_nats val_nats; do
	sed "1s/$column/other/" "$TMP/known.tsv" >"$TMP/bad.tsv"
	run 1 plot "$TMP/bad.tsv"
	err_has "bad.tsv: not a training log: its first line lacks the column $column"
	out_is ''
done
run 1 plot data/stories.txt
err_has 'not a training log'
sed 's/^20	\([^	]*\)	2.5/20	\1	soon/' "$TMP/known.tsv" >"$TMP/bad.tsv"
run 1 plot "$TMP/bad.tsv"
err_has 'bad.tsv, line 3: seconds is not a number'
sed '3s/	3.2	/	low	/' "$TMP/known.tsv" >"$TMP/bad.tsv"
run 1 plot "$TMP/bad.tsv"
err_has 'bad.tsv, line 3: val_nats is not a number: low'
sed '3s/	9999//' "$TMP/known.tsv" >"$TMP/bad.tsv"
run 1 plot "$TMP/bad.tsv"
err_has 'bad.tsv, line 3: it has 8 columns, the first line has 9'

t "wrong usage"
run 2 plot
err_has '--help'
run 2 plot -x time "$TMP/known.tsv"
err_has 'step, epoch, seconds and tokens'
run 2 plot -y joules "$TMP/known.tsv"
err_has 'nats and bits'
run 2 plot --log-y "$TMP/known.tsv"
err_has '--log-y'
run 2 plot --log-x=1 "$TMP/known.tsv"
err_has '--log-x'
run 2 plot "$TMP/known.tsv" -o
err_has '-o needs a value'
run 0 plot --help
out_has 'Usage:'

t "the same from every awk there is"
run 0 plot --title x "$TMP/known.tsv" "$TMP/steep.tsv"
cp "$TMP/out" "$TMP/want"
for awk in mawk gawk original-awk; do
	command -v "$awk" >/dev/null 2>&1 || continue
	run 0 env AWK="$awk" sh scripts/plot.sh --title x "$TMP/known.tsv" "$TMP/steep.tsv"
	same "$TMP/out" "$TMP/want"
done

t "what rnnlm train writes"
run 0 "$RNNLM" train --hidden=16 --layers=1 --batch=4 --seq=16 --steps=60 --eval-every=15 -o "$TMP/real.safetensors" data/stories.txt
run 0 plot -x step "$TMP/real.tsv"
cp "$TMP/out" "$svg"
well_formed "$svg"
ok test "$(grep -c '<circle .*<title>' "$svg")" = 4

finish
