"""Writes goldens.json: what jinja2, set up as transformers sets it up for chat templates, makes of the templates
in own/ and of some of llama.cpp's (models/templates), for the conversations in conversations.json.

usage: make_goldens.py LLAMA_CPP_SOURCE      (needs: pip install jinja2)
"""
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2024, 7, 26, 12, 30, 5)
LLAMA_CPP_TEMPLATES = """
GLM-4.6 HuggingFaceTB-SmolLM3-3B Kimi-K2-Instruct Qwen-Qwen3-0.6B
deepseek-ai-DeepSeek-R1-Distill-Qwen-32B google-gemma-2-2b-it ibm-granite-granite-4.0 meta-llama-Llama-3.1-8B-Instruct
meta-llama-Llama-3.2-3B-Instruct microsoft-Phi-3.5-mini-instruct mistralai-Mistral-Nemo-Instruct-2407
openai-gpt-oss-120b
""".split()


class Generation(jinja2.ext.Extension):
    """transformers' {% generation %} blocks, which only mark the assistant's tokens."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    result = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    result.filters["tojson"] = tojson
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = NOW.strftime
    return result


def render(template, conversation, typed):
    messages = conversation["messages"]
    if typed:
        messages = [{"role": m["role"], "content": [{"type": "text", "text": m["content"]}]} for m in messages]
    try:
        return {"prompt": template.render(
            messages=messages, tools=None, documents=None, bos_token="<s>", eos_token="</s>",
            add_generation_prompt=conversation["add_generation_prompt"])}
    except jinja2.exceptions.TemplateError as error:
        return {"error": str(error)}


def main():
    here = pathlib.Path(__file__).parent
    conversations = json.loads((here / "conversations.json").read_text())
    files = {"own/" + path.name: path for path in sorted((here / "own").glob("*.jinja"))}
    for name in LLAMA_CPP_TEMPLATES:
        files[f"llama.cpp/{name}.jinja"] = pathlib.Path(sys.argv[1]) / "models/templates" / f"{name}.jinja"
    goldens = {}
    for name, path in files.items():
        template = environment().from_string(path.read_text())
        goldens[name] = {key: render(template, conversation, typed=path.name == "typed.jinja")
                         for key, conversation in conversations.items()}
    text = json.dumps(goldens, ensure_ascii=False, indent=1)
    (here / "goldens.json").write_text(text + "\n")


main()
