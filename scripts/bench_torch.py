#!/usr/bin/env python3
"""How fast PyTorch trains, scores and samples the shapes of `rnnlm bench`.

    bench_torch.py [--what train|score|sample] [--shape CELL:LAYERSxHIDDEN:BATCHxSEQ]...
                   [--precision f32|bf16] [--vocab N] [--seconds S] [--threads N]

The model is written as one would write it in PyTorch: an embedding as wide as the
hidden layer, nn.RNN, nn.LSTM or nn.GRU, a linear output; training is cross-entropy,
backward, clipping by the global norm and fused Adam, in bf16 under autocast. Scoring and
sampling are in inference mode, in bf16 with the weights converted once, which is never
slower than autocast and for one stream a quarter faster. One JSON line for each shape: the median step after two of warm-up, as rnnlm counts it.
Needs torch 2.4 or newer.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("bench_torch.py: this Python has no torch: pip install torch "
             "--index-url https://download.pytorch.org/whl/cpu")

SHAPES = ["lstm:2x128:50x50", "lstm:2x256:64x64", "lstm:2x512:64x100",
          "lstm:1x1024:64x100", "gru:2x512:64x100", "rnn:2x128:50x50"]
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU,
         "rnn-relu": lambda *size: nn.RNN(*size, nonlinearity="relu")}
WARM_UP, LEAST_STEPS = 2, 3
SAMPLE_STEP = 50  # symbols that make a step of sampling


class Model(nn.Module):
    def __init__(self, cell, layers, hidden, vocab):
        super().__init__()
        self.embed = nn.Embedding(vocab, hidden)
        self.rnn = CELLS[cell](hidden, hidden, layers)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, ids, state=None):
        """Logits (T, B, vocab) of ids (T, B), and the state after them."""
        y, state = self.rnn(self.embed(ids), state)
        return self.out(y), state


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def mean_nats(logits, target):
    return nn.functional.cross_entropy(logits.float().flatten(0, 1), target.flatten())


class Task:
    """A model and what is carried from step to step."""

    def __init__(self, shape, vocab, bf16):
        cell, size, block = shape.split(":")
        layers, hidden = (int(n) for n in size.split("x"))
        self.batch, self.seq = (int(n) for n in block.split("x"))
        self.vocab = vocab
        self.model = Model(cell, layers, hidden, vocab)
        self.state = None
        self.bf16 = bf16

    def draw(self):
        ids = torch.randint(self.vocab, (self.seq + 1, self.batch))
        return ids[:-1], ids[1:]


class Train(Task):
    def __init__(self, *args):
        super().__init__(*args)
        self.adam = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self.tokens = self.batch * self.seq

    def step(self, ids, target):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            logits, state = self.model(ids, self.state)
        self.state = detached(state)
        self.adam.zero_grad()
        mean_nats(logits, target).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.adam.step()


class Inference(Task):
    def __init__(self, *args):
        super().__init__(*args)
        self.model.eval()
        if self.bf16:
            self.model.bfloat16()


class Score(Inference):
    def __init__(self, *args):
        super().__init__(*args)
        self.tokens = self.batch * self.seq

    @torch.inference_mode()
    def step(self, ids, target):
        logits, self.state = self.model(ids, self.state)
        mean_nats(logits, target).item()


class Sample(Inference):
    def __init__(self, *args):
        super().__init__(*args)
        self.tokens = SAMPLE_STEP

    @torch.inference_mode()
    def step(self, ids, _):
        symbol = ids[:1, :1]
        for _ in range(SAMPLE_STEP):
            logits, self.state = self.model(symbol, self.state)
            symbol = torch.multinomial(torch.softmax(logits[0].float() / 0.8, -1), 1)


def measure(task, seconds):
    """Seconds of each step."""
    times, spent = [], 0.0
    for step in range(sys.maxsize):
        block = task.draw()
        start = time.perf_counter()
        task.step(*block)
        took = time.perf_counter() - start
        if step >= WARM_UP:
            times.append(took)
            spent += took
        if len(times) >= LEAST_STEPS and spent >= seconds:
            return times


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            for line in info:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main():
    tasks = {"train": Train, "score": Score, "sample": Sample}
    p = argparse.ArgumentParser(description="PyTorch on the shapes of rnnlm bench")
    p.add_argument("--what", choices=tasks, default="train")
    p.add_argument("--shape", action="append", help="CELL:LAYERSxHIDDEN:BATCHxSEQ; may be repeated")
    p.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    p.add_argument("--vocab", type=int, default=65)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--threads", type=int, default=0, help="0: as many as this process may use CPUs")
    o = p.parse_args()

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(o.threads or cpus)
    torch.manual_seed(1)
    for shape in o.shape or SHAPES:
        try:
            task = tasks[o.what](shape, o.vocab, o.precision == "bf16")
        except (ValueError, KeyError):
            sys.exit(f"bench_torch.py: bad shape {shape}: CELL:LAYERSxHIDDEN:BATCHxSEQ, "
                     f"as lstm:2x512:64x100; cells: {', '.join(CELLS)}")
        median = statistics.median(measure(task, o.seconds))
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({
            "peer": f"PyTorch {torch.__version__}", "what": o.what, "shape": shape, "vocab": o.vocab,
            "precision": o.precision, "cpu": cpu_name(), "threads": torch.get_num_threads(),
            "tokens_per_s": round(task.tokens / median, 1),
            "params": sum(w.numel() for w in task.model.parameters()),
            "peak_mb": round(held / 2**(20 if sys.platform == "darwin" else 10), 1),
        }, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    main()
