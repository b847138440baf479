#!/bin/sh
# rnnlm score: --heat, --html, --top-lines, --against, --id, streams; and that the
# figures are probabilities, by whatever way they are asked for.
# shellcheck disable=SC2016,SC2317 # dollars are awk's or an inner shell's; run calls the functions
. tests/cli/lib.sh

good=$TMP/m.safetensors
corpus=$TMP/corpus.txt
sentences a >"$corpus"
train() {
	"$RNNLM" train "$@" --hidden=16 --layers=1 --batch=8 --seq=16 --seed=1 --lr=0.02 --dropout=0
}
t "models to score with: characters, bytes, without newline"
run 0 train "$corpus" -o "$good" --steps=150
tr -d '\n' <"$corpus" >"$TMP/flat.txt"
flat=$TMP/flat.safetensors
run 0 train "$TMP/flat.txt" -o "$flat" --steps=20
{
	cat "$corpus"
	echo 'née 日本'
} | sed 's/cat/chât/' >"$TMP/bytes.txt"
bytes=$TMP/bytes.safetensors
run 0 train "$TMP/bytes.txt" -o "$bytes" --steps=60 --unit=byte
flatbytes=$TMP/flatbytes.safetensors
tr -d '\n' <"$TMP/bytes.txt" >"$TMP/flatbytes.txt"
run 0 train "$TMP/flatbytes.txt" -o "$flatbytes" --steps=20 --unit=byte --min-count=1

score() {
	"$RNNLM" score -m "$good" "$@"
}
score_in() {
	text=$1
	shift
	printf '%b' "$text" | "$RNNLM" score -m "$good" "$@"
}
near() {
	awk -v a="$1" -v b="$2" -v tol="${3:-1e-5}" 'BEGIN {
		d = a - b; d = d < 0 ? -d : d; m = b < 0 ? -b : b
		if (a == "" || b == "") exit 1
		exit !(d <= tol * (m > 1 ? m : 1)) }' || {
		echo "$1 is not near $2"
		return 1
	}
}
lacks() { # FILE TEXT
	! grep -qF -e "$2" "$1"
}
esc=$(printf '\033')

# --- probabilities --------------------------------------------------------------------

t "at each step the whole vocabulary sums to 1, and the text's symbol is in it as --per-token says"
vocab=$("$RNNLM" info "$good" | sed -n 's/^vocab  *\([0-9]*\).*/\1/p')
run 0 score --json --per-token "the dog."
tr '{' '\n' <"$TMP/out" | sed -n 's/^"symbol":"\(.\)","id":\([0-9]*\),"prob":\([^,]*\),.*/\2 \3/p' >"$TMP/steps"
ok is "$(wc -l <"$TMP/steps" | tr -d ' ')" 8
product=$(awk 'BEGIN { p = 1 } { p *= $2 } END { printf "%.9g", log(p) }' "$TMP/steps")
ok near "$product" "-$(num nats)" 1e-6
n=0
while read -r id p; do
	before=$(printf 'the dog.' | head -c "$n")
	run 0 score --json --next "$vocab" "$before"
	tr '{' '\n' <"$TMP/out" | sed -n 's/.*"id":\([0-9]*\),"prob":\([^}]*\)}.*/\1 \2/p' >"$TMP/next"
	ok is "$(wc -l <"$TMP/next" | tr -d ' ')" "$vocab"
	ok awk '{ s += $2 } END { exit !(s > 1 - 1e-5 && s < 1 + 1e-5) }' "$TMP/next"
	ok near "$(awk -v id="$id" '$1 == id { print $2 }' "$TMP/next")" "$p" 1e-5
	n=$((n + 1))
done <"$TMP/steps"

t "batches, a stream of one line at a time and lines alone agree to 1e-4 nats"
awk '{ print substr($0, 1, 1 + NR * 13 % 30) }' "$corpus" | head -n 40 >"$TMP/some"
run 0 score --lines --json -f "$TMP/some"
num nats >"$TMP/batch"
sed 's/.*/&/' "$TMP/some" | while IFS= read -r line; do
	printf '%s\n' "$line" | "$RNNLM" score -m "$good" --lines --json 2>/dev/null
done >"$TMP/out"
num nats >"$TMP/alone"
ok is "$(wc -l <"$TMP/alone" | tr -d ' ')" 40
ok sh -c 'paste "$1" "$2" | awk "{ d = \$1 - \$2 } !(d < 1e-4 && d > -1e-4) { bad++; print } END { exit bad > 0 || NR != 40 }"' \
	- "$TMP/batch" "$TMP/alone"

t "a line is answered before the next one is written"
mkfifo "$TMP/to" "$TMP/from"
"$RNNLM" score -m "$good" --lines --json <"$TMP/to" >"$TMP/from" 2>"$TMP/live.err" &
pid=$!
exec 3>"$TMP/to" 4<"$TMP/from"
# Without an answer this would wait for ever.
(
	sleep 60 &
	echo $! >"$TMP/sleep"
	wait
	kill "$pid"
) >/dev/null 2>&1 3>&- 4<&- &
guard=$!
head -n 12 "$TMP/some" | while IFS= read -r line; do
	printf '%s\n' "$line" >&3
	IFS= read -r answer <&4 || break
	printf '%s\n' "$answer"
done >"$TMP/out"
exec 3>&- 4<&-
status=0
wait "$pid" || status=$?
kill "$guard" "$(cat "$TMP/sleep")" 2>/dev/null
ok is "$status" 0
num nats >"$TMP/live"
ok is "$(wc -l <"$TMP/live" | tr -d ' ')" 12
ok sh -c 'head -n 12 "$2" | paste "$1" - | awk "{ d = \$1 - \$2 } !(d < 1e-4 && d > -1e-4) { exit 1 }"' - "$TMP/live" "$TMP/batch"

t "many lines need no more memory than few"
limit=
for kb in 20000 30000 40000 60000 90000; do
	if sh -c '(ulimit -v "$1" && "$RNNLM" score -m "$2" --lines --threads 1 -f "$3")' - "$kb" "$good" "$TMP/some" \
		>/dev/null 2>&1; then
		limit=$kb
		break
	fi
done
if [ -n "$limit" ]; then # a sanitizer reserves more than can be limited
	# Each line kept would take some 300 bytes: 24 MB.
	awk 'BEGIN { for (i = 0; i < 80000; i++) print i % 7 ? "a" : "at" }' >"$TMP/long"
	for how in --lines --top-lines=5 "--lines --against $bytes"; do
		# shellcheck disable=SC2086 # words
		run 0 sh -c 'ulimit -v "$1"; shift; exec "$@"' - $((limit + 10000)) "$RNNLM" score -m "$good" --threads 1 $how -f "$TMP/long"
	done
	ok is "$(awk 'NR == 80001 { print $(NF - 1) }' "$TMP/out")" 80000
fi
ok true

# --- heat ---------------------------------------------------------------------------------

t "--heat without colours: whole bits under each symbol"
run 0 score --per-token "the zap cat"
awk 'NR > 1 && NF == 0 { exit } NR > 1 { b = int($4); printf "%s", ($1 ~ /^<unk>/ ? "?" : b < 1 ? " " : (b > 9 ? "+" : b)) }
	END { print "" }' "$TMP/out" | sed 's/ *$//' >"$TMP/want"
run 0 score --heat "the zap cat"
ok is "$(sed -n 3p "$TMP/out")" "the zap cat"
ok is "$(sed -n 4p "$TMP/out")" "$(cat "$TMP/want")"
ok grep -q '?' "$TMP/want"
out_has "bits/char"
ok lacks "$TMP/out" "$esc"

t "--heat --color=always: a colour for each level, and the text is whole"
run 0 score --heat --color=always "the zap cat"
ok is "$(sed -n "3s/$esc\[[0-9;]*m//gp" "$TMP/out")" "the zap cat"
out_has "${esc}[0;1;4;" # z
ok is "$(sed -n 1p "$TMP/out" | grep -o '48;5;[0-9]*' | sort -u | wc -l | tr -d ' ')" 6

t "--heat takes its colours from the same bits as --per-token"
run 0 score --per-token "the dog tac"
awk 'NF == 0 { exit } NR > 1 { print $4 < 1 ? 0 : $4 < 2 ? 109 : $4 < 4 ? 150 : $4 < 6 ? 221 : $4 < 9 ? 208 : $4 < 12 ? 160 : 90 }' \
	"$TMP/out" >"$TMP/want"
run 0 score --heat --color=always "the dog tac"
sed -n 3p "$TMP/out" | awk -v esc="$esc" '{
	n = split($0, part, esc "\\[")
	for (i = 1; i <= n; i++) {
		text = part[i]
		if (i > 1) {
			match(text, /m/)
			style = substr(text, 1, RSTART - 1); text = substr(text, RSTART + 1)
			colour = style == "0" ? 0 : style; sub(/^.*48;5;/, "", colour); sub(/;.*/, "", colour)
		}
		for (k = 1; k <= length(text); k++) print colour + 0
	} }' >"$TMP/got"
ok same "$TMP/got" "$TMP/want"

t "NO_COLOR and pipes are without colours, --color=never too"
run 0 env NO_COLOR=1 TERM=xterm "$RNNLM" score -m "$good" --heat "the"
ok lacks "$TMP/out" "$esc"
run 0 score --heat --color=never "the"
ok lacks "$TMP/out" "$esc"

t "--heat: control characters and bytes that are not UTF-8 are shown, others stay whole"
run 0 score_in 'a\t\033[2Jb\377 caf\0303\0251 e\0314\0201 \0346\0227\0245\n\nend' --heat -f -
ok lacks "$TMP/out" "$esc"
out_has "$(printf '\\x1B[2Jb\\xFF caf\303\251 e\314\201 \346\227\245')"
run 0 env LC_ALL=C.UTF-8 "$RNNLM" score -m "$good" --heat "$(printf 'x\ny')"
out_has 'x↵'
run 0 env LC_ALL=C "$RNNLM" score -m "$good" --heat "$(printf 'x\ny')"
out_has 'x\n'

t "--heat: marks stand under their symbols, beside wide ones and marks that combine too"
run 0 score --heat "$(printf '\346\227\245Zte\314\201Z')"
ok is "$(sed -n 4p "$TMP/out" | sed 's/[0-9+]/./g')" "? ?.??"

t "--heat --lines: figures before each line, wrapped lines keep their place"
run 0 score --lines -f "$TMP/some" --json
num bits_per_char | awk '{ printf "%.4f\n", $1 }' >"$TMP/want"
run 0 score --heat --lines -f "$TMP/some"
out_has "read as lines"
awk '$1 ~ /^[0-9]+\.[0-9][0-9][0-9][0-9]$/ && $2 == n + 1 { n++; print $1 }' "$TMP/out" >"$TMP/got"
ok same "$TMP/got" "$TMP/want"
run 0 env COLUMNS=40 "$RNNLM" score -m "$good" --heat --lines -f "$corpus"
ok awk 'length > 76 { exit 1 }' "$TMP/out" # the legend
ok sh -c 'sed 1,3d "$1" | awk "length > 40 { print; exit 1 }"' - "$TMP/out"

t "--heat of a vocabulary without newline: what is not scored is there, without a mark"
run 0 "$RNNLM" score -m "$flat" --heat the t ""
ok is "$(sed -n 3p "$TMP/out")" the
ok is "$(sed -n 4p "$TMP/out" | cut -c 1)" " "
ok is "$(sed -n 9p "$TMP/out")" t

t "--heat of bytes: characters stay whole"
run 0 "$RNNLM" score -m "$bytes" --heat --color=always "chât 日本"
ok is "$(sed -n "3s/$esc\[[0-9;]*m//gp" "$TMP/out")" "chât 日本"
ok grep -q 'â' "$TMP/out"
ok grep -q '日' "$TMP/out"
run 0 "$RNNLM" score -m "$bytes" --heat --window 1 -f "$TMP/bytes.txt" # cut through characters
out_has 日本

# --- html -----------------------------------------------------------------------------------

# page FILE: its text, tags and entities undone.
page() {
	python3 - "$1" <<'E'
import html.parser, sys
class Page(html.parser.HTMLParser):
    depth, text, tips, bad, known = 0, "", [], [], set()
    def handle_starttag(self, tag, attrs):
        self.depth += tag == "pre"
        if tag not in "html meta title style h1 h2 p b i pre section table tr th td sub".split():
            self.bad.append(tag)
        if self.depth:
            self.tips += [v for k, v in attrs if k == "data-t"]
        self.bad += [k for k, v in attrs if k in ("src", "href", "onclick", "style")]
    def handle_endtag(self, tag):
        self.depth -= tag == "pre"
    def handle_data(self, data):
        if self.depth: self.text += data
p = Page()
p.feed(open(sys.argv[1], encoding="utf-8", errors="strict").read())
print(p.bad, len(p.tips))
print(p.text, end="")
E
}

t "--html: any text is only text"
printf 'a<script>alert("1&2")</script> '\''q'\''\033[1m\000\377\n&amp;\r\n' >"$TMP/evil"
run 0 score --html -f "$TMP/evil"
ok lacks "$TMP/out" '<script'
ok lacks "$TMP/out" 'script>'
ok lacks "$TMP/out" '&amp;amp;</' # letter by letter
ok lacks "$TMP/out" "$esc"
ok is "$(LC_ALL=C tr -d '\n\t -~\200-\377' <"$TMP/out" | wc -c | tr -d ' ')" 0
ok lacks "$TMP/out" 'http'
out_has 'prefers-color-scheme:dark'
out_has 'protocol stream'
out_has ' rank '
if command -v python3 >/dev/null 2>&1; then
	cp "$TMP/out" "$TMP/page"
	ok page "$TMP/page"
	page "$TMP/page" >"$TMP/text"
	ok is "$(sed -n 1p "$TMP/text")" "[] $(utf=$(score --json -f "$TMP/evil" 2>/dev/null); echo "$utf" | sed 's/.*"tokens":\([0-9]*\).*/\1/')"
	ok is "$(sed -n 2p "$TMP/text" | tr -d '↵')" "a<script>alert(\"1&2\")</script> 'q'\\x1B[1m\\x00\\xFF"
	ok is "$(sed -n 3p "$TMP/text" | tr -d '↵')" '&amp;\x0D'
fi

t "--html: names are only text too"
cp "$TMP/evil" "$TMP/<b>\"x'&.txt"
run 0 score --html -f "$TMP/<b>\"x'&.txt"
out_has '&lt;b&gt;&quot;x&#39;&amp;.txt'
ok lacks "$TMP/out" '<b>"'

t "--html: lines, texts, nothing; ids and ranks"
run 0 score_in 'a<i>\tthe cat\na<i>\tsat the\n' --html --id --rank
out_has '<td>a&lt;i&gt;<td>'
out_has '</table>'
run 0 score --html "the cat" ""
ok is "$(grep -c '<section>' "$TMP/out")" 2
out_has 'All 2 together'
run 0 score_in '' --html --lines
out_has '<!doctype html>'

# --- top lines --------------------------------------------------------------------------------

t "--top-lines: the same as all lines sorted, ties in the order of the file"
awk '{ print substr($0, 1 + NR % 3, 1 + NR * 13 % 17) }' "$corpus" >"$TMP/logs" # lines repeat
run 0 score --lines --json -f "$TMP/logs"
awk '{ line = $0; sub(/.*"line":/, "", line); sub(/,.*/, "", line)
	tokens = $0; sub(/.*"tokens":/, "", tokens); sub(/,.*/, "", tokens)
	nats = $0; sub(/.*"nats":/, "", nats); sub(/,.*/, "", nats)
	printf "%.17g %d\n", nats / tokens, line }' "$TMP/out" | sort -k1,1gr -k2,2n | awk '{ print $2 }' >"$TMP/sorted"
for n in 1 7 150; do
	run 0 score --top-lines "$n" --json -f "$TMP/logs"
	num line >"$TMP/got"
	head -n "$n" "$TMP/sorted" >"$TMP/want"
	ok same "$TMP/got" "$TMP/want"
done
ok is "$(num rank | sed -n '1p;$p' | tr '\n' ' ')" "1 150 "
run 0 score --top-lines 1000 --json -f "$TMP/logs"
num line >"$TMP/got"
ok same "$TMP/got" "$TMP/sorted"

t "--top-lines: table, heat, empty input"
run 0 score --top-lines 3 -f "$TMP/logs"
ok is "$(awk 'NR > 1 { print $6 }' "$TMP/out" | tr '\n' ' ')" "$(head -n 3 "$TMP/sorted" | tr '\n' ' ')"
ok is "$(sed -n 1p "$TMP/out" | awk '{ print $1, $2, $5, $6, $7 }')" "bits/char nats/symbol protocol line text"
run 0 score_in 'the cat\nzzz\nthe cat\n' --top-lines 1 --heat
out_has '     2  zzz'
run 0 score_in '' --top-lines 3
out_is ""

# --- against ----------------------------------------------------------------------------------

t "--against says what each model says alone"
run 0 "$RNNLM" score -m "$bytes" --lines --json -f "$TMP/bytes.txt"
cp "$TMP/out" "$TMP/theirs"
run 0 score --lines --json -f "$TMP/bytes.txt" --against "$bytes"
ok is "$(num chars | sed '$d' | tr '\n' ' ')" "$(sed 's/.*"chars":\([0-9]*\).*/\1/' "$TMP/theirs" | tr '\n' ' ')"
sed '$d' "$TMP/out" | sed 's/.*"against_nats":\([^,]*\),.*"against_bits_per_char":\([^,]*\),.*"against_unknown":\([^,]*\),.*/\1 \2 \3/' >"$TMP/got"
sed 's/.*"nats":\([^,]*\),.*"bits_per_char":\([^,]*\),.*"unknown":\([^,]*\),.*/\1 \2 \3/' "$TMP/theirs" >"$TMP/want"
ok same "$TMP/got" "$TMP/want"
ok sh -c 'sed "$ d" "$1" | awk "{
	n = \$0; sub(/.*\"nats\":/, \"\", n); a = \$0; sub(/.*\"against_nats\":/, \"\", a)
	r = \$0; sub(/.*\"log_ratio\":/, \"\", r); d = (a + 0) - (n + 0) - (r + 0)
	if (!(d < 1e-9 && d > -1e-9)) exit 1 }"' - "$TMP/out"

t "--against: the total is the sum, and counts who is likelier"
run 0 score --lines --json -f "$TMP/bytes.txt" --against "$bytes"
ok is "$(sed -n '$s/^{"total":\([0-9]*\),.*/\1/p' "$TMP/out")" 401
ok near "$(num against_nats | sed -n '$p')" "$(num against_nats | sed '$d' | awk '{ s += $1 } END { printf "%.12g", s }')" 1e-9
ok near "$(num nats | sed -n '$p')" "$(num nats | sed '$d' | awk '{ s += $1 } END { printf "%.12g", s }')" 1e-9
ok is "$(num likelier | tail -n 1) $(num against_likelier | tail -n 1)" \
	"$(num log_ratio | sed '$d' | awk '$1 > 0 { a++ } $1 < 0 { b++ } END { print a + 0, b + 0 }')"
err_has "$good does not know"

t "--against itself: no difference"
run 0 score --against "$good" "the cat" "zéb" --json
ok is "$(num log_ratio | tr '\n' ' ')" "0 0 0 "
run 0 score --against "$good" "the cat"
ok is "$(awk 'NR == 2 { print $1, $4, $7, $8, $9 }' "$TMP/out")" "7 0.000 0.0000 0 0"
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 2

t "--against a model without newline: both leave out the first character"
for other in "$flat" "$flatbytes"; do
	run 0 score --against "$other" --json "é日at" "a"
	ok is "$(str protocol | sort -u)" text,first-unscored
	ok is "$(num chars | tr '\n' ' ')" "3 0 3 "
	ok is "$(num log_ratio_per_char | sed -n 2p)" null
done
ok is "$(num tokens | sed -n 1p)" 3
ok is "$(num against_tokens | sed -n 1p)" 5

t "--against with files: stream, tail, windows"
for how in "" "--tail 0.3" "--tail 0.3 --carry"; do
	# shellcheck disable=SC2086 # words
	run 0 score -f "$TMP/bytes.txt" --json --against "$bytes" $how
	got=$(num against_nats) chars=$(num chars)
	# shellcheck disable=SC2086 # words
	run 0 score -f "$TMP/bytes.txt" --json $how
	ok is "$(num chars)" "$chars"
	[ -n "$how" ] && continue # cut at another place in bytes
	run 0 "$RNNLM" score -m "$bytes" -f "$TMP/bytes.txt" --json
	ok near "$got" "$(num nats)" 1e-9
done
run 0 "$RNNLM" score -m "$flat" -f "$corpus" --window 20 --json
want=$(num nats)
run 0 "$RNNLM" score -m "$flat" -f "$corpus" --window 20 --json --against "$good"
ok is "$(num nats)" "$want"
run 1 score -f "$corpus" --window 20 --against "$bytes"
err_has "--window counts symbols"

t "--against --rank: by the difference per character, the largest first"
run 0 score --against "$bytes" --rank --json -f "$TMP/bytes.txt" --lines
ok is "$(num rank | sed -n '1p;$p' | tr '\n' ' ')" "1 $(num rank | awk 'END { print }') "
num log_ratio_per_char | sed '$d' >"$TMP/got"
sort -gr "$TMP/got" >"$TMP/want"
ok same "$TMP/got" "$TMP/want"
ok is "$(wc -l <"$TMP/got" | tr -d ' ')" 401
ok lacks "$TMP/out" '"relative"'
run 0 score --against "$bytes" --rank "the chât" "the cat"
ok is "$(awk 'NR == 2 { print $1, $NF }' "$TMP/out")" "1 cat"

# --- ids ----------------------------------------------------------------------------------------

t "--id: kept in the result, the text alone is scored"
run 0 score --json --lines -f "$TMP/some"
num nats >"$TMP/want"
awk '{ print "utt-" int(NR / 4) "\t" $0 }' "$TMP/some" >"$TMP/nbest"
run 0 score --json --id -f "$TMP/nbest"
num nats >"$TMP/got"
ok same "$TMP/got" "$TMP/want"
ok is "$(str id | sed -n 4p)" utt-1
run 0 score_in 'x y\ta\tcat\n\tthe\n' --json --id
ok is "$(str id | tr '\n' ,)" "x y,,"
out_has '"text":"a\tcat"'
run 0 score_in 'u1\tthe cat\n' --id
ok is "$(awk 'NR == 2 { print $10, $11, $12, $13 }' "$TMP/out")" "1 u1 the cat"

t "--id --rank: each list for itself, as soon as it ends"
run 0 score --json --id --rank -f "$TMP/nbest"
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 40
ok is "$(str id | uniq | sort | uniq -d)" ""
paste -d ' ' - - - <<E >"$TMP/got"
$(sed 's/.*"id":"\([^"]*\)".*"nats":\([^,]*\),.*"rank":\([0-9]*\),"relative":\([^}]*\)}.*/\1\n\2\n\4/' "$TMP/out")
E
ok awk '$1 != id { if (NR > 1 && !(sum > 1 - 1e-9 && sum < 1 + 1e-9)) exit 1; id = $1; sum = 0; last = 0 }
	{ sum += $3; if (!($2 >= last)) exit 1; last = $2 }' "$TMP/got"
head -n 5 "$TMP/nbest" | cut -f 2 >"$TMP/first"
run 0 score --json --rank "$(sed -n 1p "$TMP/first")
" "$(sed -n 2p "$TMP/first")
" "$(sed -n 3p "$TMP/first")
"
want=$(num relative)
head -n 5 "$TMP/nbest" >"$TMP/five"
run 0 score --json --id --rank -f "$TMP/five"
ok near "$(num relative | sed -n 1p)" "$(echo "$want" | sed -n 1p)" 1e-6
ok near "$(num relative | sed -n 2p)" "$(echo "$want" | sed -n 2p)" 1e-6

t "--id: a line without a tab is named, what came before it is there"
run 1 score_in 'a\tthe\nno tab\nb\tcat\n' --id --json
err_has 'standard input:2: no tab'
ok is "$(str id)" a
run 1 score --id -f "$TMP/some"
err_has "$TMP/some:1: no tab"

# --- usage, failure ---------------------------------------------------------------------------------

t "what does not go together"
for pair in "--heat --json" "--heat --html" "--html --per-token" "--heat --next=3" "--top-lines=3 --rank" \
	"--heat --against $good" "--against $good --next 2" "--rank --next 2"; do
	# shellcheck disable=SC2086 # words
	run 2 score $pair a
	err_has "exclude each other"
done
for option in --id --top-lines=3; do
	run 2 score "$option" text
	err_has "${option%=3}"
	run 2 score "$option" --window 4 -f "$corpus"
	err_has "${option%=3}"
done
run 2 score --top-lines 0
err_has "--top-lines"
run 2 score --heat --color=sometimes a
err_has "--color"
run 1 score --against "$TMP/none.safetensors" a
err_has none.safetensors

t "memory that runs out is an error with a message"
for how in "--heat the zat" "--html the" "--top-lines=2 -f $TMP/some" "--against $bytes the cat" "--id --rank -f $TMP/five"; do
	failed=0 fine=0 n=1
	while [ "$fine" -lt 6 ] && [ "$n" -lt 3000 ]; do
		status=0
		# shellcheck disable=SC2086 # words
		RNNLM_FAIL_ALLOC=$n "$RNNLM" score -m "$good" $how >"$TMP/out" 2>"$TMP/err" || status=$?
		ok test "$status" -le 1
		fine=$((fine + 1)) n=$((n + 1))
		if [ "$status" = 1 ]; then
			err_has "out of memory"
			failed=$((failed + 1)) fine=0
		fi
		# Reading the header is tested elsewhere.
		grep -q "bad header\|vocabulary" "$TMP/err" && n=$((n + 8))
	done
	ok test "$failed" -gt 20
	ok test "$fine" = 6
done

if [ -c /dev/full ]; then
	t "a full disk is an error"
	for how in --heat --html; do
		run 1 sh -c '"$RNNLM" score -m "$1" "$3" -f "$2" >/dev/full' sh "$good" "$corpus" "$how"
		err_has "standard output"
	done
fi

finish
