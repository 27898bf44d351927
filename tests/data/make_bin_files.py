"""Small .bin files as torch.save writes them: what a state dictionary may hold beside plain weights.

Run: python tests/data/make_bin_files.py (torch 2.15)."""
import collections
import pathlib

import torch

HERE = pathlib.Path(__file__).parent / "bin"


def state():
    shared = torch.arange(24, dtype=torch.float32)
    out = collections.OrderedDict()
    out["plain"] = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16)
    out["first"] = shared[:12].view(3, 4)
    out["turned"] = shared[12:].view(3, 4).t()
    out["expanded"] = torch.tensor([7.0]).expand(5)
    out["rows"] = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float16).expand(4, 3)
    out["double"] = torch.tensor([0.5, -0.25], dtype=torch.float64)
    out["mask"] = torch.ones(2, 2, dtype=torch.bool)
    out["empty"] = torch.empty(0, 3)
    out["scalar"] = torch.tensor(5)
    # Nothing that a model needs.
    out["complex"] = torch.tensor([1 + 2j])
    out["conjugate"] = torch.tensor([1 + 2j]).conj()
    out["sparse"] = torch.eye(3).to_sparse()
    out["parameter"] = torch.nn.Parameter(torch.tensor([9.0]))
    out["step"] = 3
    out["long"] = 1 << 100
    out["name"] = "bert \N{BULLET}"
    out["optimizer"] = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}]}
    out["names"] = {"a", "b"}
    out["counter"] = collections.Counter({"a": 1})
    out["device"] = torch.device("cpu")
    out["type"] = torch.bfloat16
    out[7] = torch.zeros(1)
    return out


for name, zipped in (("unneeded.bin", True), ("legacy.bin", False)):
    file = HERE / name
    file.parent.mkdir(exist_ok=True)
    torch.save(state(), file, _use_new_zipfile_serialization=zipped)
    print(file, file.stat().st_size, list(torch.load(file, weights_only=True)))
