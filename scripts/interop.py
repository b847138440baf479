#!/usr/bin/env python3
"""Models made by rnnlm run in PyTorch, and models made in PyTorch run in rnnlm.

    python3 scripts/interop.py PROGRAM FOLDER

Both directions compare what `rnnlm score TEXT` says with what torch.nn computes from
the same file: the sum of nats and the probability of every symbol. The protocol:
zero state, a newline read first, every symbol of the text a target; if the vocabulary
has no newline, the first symbol is read and not scored.
"""

import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import zlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

MODULES = {
    "rnn": lambda *a: torch.nn.RNN(*a, nonlinearity="tanh"),
    "rnn-relu": lambda *a: torch.nn.RNN(*a, nonlinearity="relu"),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}
CORPUS = "".join(
    f"{who} {verb} the {what}, and then {n} more; na\u00efve caf\u00e9 \u2014 \U0001f642?\n"
    for n, (who, verb, what) in enumerate(
        (w, v, o)
        for w in ("Anna", "the fox", "nobody", "a tall man")
        for v in ("sees", "keeps", "paints", "loses", "sells")
        for o in ("river", "old house", "lamp", "garden", "key")
    )
)
TEXTS = [
    "a",
    "the fox paints the lamp, and then 7 more",
    "two lines\nof text\n",
    "caf\u00e9 \u2014 \U0001f642 unknown: \u0416\u4e2d {}",
    "the tall man sells nobody " * 12,
]


class Failed(Exception):
    pass


def yes(condition, message):
    if not condition:
        raise Failed(message)


def close(got, want, rel, what, absolute=0.0):
    """NaN and infinity are never close."""
    limit = rel * abs(want) + absolute
    yes(math.isfinite(got) and abs(got - want) <= limit, f"{what} is {got!r}, PyTorch has {want!r}")


def run(*args):
    """stdout of the program; whatever a person has set in the environment is left out."""
    env = {k: v for k, v in os.environ.items() if k != "RNNLM_MODEL"}
    done = subprocess.run([str(a) for a in args], capture_output=True, env=env, timeout=120)
    command = " ".join(str(a) for a in args)[:200]
    yes(done.returncode == 0, f"{command}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


class Reference:
    """The model of a file, built in PyTorch by the names of its tensors."""

    def __init__(self, path, program):
        self.path, self.program = path, program
        with safe_open(path, framework="pt") as f:
            self.meta = meta = f.metadata()
        tensors = {k: v for k, v in load_file(path).items() if not k.startswith("train.")}
        yes(meta["format"] == "rnnlm-1", f"format is {meta['format']!r}")
        self.vocab = json.loads(meta["vocab"])
        yes(self.vocab[-1] == -1 and -1 not in self.vocab[:-1], "the last symbol is not the unknown")
        self.pieces = self.piece_bytes()
        self.newline = self.pieces.index(b"\n") if b"\n" in self.pieces else None
        cell, layers, hidden, embed = meta["cell"], *(int(meta[k]) for k in ("layers", "hidden", "embed"))
        self.residual = meta["residual"] == "true"

        self.embed = tensors.pop("embed.weight", None)
        if embed:
            yes(tuple(self.embed.shape) == (len(self.vocab), embed), "embed.weight has the wrong shape")
        else:
            yes(self.embed is None, "embed.weight in a one-hot model")
        self.out_b = tensors.pop("out.bias")
        self.out_w = self.embed if meta["tie"] == "true" else tensors.pop("out.weight")

        # Strict loading: names and shapes are PyTorch's, nothing is missing or left over.
        weights = {k.removeprefix("rnn."): v for k, v in tensors.items()}
        width = embed or len(self.vocab)
        if self.residual:
            self.stack = []
            for layer in range(layers):
                module = MODULES[cell](hidden if layer else width, hidden, 1)
                ours = [k for k in weights if k.endswith(f"_l{layer}")]
                module.load_state_dict({k.rsplit("_l", 1)[0] + "_l0": weights.pop(k) for k in ours})
                self.stack.append(module)
            yes(not weights, f"tensors of no layer: {sorted(weights)}")
        else:
            self.stack = [MODULES[cell](width, hidden, layers)]
            self.stack[0].load_state_dict(weights)

    def piece_bytes(self):
        """The bytes of each symbol but the unknown, from the list as it is documented."""
        if self.meta["unit"] == "byte":
            return [bytes([s]) for s in self.vocab[:-1]]
        if self.meta["unit"] == "char":
            return [chr(s).encode("utf-8", "surrogateescape") for s in self.vocab[:-1]]
        if self.meta["unit"] == "word":
            return [s.encode("utf-8", "surrogateescape") for s in self.vocab[:-1]]
        pieces = []
        for item in self.vocab[:-1]:
            pieces.append(bytes([item]) if isinstance(item, int) else pieces[item[0]] + pieces[item[1]])
        return pieces

    def encode(self, text):
        raw = text.encode("utf-8", "surrogateescape")
        if self.meta["unit"] in ("char", "byte"):
            ids = {piece: i for i, piece in enumerate(self.pieces)}
            symbols = [bytes([b]) for b in raw] if self.meta["unit"] == "byte" else [c.encode("utf-8", "surrogateescape") for c in text]
            return [ids.get(s, len(self.pieces)) for s in symbols]
        # Where pieces are cut is the program's own rule; what they stand for is not.
        done = subprocess.run([str(self.program), "tokenize", "--ids", "-m", str(self.path)], input=raw, capture_output=True)
        ids = [int(i) for i in done.stdout.split()]
        yes(done.returncode == 0 and b"".join(self.pieces[i] for i in ids) == raw, f"ids of {text[:20]!r} are not its text")
        return ids

    @torch.no_grad()
    def probabilities(self, text):
        """Log-probability of each scored symbol."""
        ids = self.encode(text)
        if self.newline is not None:
            ids.insert(0, self.newline)
        first, target = torch.tensor(ids[:-1]), torch.tensor(ids[1:])
        if self.embed is not None:
            x = self.embed[first]
        else:
            x = torch.nn.functional.one_hot(first, len(self.vocab)).float()
        for layer, module in enumerate(self.stack):
            h, _ = module(x)
            x = h + x if self.residual and layer else h
        logits = x @ self.out_w.T + self.out_b
        return torch.log_softmax(logits.double(), -1).gather(1, target[:, None])[:, 0].tolist()


def compare(program, path, texts):
    """The file scores the same in both."""
    reference = Reference(path, program)
    for text in texts:
        want = reference.probabilities(text)
        got = json.loads(run(program, "score", "--json", "-m", path, "--", text))
        what = f"nats of {text[:20]!r}"
        close(got["nats"], -sum(want), 1e-4, what, absolute=1e-6)
        got = json.loads(run(program, "score", "--per-token", "--json", "-m", path, "--", text))
        close(got["nats"], -sum(want), 1e-4, what + " per token", absolute=1e-6)
        # Where the first symbol is not scored it may be listed without a probability.
        probs = [t["prob"] for t in got["per_token"] if t.get("prob") is not None]
        yes(len(probs) == len(want), f"{what}: {len(probs)} symbols listed, PyTorch has {len(want)}")
        for i, (p, logp) in enumerate(zip(probs, want)):
            close(p, math.exp(logp), 1e-4, f"probability {i} of {text[:20]!r}", absolute=1e-6)
    info = run(program, "info", path)
    yes(reference.meta["cell"] in info, f"info does not name the cell: {info[:200]}")
    count = sum(v.numel() for k, v in load_file(path).items() if not k.startswith("train."))
    digits = "".join(c for c in info if c.isalnum() or c.isspace())  # 12,345 and 12345 alike
    yes(str(count) in digits, f"info does not say {count} parameters: {info[:400]}")


def trained(program, folder, name, options):
    """A model trained by the program."""
    path = folder / f"trained-{name}.safetensors"
    run(program, "train", folder / "corpus.txt", "-o", path, "--precision=f32", "--hidden=24", "--steps=30", "--batch=4",
        "--seq=16", "--seed=1", *options)
    return path


def made(folder, name, cell, layers=1, hidden=20, embed=0, tie=False, residual=False, unit="char",
         symbols=None):
    """A random model made with PyTorch alone, saved with what is documented, no more."""
    if symbols is None:
        symbols = range(256) if unit == "byte" else set(map(ord, CORPUS))
    vocab = sorted(symbols) + [-1]
    if tie:
        embed = hidden
    torch.manual_seed(zlib.crc32(name.encode()))
    # Larger than PyTorch's own start, so that states matter; not so large that rounding
    # errors grow from step to step, as they would in rectified units first.
    scale = 1.0 if cell == "rnn-relu" else 1.5
    tensors = {}
    if embed:
        tensors["embed.weight"] = torch.randn(len(vocab), embed)
    if residual:
        stack = [MODULES[cell](hidden if l else embed or len(vocab), hidden, 1) for l in range(layers)]
        for l, module in enumerate(stack):
            for k, v in module.state_dict().items():
                tensors[f"rnn.{k[:-1]}{l}"] = v * scale
    else:
        module = MODULES[cell](embed or len(vocab), hidden, layers)
        tensors |= {f"rnn.{k}": v * scale for k, v in module.state_dict().items()}
    if not tie:
        tensors["out.weight"] = torch.randn(len(vocab), hidden)
    tensors["out.bias"] = torch.randn(len(vocab))
    path = folder / f"made-{name}.safetensors"
    metadata = dict(format="rnnlm-1", unit=unit, vocab=json.dumps(vocab), cell=cell, layers=str(layers),
                    hidden=str(hidden), embed=str(embed), tie=str(tie).lower(),
                    residual=str(residual).lower())
    save_file(tensors, path, metadata)
    return path


def cases(program, folder):
    """Name, what makes the file, texts to score."""
    for cell in MODULES:
        for kind, options in (
            ("2-onehot", ["--layers=2"]),
            ("1-embed", ["--layers=1", "--embed=8"]),
            ("2-tied", ["--layers=2", "--embed=24", "--tie"]),
            ("3-residual", ["--layers=3", "--residual"]),
        ):
            name = f"{cell}-{kind}"
            make = lambda n=name, o=(f"--cell={cell}", *options): trained(program, folder, n, o)
            yield "trained " + name, make, TEXTS[:4]
    yield ("trained lstm-bytes", lambda: trained(program, folder, "lstm-bytes", ["--cell=lstm", "--unit=byte"]),
           TEXTS)
    for unit in ("word", "bpe"):
        yield (f"trained gru-{unit}",
               lambda u=unit: trained(program, folder, f"gru-{u}", ["--cell=gru", f"--unit={u}", "--vocab-size=330"]),
               TEXTS + ["not utf-8: \udcff\udc80"])
    for name, options in (
        ("rnn", dict(cell="rnn")),
        ("rnn-relu", dict(cell="rnn-relu", layers=2, embed=7)),
        ("lstm", dict(cell="lstm", layers=2)),
        ("lstm-embed", dict(cell="lstm", layers=3, hidden=33, embed=5)),
        ("lstm-tied-residual", dict(cell="lstm", layers=2, tie=True, residual=True)),
        ("lstm-wide", dict(cell="lstm", hidden=130)),
        ("gru", dict(cell="gru", layers=2)),
        ("gru-tied", dict(cell="gru", tie=True)),
        ("gru-residual", dict(cell="gru", layers=3, residual=True)),
        ("gru-bytes", dict(cell="gru", unit="byte")),
    ):
        yield f"made {name}", lambda n=name, o=options: made(folder, n, **o), TEXTS
    yield ("made no-newline",
           lambda: made(folder, "no-newline", "lstm", symbols=map(ord, "abcdefgh ")),
           ["abba", "bad\nhead", "a face"])
    yield ("made not-utf8",
           lambda: made(folder, "not-utf8", "gru", symbols=[10, 97, 0xDC80, 0xDCFF]),
           ["a\udcffa\udc80", "\udc81aa"])


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: interop.py PROGRAM FOLDER")
    program, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "corpus.txt").write_text(CORPUS, encoding="utf-8", newline="\n")
    torch.set_num_threads(1)
    passed = failed = 0
    for name, make, texts in cases(program, folder):
        try:
            compare(program, make(), texts)
            print(f"ok    {name}")
            passed += 1
        except Exception as e:  # one bad file must not hide what the others show
            print(f"FAIL  {name}: {type(e).__name__}: {e}")
            failed += 1
    print(f"interop: {passed} passed, {failed} failed")
    sys.exit(failed > 0 or passed == 0)


if __name__ == "__main__":
    main()
