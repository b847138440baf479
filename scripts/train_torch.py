#!/usr/bin/env python3
"""Trains a character LSTM in PyTorch on a text for so many seconds, the ordinary way, and
says how likely the rest of the text is: the peer of `rnnlm train --for`.

    train_torch.py [--seconds S] [--test FILE] [--hidden N] [--layers N] [--batch N] [--seq N]
                   [--lr R] [--dropout P] [--precision bf16|f32] [--threads N] [--seed N] TEXT

Without --test the last tenth of the text is kept for it. An embedding as wide as the hidden
layer, nn.LSTM, a linear output, dropout on the input of each of them; Adam, whose rate
falls in a straight line to a tenth at the end of the time; the gradient clipped to norm 1;
streams of text whose state is carried from block to block, under autocast in bf16. At the
end the state is carried through the whole of what is held out. One JSON line.
Needs torch 2.4 or newer.
"""

import argparse
import json
import time

from bench_torch import Model, detached, mean_nats, nn, torch


class Dropped(Model):
    """With dropout on the input of each part."""

    def __init__(self, vocab, layers, hidden, dropout):
        super().__init__("lstm", layers, hidden, vocab)
        self.rnn.dropout = dropout if layers > 1 else 0.0
        self.drop = nn.Dropout(dropout)

    def forward(self, ids, state=None):
        y, state = self.rnn(self.drop(self.embed(ids)), state)
        return self.out(self.drop(y)), state


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def load(args):
    """Ids of what is trained on and of what is held out, and how many symbols there are."""
    text = read(args.text)
    if args.test:
        train, test = text, read(args.test)
    else:
        cut = len(text) * 9 // 10
        train, test = text[:cut], text[cut:]
    number = {c: i for i, c in enumerate(sorted(set(train) | set(test)))}
    return torch.tensor([number[c] for c in train]), torch.tensor([number[c] for c in test]), len(number)


def train(model, streams, args):
    """Steps until the time is over; how many, and how many symbols they read."""
    adam = torch.optim.Adam(model.parameters(), lr=args.lr, fused=True)
    start, at, state, steps = time.perf_counter(), 0, None, 0
    while (spent := time.perf_counter() - start) < args.seconds:
        for group in adam.param_groups:
            group["lr"] = args.lr * (1 - 0.9 * spent / args.seconds)
        if at + args.seq >= len(streams):
            at, state = 0, None
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
            logits, state = model(streams[at:at + args.seq], state)
        state = detached(state)
        adam.zero_grad()
        mean_nats(logits, streams[at + 1:at + args.seq + 1]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        at += args.seq
        steps += 1
    return steps, steps * args.seq * args.batch


@torch.no_grad()
def score(model, ids, block=1000):
    model.eval()
    total, state = 0.0, None
    for at in range(0, len(ids) - 1, block):
        target = ids[at + 1:at + block + 1]
        logits, state = model(ids[at:at + len(target)].unsqueeze(1), state)
        total += mean_nats(logits, target.unsqueeze(1)).item() * len(target)
    return total / (len(ids) - 1)


def main():
    p = argparse.ArgumentParser(description="Trains a character LSTM in PyTorch for a time.")
    p.add_argument("text")
    p.add_argument("--test")
    p.add_argument("--seconds", type=float, default=180)
    p.add_argument("--layers", type=int, default=2)
    p.add_argument("--hidden", type=int, default=512)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--seq", type=int, default=64)
    p.add_argument("--lr", type=float, default=4e-3)
    p.add_argument("--dropout", type=float, default=0.2)
    p.add_argument("--precision", choices=["bf16", "f32"], default="bf16")
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    ids, held_out, vocab = load(args)
    model = Dropped(vocab, args.layers, args.hidden, args.dropout)
    length = len(ids) // args.batch
    streams = ids[:length * args.batch].view(args.batch, length).t().contiguous()
    steps, symbols = train(model, streams, args)
    print(json.dumps({"text": args.text, "hidden": args.hidden, "layers": args.layers, "lr": args.lr,
                      "dropout": args.dropout, "precision": args.precision, "steps": steps,
                      "passes": round(symbols / len(ids), 2), "nats": round(score(model, held_out), 4)}))


main()
