#!/bin/sh
# rnnlm beside PyTorch on the same text for the same time, side by side with one core each:
# held-out nats and bits per character, the state carried through what is held out.
#
#   sh scripts/bench-quality.sh [--for SECONDS] [--val FILE --test FILE] [--cores "A B"]
#        [--hidden N] [--lr R] [--dropout P] TEXT
#
# rnnlm trains what it plans for the time, PyTorch an LSTM of two layers in bf16 with Adam,
# of the width, rate and dropout given (scripts/train_torch.py). Without --val and --test the
# last tenth of the text is held out from both.
#
# RNNLM is the program (./rnnlm), PYTHON a Python with torch (python3).
set -u
seconds=180 hidden=512 lr=0.004 dropout=0.2 cores='0 1' val='' test='' text=''
rnnlm=${RNNLM:-./rnnlm}
python=${PYTHON:-python3}
here=$(dirname "$0")

die() { # MESSAGE [STATUS]
	echo "bench-quality: $1" >&2
	exit "${2:-1}"
}
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"
		exit 0
		;;
	--*) [ $# -ge 2 ] || die "$1 needs a value; see --help" 2 ;;
	esac
	case $1 in
	--for) seconds=$2 ;;
	--val) val=$2 ;;
	--test) test=$2 ;;
	--cores) cores=$2 ;;
	--hidden) hidden=$2 ;;
	--lr) lr=$2 ;;
	--dropout) dropout=$2 ;;
	--*) die "unknown option $1; see --help" 2 ;;
	*)
		[ -z "$text" ] || die "one text at a time; see --help" 2
		text=$1
		shift
		continue
		;;
	esac
	shift 2
done
[ -n "$text" ] || die "a text is missing; see --help" 2
[ -z "$val$test" ] || { [ -n "$val" ] && [ -n "$test" ]; } || die "--val and --test go together" 2
for f in "$text" ${val:+"$val"} ${test:+"$test"}; do
	[ -r "$f" ] || die "$f: cannot be read"
done
command -v taskset >/dev/null 2>&1 || die "taskset, which gives each a core, is not installed (util-linux)"
[ -x "$rnnlm" ] || die "$rnnlm: no such program: run make, or set RNNLM"
"$python" -c 'import torch' 2>/dev/null || die "$python cannot import torch: pip install torch, or set PYTHON"

work=$(mktemp -d) || exit 1
torch=''
trap 'rm -rf "$work"; [ -z "$torch" ] || kill "$torch" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

taskset -c "${cores#* }" "$python" "$here/train_torch.py" --threads 1 --seconds "$seconds" --hidden "$hidden" \
	--lr "$lr" --dropout "$dropout" ${test:+--test "$test"} "$text" >"$work/torch" 2>"$work/torch.err" &
torch=$!
taskset -c "${cores% *}" "$rnnlm" train --threads=1 --for "$seconds" ${val:+--val "$val"} \
	-o "$work/model.safetensors" "$text" 2>&1 | tee "$work/log" >&2
[ -e "$work/model.safetensors" ] || die "rnnlm wrote no model"
wait "$torch" || die "$(tail -n 1 "$work/torch.err")"
torch=''
if [ -n "$test" ]; then
	"$rnnlm" score -m "$work/model.safetensors" --json -f "$test" >"$work/score"
else
	"$rnnlm" score -m "$work/model.safetensors" --json --tail 0.1 -f "$text" >"$work/score"
fi || die "the model could not be scored"

number() { # NAME FILE
	sed -n "s/.*\"$1\": \{0,1\}\([0-9.eE+-]*\).*/\1/p" "$2" | tail -n 1
}
printf '%-24s %8s %8s %8s  %s\n' text seconds nats bits by
row() { # NATS BY
	awk -v t="$(basename "$text")" -v s="$seconds" -v n="$1" -v by="$2" \
		'BEGIN { printf "%-24s %8s %8.4f %8.4f  %s\n", t, s, n, n / log(2), by }'
}
row "$(number nats_per_char "$work/score")" "rnnlm: $(sed -n 's/.*: \([^:]*models to be joined\).*/\1, /p' "$work/log" |
	tail -n 1)$(sed -n 's/^rnnlm: \([a-z-]* [0-9]*x[0-9]*\),.*/\1/p' "$work/log" | tail -n 1)"
row "$(number nats "$work/torch")" "PyTorch: lstm 2x$hidden, Adam $lr, dropout $dropout, $(number passes "$work/torch") passes"
