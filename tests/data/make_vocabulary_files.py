"""What transformers makes of vocab.json + merges.txt without tokenizer.json, by class and companions.

Run: python tests/data/make_vocabulary_files.py (transformers 5.24). vocab.json and merges.txt are those of the
tokenizer of models/gpt2."""
import json
import pathlib
import shutil
import tempfile

from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent
OUT = HERE / "tokenizers" / "vocabulary-files"
TEXTS = ["The quick brown fox", " leading", "  two  spaces ", "It's 12345 o'clock, they'LL", "naïve café e\u0301",
         "नमस्ते दुनिया", "a\r\n\tb\n\n c", "<|endoftext|>x </s> y", "[TAG] the tok en <pad>", "日本語。", ""]
SETUPS = [
    ("gpt2", {"tokenizer_class": "GPT2Tokenizer"}, {}),
    ("opt", {"tokenizer_class": "GPT2Tokenizer", "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>",
             "pad_token": "<pad>"}, {}),
    ("opt", None, {}),
    ("opt", {"add_bos_token": True, "bos_token": {"__type": "AddedToken", "content": "</s>", "lstrip": False,
             "normalized": True, "rstrip": False, "single_word": False}, "tokenizer_class": "GPT2Tokenizer"},
     {"special_tokens_map.json": {"bos_token": {"content": "</s>", "lstrip": False, "normalized": True,
                                                "rstrip": False, "single_word": False},
                                  "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}}),
    ("gpt2", {"add_prefix_space": True, "add_bos_token": True, "add_eos_token": True}, {}),
    ("gpt2", {"bos_token": None, "add_bos_token": True}, {}),
    ("phi", {"tokenizer_class": "CodeGenTokenizer"}, {"added_tokens.json": {"[TAG]": 600, "tok en": 601}}),
    ("phi", {"tokenizer_class": "CodeGenTokenizer",
             "added_tokens_decoder": {"512": {"content": "[TAG]", "lstrip": False, "normalized": True,
                                              "rstrip": False, "single_word": False, "special": False}}}, {}),
    ("gpt_neox", {"tokenizer_class": "GPTNeoXTokenizer"}, {}),
    ("gpt_neox", None, {}),
    ("qwen2", {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "add_bos_token": True,
               "additional_special_tokens": ["[TAG]"]}, {}),
    ("qwen3", None, {}),
    ("starcoder2", {"tokenizer_class": "GPT2TokenizerFast", "additional_special_tokens": ["[TAG]", "<pad>"]}, {}),
]

OUT.mkdir(exist_ok=True)
source = json.load(open(HERE / "models" / "gpt2" / "tokenizer.json"))
merges = [m if isinstance(m, str) else " ".join(m) for m in source["model"]["merges"]]
(OUT / "vocab.json").write_text(json.dumps(source["model"]["vocab"], ensure_ascii=False), encoding="utf-8")
(OUT / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
with open(OUT / "cases.jsonl", "w", encoding="utf-8") as out:
    for model_type, config, others in SETUPS:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            files = dict(others)
            files["config.json"] = {"model_type": model_type, "bos_token_id": 0}
            if config is not None:
                files["tokenizer_config.json"] = config
            for name, content in files.items():
                (folder / name).write_text(json.dumps(content), encoding="utf-8")
            for name in ("vocab.json", "merges.txt"):
                shutil.copy(OUT / name, folder)
            tokenizer = AutoTokenizer.from_pretrained(folder)
            cases = []
            for text in TEXTS:
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                special = tokenizer(text)["input_ids"]
                cases.append({"text": text, "ids": ids, "ids_with_special": special,
                              "decoded": tokenizer.decode(special), "decoded_skip_special":
                              tokenizer.decode(special, skip_special_tokens=True)})
            line = {"files": {name: json.dumps(content) for name, content in files.items()},
                    "eos": tokenizer.eos_token, "bos": tokenizer.bos_token, "cases": cases}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(model_type, type(tokenizer).__name__, len(tokenizer), cases[0]["ids"], cases[7]["ids_with_special"])
