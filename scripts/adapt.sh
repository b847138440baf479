#!/bin/sh
# What adapting to the text gains: a quickly trained model scores other texts as it
# stands (static), going on learning (dynamic), mixed with an n-gram model of the text
# so far (mixed), and both. Bits per character.
#
#   sh scripts/adapt.sh CORPUS [TEXT...]
#
# CORPUS trains, and its held-out tail is scored; of each TEXT the first
# ADAPT_BYTES (150000), cut at a line's end; the second time ("after") the n-gram
# model has counted CORPUS first. Settings, as environment variables:
#
#   ADAPT_TRAIN  options of rnnlm train (--for 25s --hidden=128 --threads=1)
#   ADAPT_RATE   rate of --dynamic (0.002)
#   ADAPT_ORDER  order of --mix-ngram (6)
set -u
[ $# -ge 1 ] || {
	sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
rnnlm=${RNNLM:-$(dirname "$0")/../rnnlm}
rate=${ADAPT_RATE:-0.002} order=${ADAPT_ORDER:-6}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

corpus=$1
shift
# shellcheck disable=SC2086 # several options
"$rnnlm" train ${ADAPT_TRAIN:---for 25s --hidden=128 --threads=1} --log=none -o "$work/model.safetensors" \
	"$corpus" 2>"$work/train" || {
	cat "$work/train" >&2
	exit 1
}
sed -n -e 's/^rnnlm: \(held out:\)/\1/p' -e 's/^rnnlm: \(to compare:\)/\1/p' "$work/train"

row() { # NAME FILE OPTION...
	name=$1 file=$2
	shift 2
	"$rnnlm" score -m "$work/model.safetensors" -f "$file" --dynamic "$rate" --mix-ngram "$order" "$@" \
		>"$work/out" 2>"$work/err" || {
		cat "$work/err" >&2
		exit 1
	}
	awk -v name="$name" 'NR == 2 { printf "%-32s %8d %8.3f %8.3f %8.3f %8.3f\n", name, $1, $9, $10, $11, $12 }' \
		"$work/out"
}

printf '\n%-32s %8s %8s %8s %8s %8s\n' "bits per character" symbols static dynamic mixed both
row "${corpus##*/}, held out" "$corpus" --tail 0.1
for text; do
	head -c "${ADAPT_BYTES:-150000}" "$text" | sed '$d' >"$work/text" || exit 1
	row "${text##*/}" "$work/text"
	row "  after ${corpus##*/}" "$work/text" --ngram-corpus "$corpus"
done
