#!/bin/sh
# rnnlm beside PyTorch on the same shapes: short runs in turn (ours, theirs, ours,
# theirs), so that whatever else the machine does meets both; medians and ratios.
#
#   sh scripts/bench-peers.sh [--what train|score|sample] [--shapes "S1 S2 ..."]
#        [--precisions "f32 bf16"] [--rounds 3] [--seconds 3] [--threads N] [--vocab 65]
#
# Columns: symbols a second of each; ratio, ours divided by theirs; spread, the fastest
# round divided by the slowest (far above 1: the machine was busy, measure again); most
# memory held; share, of what the CPU can multiply, or sampling: read (see rnnlm bench
# --help), ours. Scoring is measured on wide batches, as many windows are scored; a
# sampled stream is one step at a time.
#
# RNNLM is the program (./rnnlm), PYTHON a Python with torch (python3).
set -u
cd "$(dirname "$0")/.." || exit 1

what=train rounds=3 seconds=3 threads=0 vocab=65 precisions="f32 bf16"
shapes='' named=''
rnnlm=${RNNLM:-./rnnlm}
python=${PYTHON:-python3}

die() { # MESSAGE [STATUS]
	echo "bench-peers: $1" >&2
	exit "${2:-1}"
}
usage() {
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' scripts/bench-peers.sh
}

while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--*=*) option=${1%%=*} value=${1#*=} ;;
	--*)
		[ $# -ge 2 ] || die "$1 needs a value; see --help" 2
		option=$1 value=$2
		shift
		;;
	*) die "unexpected argument $1; see --help" 2 ;;
	esac
	shift
	case $option in
	--what) what=$value ;;
	--shapes) shapes=$(echo "$value" | tr ',' ' ') named=yes ;;
	--precisions) precisions=$(echo "$value" | tr ',' ' ') ;;
	--rounds) rounds=$value ;;
	--seconds) seconds=$value ;;
	--threads) threads=$value ;;
	--vocab) vocab=$value ;;
	*) die "unknown option $option; see --help" 2 ;;
	esac
done
case $what in train | score | sample) ;; *) die "--what=$what: train, score or sample" 2 ;; esac
case $rounds in '' | 0* | *[!0-9]*) die "--rounds=$rounds: a whole number from 1 on" 2 ;; esac
usual="lstm:2x128:50x50 lstm:2x256:64x64 lstm:2x512:64x100 lstm:1x1024:64x100 gru:2x512:64x100 rnn:2x128:50x50"
share=peak_share
case $what in
score) usual="lstm:2x128:256x64 lstm:2x512:256x64 gru:2x512:256x64" ;;
sample) usual="lstm:2x128:1x1 lstm:2x512:1x1 gru:2x512:1x1" share=read_share ;;
esac
case $shapes in *[!\ ]*) ;; *) [ -z "$named" ] || die "--shapes names none" 2; shapes=$usual ;; esac
[ -n "$precisions" ] || die "--precisions names none" 2

[ -x "$rnnlm" ] || die "$rnnlm: no such program: run make, or set RNNLM"
command -v "$python" >/dev/null 2>&1 ||
	die "$python is not installed: install Python 3, then pip install torch; or set PYTHON"
"$python" -c 'import torch' 2>/dev/null ||
	die "$python cannot import torch: pip install torch (CPU only: --index-url https://download.pytorch.org/whl/cpu); or set PYTHON"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# key NAME FILE: its values, a line each.
key() {
	sed -n "s/.*\"$1\":\"\{0,1\}\([^\"}]*\).*/\1/p" "$2" | sed "${3:-}"
}
# number NAME FILE: the same for numbers, which end at a comma.
number() {
	key "$1" "$2" 's/,.*//'
}
median() {
	sort -g | awk '{ x[NR] = $1 } END { if (NR) print x[int((NR + 1) / 2)]; else print "-" }'
}
# spread FILE...: the largest ratio between two rounds of the same program.
spread() {
	for file; do
		number tokens_per_s "$file" | sort -g | awk 'NR == 1 { low = $1 } END { if (NR && low > 0) print $1 / low }'
	done | sort -g | awk '{ x = $1 } END { printf NR ? "%.2f\n" : "-\n", x }'
}
# one WHO COMMAND...: appends a line of JSON to the file WHO.
one() {
	who=$1
	shift
	[ -e "$work/$who.failed" ] && return
	"$@" --what "$what" --shape "$shape" --precision "$precision" --vocab "$vocab" --seconds "$seconds" \
		>>"$work/$who" 2>"$work/$who.err" || {
		touch "$work/$who.failed"
		: >"$work/$who"
		echo "bench-peers: $who, $shape $precision: $(grep -v '^Try' "$work/$who.err" | tail -n 1)" >&2
	}
}

"$rnnlm" bench --json --seconds 0 --shape rnn:1x8:1x1 --threads "$threads" >"$work/machine" 2>"$work/err" ||
	die "$(cat "$work/err")"
asked=$threads # 0: as many as the command takes, for sampling a small model one
threads=$(number threads "$work/machine")
echo "# $(key cpu "$work/machine"), $threads threads; torch $("$python" -c 'import torch; print(torch.__version__)');" \
	"vocabulary $vocab, medians of $rounds rounds of $seconds s; tokens/s"
row='%-6s %-20s %-9s %11s %11s %7s %7s %8s %6s %8s\n'
compared=0
# shellcheck disable=SC2059 # the format is the row's
printf "$row" what shape precision rnnlm torch ratio spread MB share MB-torch

for precision in $precisions; do
	for shape in $shapes; do
		rm -f "$work"/ours* "$work"/torch*
		round=0
		while [ "$round" -lt "$rounds" ]; do
			one ours "$rnnlm" bench --json --threads "$asked"
			one torch "$python" scripts/bench_torch.py --threads "$threads"
			round=$((round + 1))
		done
		ours=$(number tokens_per_s "$work/ours" | median)
		torch=$(number tokens_per_s "$work/torch" | median)
		ratio=$(awk -v a="$ours" -v b="$torch" \
			'BEGIN { if (a == "-" || b == "-") print "-"; else printf "%.2f", a / b }')
		[ "$ratio" = - ] || compared=$((compared + 1))
		# shellcheck disable=SC2059
		printf "$row" "$what" "$shape" "$precision" "$ours" "$torch" "$ratio" \
			"$(spread "$work/ours" "$work/torch")" \
			"$(number peak_mb "$work/ours" | median)" "$(number "$share" "$work/ours" | median | cut -c 1-5)" \
			"$(number peak_mb "$work/torch" | median)"
	done
done
[ "$compared" -gt 0 ] || die "nothing could be compared"
