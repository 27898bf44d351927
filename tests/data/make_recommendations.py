"""Makes recommendations/: what transformers makes of generation_config.json. Usage: make_recommendations.py (needs
torch 2.15, transformers 5.24).

processors.jsonl: one step each. Of `logits` after `prompt` and `answer`, with room for `max_new_tokens`, the logits
processors of `config` make `scores` (null: -infinity), and where it samples the candidates `kept`.
answers.jsonl: the greedy answer of models/llama with `config` as its generation_config.json, end token included.
"""
import json
import os

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "recommendations")
VOCABULARY = 24
PROMPT = [5, 3, 7, 3, 9, 2]
ANSWER = [5, 3, 11, 5, 3]

RULES = [
    {"suppress_tokens": [0, 4, 23]},
    {"begin_suppress_tokens": [8, 9]},
    {"bad_words_ids": [[4], [3, 7], [11, 5, 3, 9], [2, 1], [1]]},
    {"sequence_bias": [[[4], 3.5], [[3, 7], -2.25], [[5, 3, 9], 4.0], [[5, 3, 9], 1.5], [[6, 3, 10], 9.0]]},
    {"sequence_bias": [[[12], float("-inf")]], "repetition_penalty": 1.3},
    {"encoder_repetition_penalty": 2.0},
    {"encoder_repetition_penalty": 0.7, "repetition_penalty": 1.7},
    {"repetition_penalty": 1.2},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3},
    {"no_repeat_ngram_size": 12},
    {"encoder_no_repeat_ngram_size": 2},
    {"encoder_no_repeat_ngram_size": 3},
    {"min_length": 12},
    {"min_length": 3},
    {"min_new_tokens": 6},
    {"min_new_tokens": 5},
    {"forced_bos_token_id": 6},
    {"forced_bos_token_id": 6, "begin_suppress_tokens": [8, 9]},
    {"forced_eos_token_id": 2},
    {"forced_eos_token_id": [1, 2], "suppress_tokens": [1]},
    {"remove_invalid_values": True},
    {"exponential_decay_length_penalty": [2, 1.25]},
    {"exponential_decay_length_penalty": [5, 1.25]},
    {"suppress_tokens": [4], "bad_words_ids": [[3, 7]], "no_repeat_ngram_size": 2, "repetition_penalty": 1.1,
     "min_new_tokens": 9, "sequence_bias": [[[10], 1.0]], "encoder_repetition_penalty": 1.5},
]
WARPERS = [
    {"top_k": 5},
    {"top_k": 0, "top_p": 0.7},
    {"top_k": 0, "min_p": 0.15},
    {"top_k": 0, "typical_p": 0.5},
    {"top_k": 0, "typical_p": 0.9},
    {"top_k": 0, "epsilon_cutoff": 0.03},
    {"top_k": 0, "epsilon_cutoff": 0.9},
    {"top_k": 0, "eta_cutoff": 0.02},
    {"top_k": 0, "eta_cutoff": 0.3},
    {"top_k": 0, "top_h": 0.4},
    {"top_k": 0, "top_h": 0.9},
    {"top_k": 0, "top_h": 0.01},
    {"top_k": 12, "top_p": 0.8, "temperature": 0.5},
    {"top_k": 12, "top_p": 0.8, "temperature": 2.0},
    {"top_k": 0, "top_p": 0.9, "min_p": 0.2, "temperature": 1.5},
    {"top_k": 20, "top_p": 0.95, "typical_p": 0.8, "temperature": 0.7, "epsilon_cutoff": 0.01, "eta_cutoff": 0.05},
    {"top_k": 0, "top_h": 0.6, "temperature": 1.8, "top_p": 0.9},
    {"top_k": 6, "no_repeat_ngram_size": 2, "repetition_penalty": 1.3, "temperature": 0.6, "suppress_tokens": [17]},
]
ANSWERS = [
    {},
    {"suppress_tokens": [175, 321]},
    {"begin_suppress_tokens": [175]},
    {"bad_words_ids": [[341]]},
    {"bad_words_ids": [[341, 321], [227, 377], [175, 394, 227, 377]]},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 1},
    {"encoder_no_repeat_ngram_size": 1},
    {"sequence_bias": [[[175], -10.0]]},
    {"sequence_bias": [[[341, 321], -3.0], [[506], 2.5]]},
    {"max_new_tokens": 4},
    {"max_length": 17},
    {"forced_eos_token_id": 2},
    {"forced_eos_token_id": [7, 2], "max_new_tokens": 5},
    {"encoder_repetition_penalty": 2.0},
    {"repetition_penalty": 1.5},
    {"repetition_penalty": 2.0, "encoder_repetition_penalty": 1.4, "no_repeat_ngram_size": 3},
    {"sequence_bias": [[[2], 30.0]], "min_new_tokens": 6},
    {"sequence_bias": [[[2], 30.0]], "min_length": 16},
    {"sequence_bias": [[[2], 30.0]]},
    {"bad_words_ids": [[2]], "sequence_bias": [[[2], 30.0]]},
    {"exponential_decay_length_penalty": [3, 4.0]},
    {"remove_invalid_values": True, "suppress_tokens": [175]},
    {"temperature": 3.0, "top_p": 0.3, "min_length": 0, "num_beams": 1, "use_cache": True, "pad_token_id": 0},
]


def step(model, config, prompt, answer, logits, room):
    generation = GenerationConfig(**config, eos_token_id=[1, 2], max_length=len(prompt) + room)
    if generation.min_new_tokens is not None:
        generation.min_length = generation.min_new_tokens + len(prompt)
    generation._eos_token_tensor = torch.tensor([1, 2])
    ids = torch.tensor([prompt])
    processors = model._get_logits_processor(generation, len(prompt), ids, device="cpu",
                                             model_kwargs={"attention_mask": torch.ones_like(ids)})
    return processors(torch.tensor([prompt + answer]), torch.tensor([logits], dtype=torch.float32))[0]


def numbers(random, spread, grain=64):
    return [round(float(x) * grain) / grain for x in random.normal(0, spread, VOCABULARY)]


def steps(model):
    random = np.random.default_rng(10)
    situations = [(PROMPT, ANSWER), (PROMPT, []), ([3], []), ([3], [6]), (PROMPT + PROMPT, ANSWER[:2])]
    for config in RULES:
        for prompt, answer in situations:
            logits = numbers(random, 3)
            if config.get("remove_invalid_values"):
                logits[3], logits[4] = float("nan"), float("-inf")
            for room in (len(answer) + 1, 50) if "forced_eos_token_id" in config else (50,):
                scores = step(model, config, prompt, answer, logits, room)
                yield {"config": config, "prompt": prompt, "answer": answer, "max_new_tokens": room,
                       "logits": [None if x == float("-inf") else "NaN" if x != x else x for x in logits],
                       "scores": [None if x == float("-inf") else x for x in scores.tolist()]}
    for config in WARPERS:
        for spread in (1.0, 3.0):
            logits = numbers(random, spread, 2**16)  # no two are equal
            scores = step(model, {"do_sample": True, **config}, PROMPT, ANSWER, logits, 50)
            yield {"config": {"do_sample": True, **config}, "prompt": PROMPT, "answer": ANSWER, "max_new_tokens": 50,
                   "logits": logits, "kept": [i for i, x in enumerate(scores.tolist()) if x != float("-inf")]}


# llama.cpp's arithmetic decides the tenth token otherwise: the margin is small.
CLOSE = [{"bad_words_ids": [[341, 321], [227, 377], [175, 394, 227, 377]]}, {"encoder_no_repeat_ngram_size": 1}]


def answers(model, tokenizer):
    prompt = tokenizer("The quick brown fox", return_tensors="pt")
    length = prompt.input_ids.shape[1]
    for config in ANSWERS:
        model.generation_config = GenerationConfig(do_sample=False, bos_token_id=1, eos_token_id=2, **config)
        asked = {} if "max_new_tokens" in config or "max_length" in config else {"max_new_tokens": 9 if config in CLOSE else 10}
        ids = model.generate(**prompt, **asked)[0, length:].tolist()
        yield {"config": {"do_sample": False, "eos_token_id": 2, **config}, "asked": asked.get("max_new_tokens"),
               "tokens": ids}


def write(name, lines):
    with open(os.path.join(OUT, name), "w") as file:
        for line in lines:
            file.write(json.dumps(line).replace("-Infinity", '{"__float__": "-Infinity"}') + "\n")


if __name__ == "__main__":
    folder = os.path.join(HERE, "models", "llama")
    llama = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    write("processors.jsonl", list(steps(llama)))
    write("answers.jsonl", list(answers(llama, AutoTokenizer.from_pretrained(folder))))
