"""Writes what transformers 5.24 and jinja2 3.1.6 make of chat templates:

goldens.json  of the templates in own/ and of all of llama.cpp's (models/templates), for the conversations in
              conversations.json
walk.json     of the small templates that stand there (its "is", "error" and "fails"); a new case is a new line with
              only its "template"

"prompt"/"is": the text; "error": the words that the template raises; "fails": another error, by its Python class.

usage: make_goldens.py LLAMA_CPP_SOURCE      (needs: pip install transformers==5.24.0 jinja2==3.1.6)
"""
import datetime
import json
import pathlib
import sys

import jinja2
from transformers.utils import chat_template_utils

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 12, 30, 5)


chat_template_utils.datetime = Clock


def outcome(source, conversation, key):
    """The text under `key`, or the error."""
    messages = chat_template_utils._normalize_chat_messages(conversation["messages"])
    try:
        texts, _ = chat_template_utils.render_jinja_template(
            [messages], tools=conversation.get("tools"), documents=conversation.get("documents"),
            chat_template=source, continue_final_message=conversation.get("continue_final_message", False),
            add_generation_prompt=conversation["add_generation_prompt"],
            **{**TOKENS, **conversation.get("variables", {})})
        texts[0].encode()
        return {key: texts[0]}
    except jinja2.exceptions.TemplateError as error:
        if type(error) is jinja2.exceptions.TemplateError:
            return {"error": str(error)}
        return {"fails": type(error).__name__}
    except Exception as error:
        return {"fails": type(error).__name__}


def escaped(text):
    """JSON text whose characters can all be seen."""
    return "".join(c if c == "\n" or c.isprintable() and (c == " " or not c.isspace()) else escape(c) for c in text)


def escape(c):
    return "".join(f"\\u{unit:04x}" for unit in memoryview(c.encode("utf-16-le", "surrogatepass")).cast("H"))


def typed(conversation):
    messages = [{**m, "content": [{"type": "text", "text": m["content"]}]} if isinstance(m.get("content"), str) else m
                for m in conversation["messages"]]
    return {**conversation, "messages": messages}


def write(path, value, indent):
    path.write_text(escaped(json.dumps(value, ensure_ascii=False, indent=indent)) + "\n", encoding="utf-8")


def main():
    assert jinja2.__version__ == "3.1.6"
    here = pathlib.Path(__file__).parent
    conversations = json.loads((here / "conversations.json").read_text())
    files = {"own/" + path.name: path for path in sorted((here / "own").glob("*.jinja"))}
    for path in sorted((pathlib.Path(sys.argv[1]) / "models/templates").glob("*.jinja")):
        files["llama.cpp/" + path.name] = path
    goldens = {}
    for name, path in files.items():
        source = path.read_bytes().decode()
        goldens[name] = {
            key: outcome(source, typed(conversation) if path.name == "typed.jinja" else conversation, "prompt")
            for key, conversation in conversations.items()}
    write(here / "goldens.json", goldens, 1)

    walk = json.loads((here / "walk.json").read_text())
    lines = []
    for chapter, cases in walk["chapters"].items():
        made = [{"template": case["template"], **outcome(case["template"], walk["conversation"], "is")} for case in cases]
        lines.append(f"  {json.dumps(chapter)}: [\n   " + ",\n   ".join(
            escaped(json.dumps(case, ensure_ascii=False)) for case in made) + "\n  ]")
    (here / "walk.json").write_text(
        '{\n "conversation": ' + escaped(json.dumps(walk["conversation"], ensure_ascii=False)) +
        ',\n "chapters": {\n' + ",\n".join(lines) + "\n }\n}\n", encoding="utf-8")


main()
