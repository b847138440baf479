#!/bin/sh
# The runs behind the rules of `rnnlm train --plan` (src/cmd/train_plan.c): held-out loss by
# length of the text, passes over it, width, dropout and number of models joined.
#
#   sh scripts/plan-table.sh TEXT... > table.tsv
#
# Of each TEXT the first SIZES characters are taken (those it has), the last tenth of them
# held out. The grid is set by the environment; the whole takes hours:
#   SIZES="100000 300000 1000000"  PASSES="3 6 12"  WIDTHS="128 256 512"  DROPOUTS="0.1 0.3 0.5"
#   MEMBERS="1 3"
#   RNNLM=./rnnlm  OPTIONS= (more options of train)
set -eu
RNNLM=${RNNLM:-./rnnlm}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[ $# -gt 0 ] || {
	echo "usage: sh scripts/plan-table.sh TEXT..." >&2
	exit 2
}

printf 'text\tsymbols\tpasses\thidden\tdropout\tmembers\tsteps\tval_nats\ttrain_nats\tseconds\n'
for text in "$@"; do
	name=$(basename "$text" | sed 's/\.[^.]*$//')
	for size in ${SIZES:-100000 300000 1000000}; do
		[ "$(wc -m <"$text")" -ge "$size" ] || continue
		# Cut at a character: the first SIZE of them.
		LC_ALL=C.UTF-8 awk -v n="$size" '{ if (n <= 0) exit; line = $0 "\n"; print substr($0, 1, n); n -= length(line) }' \
			"$text" >"$tmp/$name"
		for passes in ${PASSES:-3 6 12}; do
			batch=32 # as the plan has it
			[ "$size" -ge 444000 ] || batch=16
			[ "$size" -ge 166000 ] || batch=8
			steps=$((passes * size * 9 / 10 / (batch * 64) + 1))
			for hidden in ${WIDTHS:-128 256 512}; do
				for dropout in ${DROPOUTS:-0.1 0.3 0.5}; do
					for members in ${MEMBERS:-1 3}; do
						# shellcheck disable=SC2086
						"$RNNLM" train --json --log=none --batch=$batch --seq=64 --steps=$steps --hidden="$hidden" \
							--dropout="$dropout" --ensemble="$members" ${OPTIONS:-} -o "$tmp/m.safetensors" "$tmp/$name" 2>/dev/null |
							awk -v row="$name	$size	$passes	$hidden	$dropout	$members	$steps" '
								function key(k) { return match($0, "\"" k "\":[-0-9.e+]*") ? substr($0, RSTART + length(k) + 3, RLENGTH - length(k) - 3) : "" }
								{ printf "%s\t%.4f\t%.4f\t%.0f\n", row, key("val_nats"), key("train_nats"), key("seconds") }'
					done
				done
			done
		done
	done
done
