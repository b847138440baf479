#!/bin/sh
# The model that comes with the program knows the stories that it was trained on: what they
# say is likelier to it than the same words in another order, or with another word in place
# of one, and correct finds the way back.
# shellcheck disable=SC2317 # run calls functions
. tests/cli/lib.sh

score() {
	"$RNNLM" score -m models/small.safetensors "$@"
}

t "the clouds are in the sky, and nowhere else"
run 0 score --rank "the clouds are in the bottle" "the clouds are in the garden" "the clouds are in the bread" \
	"the clouds are in the shoe" "the clouds are in the sky" "the sky are in the clouds" "the clouds are the in sky" \
	"the in the clouds sky are" "clouds the are in the sky" "sky the in are clouds the"
ok is "$(awk 'NR == 2 { print $NF, ($2 > 0.9) }' "$TMP/out")" "sky 1"
ok is "$(awk 'NR == 11 { print $1 }' "$TMP/out")" 10

t "a salad of apple and pear, not pair"
run 0 score --rank "The apple and pair salad" "The apple and bear salad" "The apple and pare salad" "The pear and apple salad" \
	"The apple and pear salad" "The apple pear and salad" "salad pear and apple The"
ok is "$(awk 'NR == 2 { print $(NF - 1), ($2 > 0.99) }' "$TMP/out")" "pear 1"
ok is "$(awk 'NR == 8 { print $1 }' "$TMP/out")" 7

t "a line whose letters have changed places is put right"
run 0 "$RNNLM" correct -m models/small.safetensors "Teh cat was asleep on the soft chiar."
out_is "The cat was asleep on the soft chair."

finish
