#!/usr/bin/env python3
"""Writes PyTorch's numbers to tests/golden/CASE.safetensors.

    python3 scripts/golden.py [FOLDER]

A case is a small model in float64 with everything that goes in (weights, ids,
targets, the state carried in) and everything that comes out:

    logits (T,B,V)  loss (1)  state_out.0 [.1] (L,B,H)
    grad.NAME for every weight, grad.state.0 [.1]
    adam.loss (11)  adam.norm (10)  adam.NAME

The adam.* numbers are those of ten training steps on the same batch and the same
carried state, the gradient's global norm clipped at CLIP. adam.loss holds the loss
before each step and after the last, adam.norm the norm before clipping. State 0 is
the hidden state, state 1 the cell state of the LSTM. Inputs are rounded to float32,
so that a build in float32 reads the same numbers.

Layers are stacked by hand from torch.nn's single-layer modules, because PyTorch has
no residual connections: layer l > 0 gives h_l + x_l where x_l is its input.
"""

import json
import pathlib
import struct
import sys
import zlib

import torch
from safetensors.torch import save

V, T, B = 11, 7, 3
STEPS, CLIP, LR = 10, 0.5, 0.01
# Largest output weight: chosen so that clipping acts in some steps and not in others.
OUT = {"rnn": 1.0, "rnn-relu": 0.8, "lstm": 2.2, "gru": 1.5}

MODULES = {
    "rnn": lambda i, h: torch.nn.RNN(i, h, nonlinearity="tanh"),
    "rnn-relu": lambda i, h: torch.nn.RNN(i, h, nonlinearity="relu"),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}


def cases():
    """Name and configuration of every case."""
    for cell in MODULES:
        yield f"{cell}-1-onehot", config(cell, 1)
        yield f"{cell}-3-embed", config(cell, 3, embed=5)
        yield f"{cell}-3-residual", config(cell, 3, residual=True)
        if cell != "rnn-relu":  # differs from rnn in one function only
            yield f"{cell}-1-embed", config(cell, 1, embed=5)
            yield f"{cell}-1-tied", config(cell, 1, embed=6, tie=True)
    yield "lstm-1-wide", config("lstm", 1, hidden=19, embed=5)


def config(cell, layers, hidden=6, embed=0, tie=False, residual=False):
    return dict(cell=cell, layers=layers, hidden=hidden, embed=embed, vocab=V, tie=tie,
                residual=residual)


def uniform(shape, bound):
    """Float64 numbers within +-bound that float32 can hold."""
    x = (torch.rand(shape, dtype=torch.float64) * 2 - 1) * bound
    return x.float().double()


class Model:
    def __init__(self, cfg):
        self.cfg = cfg
        cell, hidden, embed = cfg["cell"], cfg["hidden"], cfg["embed"]
        self.params = {}  # by name, each tensor once
        if embed:
            self.params["embed.weight"] = uniform((V, embed), OUT[cell] if cfg["tie"] else 1.0)
        self.rnn = []
        for layer in range(cfg["layers"]):
            width = hidden if layer else embed or V
            module = MODULES[cell](width, hidden).double()
            for name, p in module.named_parameters():
                p.data = uniform(p.shape, 1.5 / hidden**0.5)
                self.params[f"rnn.{name[:-1]}{layer}"] = p  # ..._l0 becomes ..._l<layer>
            self.rnn.append(module)
        if not cfg["tie"]:
            self.params["out.weight"] = uniform((V, hidden), OUT[cell])
        self.params["out.bias"] = uniform((V,), 0.5)
        for p in self.params.values():
            p.requires_grad_(True)

    def forward(self, ids, states):
        """Logits (T,B,V) and the new states, each (L,B,H)."""
        p, cfg = self.params, self.cfg
        if cfg["embed"]:
            x = torch.nn.functional.embedding(ids, p["embed.weight"])
        else:
            x = torch.nn.functional.one_hot(ids, V).double()
        new = []
        for layer, module in enumerate(self.rnn):
            s = [state[layer : layer + 1] for state in states]
            h, after = module(x, tuple(s) if len(s) > 1 else s[0])
            new.append(after if isinstance(after, tuple) else (after,))
            x = h + x if cfg["residual"] and layer else h
        w = p["embed.weight"] if cfg["tie"] else p["out.weight"]
        return x @ w.T + p["out.bias"], [torch.cat(s) for s in zip(*new)]

    def loss(self, ids, targets, states):
        logits, _ = self.forward(ids, states)
        return torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))


def make(cfg, seed):
    torch.manual_seed(seed)
    model = Model(cfg)
    ids = torch.randint(V, (T, B))
    targets = torch.randint(V, (T, B))
    shape = (cfg["layers"], B, cfg["hidden"])
    states = [uniform(shape, 0.8) for _ in range(2 if cfg["cell"] == "lstm" else 1)]
    for s in states:
        s.requires_grad_(True)

    out = {"ids": ids, "targets": targets}
    out |= {name: p.detach().clone() for name, p in model.params.items()}
    out |= {f"state.{i}": s.detach().clone() for i, s in enumerate(states)}

    logits, new = model.forward(ids, states)
    loss = model.loss(ids, targets, states)
    loss.backward()
    out["logits"], out["loss"] = logits.detach(), loss.detach().reshape(1)
    out |= {f"state_out.{i}": s.detach() for i, s in enumerate(new)}
    out |= {f"grad.{name}": p.grad.clone() for name, p in model.params.items()}
    out |= {f"grad.state.{i}": s.grad.clone() for i, s in enumerate(states)}

    fixed = [s.detach() for s in states]
    params = list(model.params.values())
    adam = torch.optim.Adam(params, lr=LR, betas=(0.9, 0.999), eps=1e-8, foreach=False)
    losses, norms = [], []
    for _ in range(STEPS):
        adam.zero_grad()
        loss = model.loss(ids, targets, fixed)
        loss.backward()
        # clip_grad_norm_ adds 1e-6 to the norm; here the clipped norm is CLIP itself.
        norm = torch.sqrt(sum((p.grad**2).sum() for p in params))
        for p in params:
            p.grad *= min(1.0, CLIP / norm.item())
        adam.step()
        losses.append(loss.item())
        norms.append(norm.item())
    losses.append(model.loss(ids, targets, fixed).item())
    out["adam.loss"] = torch.tensor(losses, dtype=torch.float64)
    out["adam.norm"] = torch.tensor(norms, dtype=torch.float64)
    out |= {f"adam.{name}": p.detach().clone() for name, p in model.params.items()}
    return out


def pack(tensors, cfg):
    """A safetensors file. The library writes metadata in any order; ours is sorted, so
    that the same numbers are the same bytes."""
    text = {k: str(v).lower() for k, v in cfg.items()}
    data = save({k: v.contiguous() for k, v in tensors.items()}, text)
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    header["__metadata__"] = dict(sorted(text.items()))
    packed = json.dumps(header, separators=(",", ":")).encode()
    packed += b" " * (-len(packed) % 8)
    return struct.pack("<Q", len(packed)) + packed + data[8 + n :]


def main():
    torch.set_num_threads(1)
    root = pathlib.Path(__file__).resolve().parent.parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/golden"
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, cfg in cases():
        tensors = make(cfg, zlib.crc32(name.encode()))
        data = pack(tensors, cfg)
        (folder / f"{name}.safetensors").write_bytes(data)
        total += len(data)
        norms = tensors["adam.norm"]
        print(f"{name:22} {len(data):6} bytes  loss {tensors['loss'].item():.4f}"
              f" -> {tensors['adam.loss'][-1].item():.4f}"
              f"  norm {norms.min().item():.3f} .. {norms.max().item():.3f}")
    print(f"{total} bytes in {folder}")


if __name__ == "__main__":
    main()
