"""What llama.cpp's own converter makes of our test models: names, types, shapes and SHA-256 of the tensors, and the
key-values, as small JSON files that tests/convert/ compares our conversion with.

Usage: python make_conversions.py LLAMA_CPP OUT_DIR MODEL_DIR...
Needs llama.cpp's tree, torch, transformers, numpy. Where its script does not know a tokenizer (it knows them by a hash,
or wants a tokenizer.model), the file is made without one and "tokenizer" is false.
"""
import argparse, hashlib, json, os, pathlib, sys, tempfile

llama, out, models = sys.argv[1], sys.argv[2], sys.argv[3:]
sys.path[:0] = [llama, os.path.join(llama, "gguf-py")]
import gguf
from conversion import get_model_class
from conversion.base import ModelBase, ModelType, TextModel, get_model_architecture

LONG = 16  # longer arrays and strings become a hash


def digest(data):
    return hashlib.sha256(data).hexdigest()


def value_of(field):
    types = [t.name for t in field.types]
    value = field.contents()
    if types[0] == "ARRAY":
        if types[-1] == "STRING":
            data = b"".join(len(s := v.encode()).to_bytes(8, "little") + s for v in value)
        else:
            data = b"".join(field.parts[i].tobytes() for i in field.data)
        kind = f"array of {types[-1].lower()}"
        if len(value) > LONG:
            return {"type": kind, "count": len(value), "sha256": digest(data)}
        return {"type": kind, "value": value}
    if types[0] == "STRING" and len(value) > 200:
        return {"type": "string", "bytes": len(value.encode()), "sha256": digest(value.encode())}
    return {"type": types[0].lower(), "value": value}


def convert(directory, path, kind):
    hparams = ModelBase.load_hparams(pathlib.Path(directory), False)
    cls = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    known = True

    class Converter(cls):
        model_arch = cls.model_arch

        def set_vocab(self):
            nonlocal known
            writer = self.gguf_writer
            before = [dict(part) for part in writer.kv_data]
            try:
                super().set_vocab()
            except (NotImplementedError, FileNotFoundError, ValueError, KeyError, AssertionError) as error:
                print(directory, "tokenizer:", type(error).__name__, str(error)[:100])
                known = False
                for part, old in zip(writer.kv_data, before):
                    part.clear()
                    part.update(old)

    Converter(pathlib.Path(directory), kind, pathlib.Path(path), eager=True).write()
    return known


def listing(path, known):
    reader = gguf.GGUFReader(path)
    pairs = {name: value_of(field) for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    tensors = [{"name": t.name, "type": t.tensor_type.name, "shape": [int(n) for n in t.shape],
                "sha256": digest(t.data.tobytes())} for t in reader.tensors]
    return {"tokenizer": known, "key_values": pairs, "tensors": tensors}


for directory in models:
    name = os.path.basename(os.path.normpath(directory))
    for kind in ("F32", "BF16", "Q8_0"):
        if kind == "Q8_0" and name != "llama-tied-gqa-headdim" or kind != "BF16" and name == "smollm2":
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.gguf")
            ftype = gguf.LlamaFileType["ALL_F32" if kind == "F32" else f"MOSTLY_{kind}"]
            try:
                known = convert(directory, path, ftype)
            except Exception as error:
                print("FAIL", name, kind, type(error).__name__, error)
                continue
            with open(os.path.join(out, f"{name}.{kind.lower()}.json"), "w", encoding="utf8") as file:
                text = listing(path, known)
                file.write(json.dumps(text, ensure_ascii=False, indent=1) + "\n")
