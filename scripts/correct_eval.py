#!/usr/bin/env python3
"""How well `rnnlm correct` repairs: lines of a text that the model has not
trained on are damaged by random edits and given back to it.

    python3 scripts/correct_eval.py [--text data/stories.txt] [--tail 0.1] [--max 200]
        [--seed 1] [--least 20] [--most 160] [--edits 1,2] [--sets "6,6,6,6 7,7,7,7"] [-- OPTIONS]

--sets lists costs to compare: insert,delete,replace,swap. OPTIONS go to rnnlm correct
(-m MODEL, --beam=8). Columns: clean, share of undamaged lines left as they are;
exact, share of damaged lines repaired to the letter; CER, Levenshtein distance to the
undamaged text per character, before and after; repaired by kind of damage (lines with
one edit only). RNNLM is the program (./rnnlm)."""
import argparse
import json
import os
import random
import subprocess
import sys
import time

KINDS = ("insert", "delete", "replace", "swap")  # what the damage did to the text


def damage(line, letters, rng):
    """One random edit that changes the line; its kind."""
    while True:
        kind, at = rng.choice(KINDS), rng.randrange(len(line))
        if kind == "insert":
            bad = line[:at] + rng.choice(letters) + line[at:]
        elif kind == "delete":
            bad = line[:at] + line[at + 1:]
        elif kind == "replace":
            bad = line[:at] + rng.choice(letters) + line[at + 1:]
        else:
            bad = line[:at] + line[at:at + 2][::-1] + line[at + 2:]
        if bad != line:
            return bad, kind


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[len(b)]


def correct(lines, options):
    command = [os.environ.get("RNNLM", "./rnnlm"), "correct", "--lines", "--json", *options]
    done = subprocess.run(command, input="".join(l + "\n" for l in lines), capture_output=True,
                          text=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"correct_eval: {' '.join(command)}: {done.stderr.strip()}")
    results = [json.loads(l)["correction"] for l in done.stdout.splitlines()]
    if len(results) != len(lines):
        sys.exit(f"correct_eval: {len(lines)} lines gave {len(results)} results")
    return results


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--text", default="data/stories.txt")
    p.add_argument("--tail", type=float, default=0.1, help="fraction of the text that was held out")
    p.add_argument("--max", type=int, default=200, help="lines")
    p.add_argument("--least", type=int, default=20, help="characters of a line")
    p.add_argument("--most", type=int, default=160)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--edits", default="1,2", help="numbers of edits, one drawn for each line")
    p.add_argument("--sets", default="", help="costs, insert,delete,replace,swap; several apart by spaces")
    p.add_argument("options", nargs="*")
    a = p.parse_args()

    with open(a.text, encoding="utf-8", newline="") as f:
        text = f.read()
    held = text[int(len(text) * (1 - a.tail)):].split("\n")[1:]
    clean = [l for l in held if a.least <= len(l) <= a.most]
    rng = random.Random(a.seed)
    rng.shuffle(clean)
    clean = clean[:a.max]
    letters = sorted({c for c in text if c.isalpha() and c.islower()})
    damaged, kinds = [], []
    for line in clean:
        bad, kind = line, []
        for _ in range(rng.choice([int(n) for n in a.edits.split(",")])):
            bad, k = damage(bad, letters, rng)
            kind.append(k)
        damaged.append(bad)
        kinds.append(kind)
    chars = sum(map(len, clean))
    before = sum(distance(b, c) for b, c in zip(damaged, clean)) / chars
    print(f"# {a.text}: {len(clean)} lines, {chars} characters, {sum(map(len, kinds))} edits; seed {a.seed}")
    print(f"{'costs':>20} {'clean':>6} {'exact':>6} {'CER before':>10} {'after':>8}  "
          + " ".join(f"{k:>7}" for k in KINDS) + " chars/s")
    for costs in a.sets.split() or [""]:
        options = [f"--{k}={v}" for k, v in zip(KINDS, costs.split(","))] if costs else []
        start = time.monotonic()
        after = correct(damaged + clean, options + a.options)
        seconds = time.monotonic() - start
        fixed, kept = after[:len(clean)], after[len(clean):]
        exact = [f == c for f, c in zip(fixed, clean)]
        by = []
        for kind in KINDS:
            of = [x for x, k in zip(exact, kinds) if k == [kind]]
            by.append(f"{100 * sum(of) / len(of):6.0f}%" if of else "      -")
        cer = sum(distance(f, c) for f, c in zip(fixed, clean)) / chars
        print(f"{costs or 'default':>20} {100 * sum(k == c for k, c in zip(kept, clean)) / len(clean):5.1f}% "
              f"{100 * sum(exact) / len(clean):5.1f}% {100 * before:9.2f}% {100 * cer:7.2f}%  "
              + " ".join(by) + f" {2 * chars / seconds:.0f}", flush=True)


if __name__ == "__main__":
    main()
