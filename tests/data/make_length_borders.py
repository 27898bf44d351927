"""Makes length_border.json and length_border.safetensors of the reference models whose rotation depends on the
length (longrope, dynamic). Usage: make_length_borders.py (needs torch 2.15, transformers 5.23).

A case is a prompt and how many tokens follow. Its sequence is planned to be prompt + new - 1 positions long, and
the rotation is the one that transformers chooses for a sequence of that length, for all of its positions. That is
checked: one plain forward pass over the whole sequence (which chooses by itself) gives the same logits and tokens.
"""
import json
import os

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
BORDER = 32
# name of the output, model, what is changed in its config.json
VARIANTS = [
    ("length_border", "phi3-longrope", {}),
    ("length_border", "llama", {"max_position_embeddings": BORDER,
                                "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}}),
]
# (prompt's length, new tokens): planned 31, 32, 33, 43; 33 by the prompt alone; 48; 54
SHAPES = [(24, 8), (24, 9), (24, 10), (20, 24), (33, 1), (41, 8), (54, 1)]


def load(directory, changes):
    config = AutoConfig.from_pretrained(directory)
    for key, value in changes.items():
        setattr(config, key, value)
    model = AutoModelForCausalLM.from_pretrained(directory, config=config, dtype=torch.float32,
                                                 attn_implementation="eager").eval()
    return model


def logits_of(model, ids):
    return model(torch.tensor([ids]), use_cache=False).logits[0].float()


def make(output, name, changes):
    directory = os.path.join(HERE, "models", name)
    expected = json.load(open(os.path.join(directory, "expected.json")))
    text = sum((c["prompt_ids"] for c in expected["cases"]), [])
    cases, rows = [], []
    for length, new in SHAPES:
        prompt = text[:length]
        planned = length + new - 1
        frozen = load(directory, changes)
        logits_of(frozen, [0] * planned)  # chooses the frequencies
        frozen.model.rotary_emb.rope_type = "default"  # and keeps them
        ids, greedy = list(prompt), []
        for _ in range(new):
            greedy.append(int(logits_of(frozen, ids)[-1].argmax()))
            ids.append(greedy[-1])
        plain = logits_of(load(directory, changes), ids[:-1])
        assert len(ids) - 1 == planned
        assert [int(row.argmax()) for row in plain[length - 1:]] == greedy, (name, length, new)
        two = plain[length - 1:].topk(2).values
        print(name, length, new, planned, "smallest margin", float((two[:, 0] - two[:, 1]).min()))
        cases.append({"prompt_ids": prompt, "greedy_ids": greedy})
        rows += [plain[length - 1].numpy(), plain[-1].numpy()]
    with open(os.path.join(directory, output + ".json"), "w") as file:
        json.dump({"config": changes, "border": BORDER, "cases": cases}, file)
        file.write("\n")
    save_file({"logits": np.stack(rows).astype(np.float32)}, os.path.join(directory, output + ".safetensors"))


with torch.inference_mode():
    torch.set_num_threads(1)
    for variant in VARIANTS:
        make(*variant)
