"""Changes fields of the reference models' config.json one at a time, and writes down what transformers (5.24, float32,
eager) computes then: config_changes.json.

Usage: python make_config_changes.py MODELS_DIR OUT_FILE [NAME...]
Needs torch, transformers and safetensors. A case is kept when its result is not that of the unchanged model, or when
the change is one of KEPT, which must not change it. What transformers can't run either is left out, but for REFUSED.
"""
import copy, json, os, random, shutil, sys, tempfile, warnings
os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
warnings.filterwarnings("ignore")
torch.set_num_threads(1)

random.seed(5)
PROMPT = [random.randrange(3, 500) for _ in range(40)]
SHOWN = 4  # ids whose log-probabilities are written down

ACTIVATIONS = ["gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh",
               "gelu_pytorch_tanh", "hardswish", "laplace", "leaky_relu", "linear", "mish", "quick_gelu", "relu",
               "relu2", "relu6", "sigmoid", "silu", "sqrtsoftplus", "swish", "tanh"]
FEW_ACTIVATIONS = ["gelu", "relu", "quick_gelu"]
ALL_ACTIVATIONS = {"llama", "gpt2"}
ACTIVATION_FIELDS = ["hidden_act", "hidden_activation", "activation_function", "activation"]

ROPE = dict(rope_theta=10000.0)
YARN = dict(ROPE, rope_type="yarn", factor=4.0, original_max_position_embeddings=64)
ROPES = [dict(ROPE, rope_type="default", partial_rotary_factor=0.5), dict(rope_type="default", rope_theta=500.0),
         dict(ROPE, rope_type="linear", factor=4.0), dict(ROPE, rope_type="dynamic", factor=4.0), YARN,
         dict(YARN, mscale=0.7), dict(YARN, mscale=0.7, mscale_all_dim=0.9),
         dict(YARN, attention_factor=1.3, beta_fast=16.0, beta_slow=2.0, truncate=False),
         dict(ROPE, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64),
         dict(ROPE, rope_type="proportional", partial_rotary_factor=0.5)]
BOOLEANS = ["attention_bias", "mlp_bias", "use_bias", "bias", "qkv_bias", "use_qkv_bias", "attention_out_bias",
            "enable_bias", "conv_bias", "tie_word_embeddings", "norm_topk_prob", "use_parallel_residual", "alibi",
            "scale_attn_weights", "rope_interleave", "apply_residual_connection_post_layernorm"]
# Fields that a family may or may not look at.
KEPT = [("partial_rotary_factor", 0.5), ("rotary_pct", 0.5), ("attn_logit_softcapping", 3.0),
        ("final_logit_softcapping", 3.0), ("sliding_window", 7), ("sliding_window", None), ("clip_qkv", 0.3),
        ("logit_scale", 0.5), ("query_pre_attn_scalar", 7), ("use_sliding_window", True), ("max_window_layers", 1),
        ("_sliding_window_pattern", 2), ("sliding_window_pattern", 2), ("rope_local_base_freq", 100.0),
        ("rope_theta", 100.0), ("no_rope_layer_interval", 2), ("embedding_multiplier", 1.5),
        ("residual_multiplier", 1.5), ("attention_multiplier", 0.5), ("logits_scaling", 1.5),
        ("swiglu_alpha", 1.0), ("swiglu_limit", 3.0), ("routed_scaling_factor", 1.5), ("rms_norm_eps", 0.5),
        ("layer_norm_eps", 0.5), ("norm_eps", 0.5), ("norm_epsilon", 0.5), ("layer_norm_epsilon", 0.5),
        ("is_causal", True), ("use_bidirectional_attention", False), ("topk_method", "greedy"),
        ("scoring_func", "softmax"), ("num_experts_per_tok", 1), ("first_k_dense_replace", 2)]
REFUSED = [("is_causal", False), ("is_causal", None), ("use_bidirectional_attention", True)]
WINDOWS = "sliding_window"
NESTED = {"gemma3_text", "olmo3"}  # the families whose rope_parameters are nested


def layer_types(layers):
    sliding, full = "sliding_attention", "full_attention"
    return [[full] * layers, [sliding] * layers, ([sliding, full] * layers)[:layers]]


def changes(name, config, full):
    everything = {**full, **config}
    for field in ACTIVATION_FIELDS:
        if field in everything:
            for value in ACTIVATIONS if name in ALL_ACTIVATIONS else FEW_ACTIVATIONS:
                yield {field: value}
    if "rope_parameters" in everything:
        for value in ROPES:
            yield {"rope_parameters": value}
        yield {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}}
    if config["model_type"] in NESTED:
        for value in ROPES:
            yield {"rope_parameters": {"full_attention": value, "sliding_attention": dict(rope_type="default")}}
            yield {"rope_parameters": {"full_attention": dict(rope_type="default"), "sliding_attention": value}}
            yield {"rope_parameters": None, "rope_scaling": value}
        yield {"rope_parameters": {"truncate": False, "full_attention": YARN}}
    for field in BOOLEANS:
        if field in everything:
            yield {field: not everything[field]}
    for field, value in KEPT:
        yield {field: value}
    for value in layer_types(everything.get("num_hidden_layers") or everything.get("n_layer")):
        yield {"layer_types": value}


def random_numbers(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return [round(x, 4) for x in (torch.randn(count, generator=generator) * 0.5).tolist()]


# What is done to tensors: see config_changes_test.cc.
TENSORS = {
    "llama": [
        {"change": {"tie_word_embeddings": True}},
        {"change": {"tie_word_embeddings": True}, "tensors": {"model.embed_tokens.weight": None}},
        {"change": {}, "tensors": {"model.layers.0.mlp.down_proj.bias": random_numbers(64, 1)}},
        {"change": {}, "tensors": {"model.layers.0.self_attn.q_proj.bias": random_numbers(64, 2)}},
        {"change": {}, "tensors": {"model.layers.1.input_layernorm.bias": random_numbers(64, 3)}},
        {"change": {}, "tensors": {"lm_head.bias": random_numbers(512, 4)}},
        {"change": {"partial_rotary_factor": 0.25}},
        {"change": {"attention_bias": True},
         "tensors": {"model.layers.0.self_attn.q_proj.bias": random_numbers(64, 2)}},
        {"change": {"mlp_bias": True}, "tensors": {"model.layers.0.mlp.down_proj.bias": random_numbers(64, 1)}},
        {"change": {"hidden_act": "xielu"},
         "tensors": {f"model.layers.{i}.mlp.act_fn.{k}": v for i in range(3)
                     for k, v in (("alpha_p", [0.3 + i]), ("alpha_n", [-0.2 * i]), ("beta", 0.4), ("eps", -1e-5))}},
        {"change": {"hidden_act": "xielu"},  # what follows from bfloat16 is rounded to it
         "tensors": {f"model.layers.{i}.mlp.act_fn.{k}": {"bf16": v} for i in range(3)
                     for k, v in (("alpha_p", [0.2421875]), ("alpha_n", [-0.890625]), ("beta", 0.5),
                                  ("eps", -0.0009765625))}},
        {"change": {"hidden_act": "prelu"},
         "tensors": {f"model.layers.{i}.mlp.act_fn.weight": [0.3 - 0.2 * i] for i in range(3)}},
    ],
    "llama-tied-gqa-headdim": [
        {"change": {}, "tensors": {"lm_head.weight": "model.embed_tokens.weight"}},
    ],
    "gpt2": [
        {"change": {"activation_function": "prelu"},
         "tensors": {f"transformer.h.{i}.mlp.act.weight": [0.3 - 0.2 * i] for i in range(3)}},
    ],
    "opt": [
        {"change": {"activation_function": "prelu"},
         "tensors": {f"model.decoder.layers.{i}.activation_fn.weight": [0.3 - 0.2 * i] for i in range(3)}},
    ],
    "phi": [
        {"change": {"tie_word_embeddings": True}, "tensors": {"lm_head.weight": None}},
        {"change": {"tie_word_embeddings": True}, "tensors": {"lm_head.weight": None, "lm_head.bias": None}},
    ],
    "cohere": [{"change": {}, "tensors": {"model.norm.bias": random_numbers(32, 5)}}],
    "starcoder2": [{"change": {}, "tensors": {"lm_head.bias": random_numbers(512, 6)}}],
}
REFUSALS = {
    "llama": [({"hidden_act": "xielu"}, "act_fn.alpha_p"), ({"hidden_act": "prelu"}, "act_fn.weight"),
              ({"hidden_act": "selu"}, "hidden_act")],
    "mixtral": [({"hidden_act": "xielu"}, "hidden_act"), ({"hidden_act": "prelu"}, "hidden_act")],
    "mistral": [({WINDOWS: 0}, WINDOWS)],
    "starcoder2": [({WINDOWS: 0}, WINDOWS)],
    "gemma2": [({WINDOWS: 0}, WINDOWS), ({WINDOWS: -1}, WINDOWS)],
    "qwen2-window": [({WINDOWS: 0}, WINDOWS)],
    "qwen2_moe": [({"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}, WINDOWS)],
}


def log_probabilities(directory):
    attention = "sdpa" if "falcon" in directory else "eager"
    model, loading = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, output_loading_info=True,
                                                          attn_implementation=attention)
    if any(not key.endswith(".bias") for key in loading["missing_keys"]):
        raise ValueError("some weights would be random")
    model.eval()
    if hasattr(model, "set_experts_implementation"):
        try:
            model.set_experts_implementation("eager")
        except Exception:
            pass
    with torch.inference_mode():
        logits = model(torch.tensor([PROMPT]), use_cache=False).logits[0, -1]
    return torch.log_softmax(logits.double(), -1)


def with_tensors(directory, changes, out):
    tensors = load_file(os.path.join(directory, "model.safetensors"))
    original = dict(tensors)
    for name, change in changes.items():
        if isinstance(change, str):
            tensors.pop(change, None)
            tensors[name] = original[change]
        elif change is None:
            tensors.pop(name)
        elif isinstance(change, dict):
            tensors[name] = torch.tensor(change["bf16"], dtype=torch.bfloat16)
        else:
            tensors[name] = torch.tensor(change, dtype=torch.float32)
    save_file(tensors, out, metadata={"format": "pt"})


def cases_of(directory):
    name = os.path.basename(directory)
    config = json.load(open(os.path.join(directory, "config.json")))
    full = AutoConfig.from_pretrained(directory).to_dict()
    unchanged = log_probabilities(directory)
    known = {field for field, _ in KEPT}
    with tempfile.TemporaryDirectory(prefix=name) as work:
        weights = os.path.join(work, "model.safetensors")
        source = os.path.join(directory, "model.safetensors")
        asked = [{"change": c} for c in changes(name, config, full)] + TENSORS.get(name, [])
        for case in asked:
            changed = {**config, **case["change"]}
            if changed == config and "tensors" not in case:
                continue
            if name == "qwen2_moe" and "sliding_attention" in (changed["layer_types"] or []):
                continue  # a window of 0: refused
            json.dump(changed, open(os.path.join(work, "config.json"), "w"))
            if os.path.lexists(weights):
                os.remove(weights)
            if "tensors" in case:
                with_tensors(directory, case["tensors"], weights)
            else:
                shutil.copy(source, weights)
            try:
                result = log_probabilities(work)
            except Exception:
                continue  # transformers can't either
            if not torch.isfinite(result).all():
                continue
            same = torch.allclose(result, unchanged, atol=1e-6)
            if same and "tensors" not in case and not known & set(case["change"]) and len(case["change"]) == 1:
                field = next(iter(case["change"]))
                if field not in BOOLEANS + ["layer_types", "rope_parameters"]:
                    continue
            yield {**case, "best": int(result.argmax()),
                   "log_probabilities": [round(x, 5) for x in result[:SHOWN].tolist()]}
    for field, value in REFUSED:
        yield {"change": {field: value}, "refused": field}
    for change, field in REFUSALS.get(name, []):
        yield {"change": change, "refused": field}


def main():
    models, out, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    result = json.load(open(out)) if names and os.path.exists(out) else {"prompt": PROMPT, "models": {}}
    for name in names or sorted(os.listdir(models)):
        directory = os.path.join(models, name)
        if not os.path.exists(os.path.join(directory, "model.safetensors")):
            continue
        result["models"][name] = list(cases_of(directory))
        print(name, len(result["models"][name]), flush=True)
        with open(out, "w") as file:
            lines = ",\n".join(
                json.dumps(model) + ": [\n" + ",\n".join(json.dumps(c) for c in cases) + "]"
                for model, cases in result["models"].items())
            file.write('{"prompt": ' + json.dumps(result["prompt"]) + ',\n"models": {\n' + lines + "}}\n")


main()
