"""Writes the conformance cases for constrained output: python make_cases.py (no arguments, nothing else needed).

One case a line: {"kind": "schema|regex|grammar|choice|object", "text": ..., "accept": [...], "reject": [...]} or, for what
must be refused, {..., "refuse": "a word of the message"}. `accept` and `reject` are whole answers.
"""
import itertools, json, os

HERE = os.path.dirname(os.path.abspath(__file__))
cases = []


def add(kind, text, accept=(), reject=(), refuse=None):
    case = {"kind": kind, "text": text}
    if refuse is not None:
        case["refuse"] = refuse
    else:
        case["accept"], case["reject"] = list(accept), list(reject)
    cases.append(case)


def schema(text, accept=(), reject=(), refuse=None):
    add("schema", text, accept, reject, refuse)


def write(name):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as out:
        for case in cases:
            out.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(name, len(cases))
    cases.clear()


# ---- types
SAMPLES = {"null": "null", "boolean": "true", "integer": "-12", "number": "1.5", "string": '"x"', "array": "[1, {}]",
           "object": '{"a": [null]}'}
for name, sample in SAMPLES.items():
    others = [s for n, s in SAMPLES.items() if n != name and not (name == "number" and n == "integer")]
    schema({"type": name}, [sample], others)
    schema({"type": [name]}, [sample], others)
    schema({"title": "t", "description": "d", "default": 1, "examples": [], "$comment": "c", "type": name, "x-own": 1}, [sample],
           others)
for a, b in itertools.combinations(SAMPLES, 2):
    schema({"type": [a, b]}, [SAMPLES[a], SAMPLES[b]])
schema(True, list(SAMPLES.values()), ["", "tru", "{]"])
schema({}, list(SAMPLES.values()), [""])
schema({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/a", "type": "null"}, ["null"])

# ---- values that are listed
for values in ([1], [1, 2, 3], ["a", "b"], ["a", 1, None, True], [1.5, -0.25], ["ü", "\"", "\\", "\n", "\u0001", "😀"],
               [[1, 2], []], [{"a": 1, "b": [True]}, {}], [""], [10**12, -10**12], ["red", "green", "blue", "reddish"]):
    schema({"enum": values}, [json.dumps(v, ensure_ascii=False) for v in values], ['"zz"', "77", "nul"])
for value in (None, True, False, 0, -1, 2.5, "x", "long text, with: punctuation", [], {}, [None], {"k": "v"}, "日本"):
    schema({"const": value}, [json.dumps(value, ensure_ascii=False)], ['"other"', "99"])
schema({"type": "string", "enum": ["a", 1, "b"]}, ['"a"', '"b"'], ["1"])
schema({"type": "integer", "enum": [1, 1.5, 2]}, ["1", "2"], ["1.5"])
schema({"const": 1, "enum": [1, 2]}, ["1"], ["2"])

# ---- integers
BOUNDS = [(0, 0), (0, 9), (1, 10), (5, 15), (-5, 5), (-10, -1), (99, 101), (123, 45678), (-1000, 1000), (-128, 127), (0, 255),
          (1970, 2099), (-90, 90), (7, 7), (-7, -7), (0, 10**15), (-10**17, 10**17), (19, 21), (909, 1010), (-45, 123)]
for low, high in BOUNDS:
    accept = {low, high, (low + high) // 2}
    reject = {low - 1, high + 1}
    schema({"type": "integer", "minimum": low, "maximum": high}, map(str, accept), list(map(str, reject)) + ["-0", "01", "1.0"])
    if high - low >= 4:
        schema({"type": "integer", "exclusiveMinimum": low, "exclusiveMaximum": high}, [str(low + 1), str(high - 1)],
               [str(low), str(high)])
for bound in (-100, -1, 0, 1, 5, 10, 99, 1000, 12345):
    schema({"type": "integer", "minimum": bound}, [str(bound), str(bound + 1), "99999999"], [str(bound - 1)])
    schema({"type": "integer", "maximum": bound}, [str(bound), str(bound - 1), "-99999999"], [str(bound + 1)])
schema({"type": "integer", "minimum": 1.5, "maximum": 3.5}, ["2", "3"], ["1", "4"])
schema({"type": "integer", "exclusiveMinimum": 1, "minimum": 1, "maximum": 2}, ["2"], ["1"])
for step, low, high in ((5, 0, 20), (7, -20, 20), (10, 1, 100), (3, 2, 2 + 9), (100, 0, 1000)):
    inside = [v for v in range(low, high + 1) if v % step == 0]
    schema({"type": "integer", "multipleOf": step, "minimum": low, "maximum": high}, map(str, inside[:4]), [str(inside[0] + 1)])
for step in (1, 2, 3, 5, 7, 10, 25, 64, 100):
    schema({"type": "integer", "multipleOf": step}, ["0", str(step), str(-3 * step), str(step * 123)],
           [str(step * 4 + 1)] if step > 1 else [])
schema({"type": "integer", "multipleOf": 0.5}, ["3"], ["3.5"])

# ---- numbers
NUMBERS = [(0, 1), (-1, 1), (0.5, 1.5), (-0.25, 0.75), (1.25, 1.26), (-2.5, -1.5), (0, 100), (9.5, 10.5), (-273.15, 1000), (0.001, 0.002),
           (3, 3), (1.1, 2), (0.05, 0.5), (99.9, 100.1), (-10, -0.5), (12.345, 12.355)]
for low, high in NUMBERS:
    middle = round((low + high) / 2, 6)
    schema({"type": "number", "minimum": low, "maximum": high}, [f"{middle:g}", f"{low:g}", f"{high:g}"],
           [str(high + 1), str(low - 1), "1e0", "00"])
    if low < high:
        schema({"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": high}, [f"{middle:g}"],
               [f"{low:g}", f"{high:g}"])
for bound in (-2.5, -1, 0, 0.5, 1, 10.25, 100, 12345.678):
    schema({"type": "number", "minimum": bound}, [f"{bound:.9g}", str(bound + 0.5)], [str(bound - 0.5)])
    schema({"type": "number", "exclusiveMaximum": bound}, [str(bound - 0.5)], [f"{bound:.9g}", str(bound + 0.5)])
schema({"type": "number", "multipleOf": 0.01}, ["1.25", "-3", "0.1"], ["1.255"])
schema({"type": "number", "multipleOf": 0.1, "minimum": 0, "maximum": 5}, ["1.2", "5"], ["1.25", "5.1"])
schema({"type": "number", "multipleOf": 1}, ["3", "-3"], ["3.5"])
schema({"type": "number"}, ["0", "-0", "1e5", "1.5E-3", "123456"], ["1.", ".5", "+1", "01", "1e", "NaN"])
schema({"minimum": 3, "maximum": 4}, ["3", "3.5", "4"], ["2", "5"])

# ---- strings
for low, high in ((0, 0), (0, 1), (0, 5), (1, 1), (1, 3), (2, 2), (2, 8), (3, 20), (5, 40), (0, 200), (10, 300)):
    accept = ['"' + "a" * n + '"' for n in {low, high, (low + high) // 2}]
    reject = ['"' + "a" * (high + 1) + '"'] + (['"' + "a" * (low - 1) + '"'] if low else [])
    schema({"type": "string", "minLength": low, "maxLength": high}, accept, reject)
for low in (1, 2, 4, 16):
    schema({"type": "string", "minLength": low}, ['"' + "é" * low + '"', '"' + "\\n" * low + '"'], ['"' + "é" * (low - 1) + '"'])
for high in (1, 2, 4, 16, 64, 1000):
    schema({"type": "string", "maxLength": high}, ['""', '"' + "日" * min(high, 64) + '"'], ['"' + "b" * (high + 1) + '"'])
schema({"type": "string"}, ['""', '"\\u00e9\\ud83d\\ude00"', '"a\\"b\\\\c\\/"', '"tab\\t"'], ['"', '"\\ud800"', '"a\nb"', '"\\x"', "'a'"])
schema({"minLength": 2, "type": ["string", "null"]}, ["null", '"ab"'], ['"a"'])

PATTERNS = [
    ("^[a-z]+$", ["abc"], ["", "aB"]), ("^[A-Z]{2,4}$", ["AB", "ABCD"], ["A", "ABCDE"]), ("^\\d{3}-\\d{4}$", ["555-1234"], ["5551234"]),
    ("^(foo|bar|baz)$", ["foo", "baz"], ["fo", "foobar"]), ("^a?b*c+$", ["c", "abbcc"], ["ab"]), ("^\\w+@\\w+\\.com$", ["a_1@b.com"], ["a@b.org"]),
    ("^[^aeiou]+$", ["xyz", "日本"], ["xa"]), ("^#[0-9a-fA-F]{6}$", ["#00ffAA"], ["#00ff"]), ("^(\\([0-9]{3}\\))?[0-9]{3}$", ["(123)456", "456"], ["(12)456"]),
    ("abc", ["abc", "xxabcyy"], ["ab"]), ("^abc", ["abcd"], ["xabc"]), ("abc$", ["xabc"], ["abcd"]), ("^x|y$", ["xzz", "zzy"], ["zz"]),
    ("^[äöü]+$", ["äü"], ["a"]), ("^.{3}$", ["a日😀"], ["ab"]), ("^\\s$", [" "], ["x"]), ("^\\S+$", ["ab"], ["a b"]), ("^\\D\\d$", ["a1"], ["11"]),
    ("^[\\w.-]+$", ["a.b-c"], ["a b"]), ("^\\u0041\\x42$", ["AB"], ["ab"]), ("^(?:ab){2}$", ["abab"], ["ab"]), ("^(?<year>\\d{4})$", ["2024"], ["24"]),
    ("^[+-]?[0-9]+(\\.[0-9]+)?$", ["-1.5", "+3"], ["1."]), ("^v[0-9]+\\.[0-9]+\\.[0-9]+$", ["v1.20.3"], ["1.2.3"]), ("^$", [""], ["a"]),
    ("^(a|ab)(c|bcd)$", ["ac", "abc", "abcd"], ["ab"]), ("^((a{2}){2}){2}$", ["aaaaaaaa"], ["aaaa"]), ("^[\\]\\-^]+$", ["]-^"], ["a"]),
    ("^a{3,}$", ["aaa", "aaaaaa"], ["aa"]), ("^(a+)+$", ["aaa"], ["b"]), ("^(x*)*y$", ["y", "xxy"], ["x"]), ("^[a-cx-z0-2]*$", ["ay0"], ["d"]),
    ("^a{0}b$", ["b"], ["ab"]), ("^\\^\\$\\.$", ["^$."], ["a"]), ("", ["", "x"], []), ("^(^a|b)$", None, None)]
for pattern, accept, reject in PATTERNS:
    if accept is None:
        continue
    quote = lambda text: json.dumps(text, ensure_ascii=False)
    schema({"type": "string", "pattern": pattern}, map(quote, accept), map(quote, reject))
schema({"type": "string", "pattern": "^[\"\\\\/]+$"}, ['"\\"\\\\/"'], ['"a"'])
schema({"type": "string", "pattern": "^[\\n\\t]{2}$"}, ['"\\n\\t"'], ['"nt"'])
schema({"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4}, ['"ab"', '"abcd"'], ['"a"', '"abcde"'])
schema({"type": "string", "pattern": "^[0-9]{4}$", "maxLength": 10}, ['"1234"'], ['"123"'])
schema({"type": "string", "pattern": "^(a|bc){3}$", "minLength": 3, "maxLength": 6}, ['"aaa"', '"bcbcbc"'], ['"aa"'])

FORMATS = {
    "date": (["2024-02-29", "1999-12-31", "2000-02-29"], ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31"]),
    "time": (["12:00:00Z", "23:59:59.5+01:30"], ["24:00:00Z", "12:00Z", "12:00:00"]),
    "date-time": (["2024-02-29T12:00:00Z"], ["2024-02-29 12:00:00Z", "2024-02-29"]),
    "duration": (["P1Y2M3D", "PT5M", "P3W", "P1DT12H"], ["P", "1D", "PT", "P1H"]),
    "email": (["a.b@example.com"], ["a@b", "@b.com"]), "hostname": (["a.example-x.org"], ["-a.org", "a..b"]),
    "ipv4": (["127.0.0.1", "255.255.255.255"], ["256.1.1.1", "1.2.3", "01.2.3.4"]),
    "ipv6": (["::1", "1:2:3:4:5:6:7:8", "fe80::", "a::b:c"], ["1:2:3", ":::", "g::"]),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000"]),
    "uri": (["https://example.com/a%20b?x=1#y", "ftp://a"], ["example.com", "http//a"])}
for name, (accept, reject) in FORMATS.items():
    schema({"type": "string", "format": name}, [f'"{v}"' for v in accept], [f'"{v}"' for v in reject])
    schema({"type": "object", "properties": {"v": {"format": name}}, "required": ["v"]}, [f'{{"v": "{v}"}}' for v in accept])
write("values.jsonl")

# ---- arrays
ITEMS = [({"type": "integer"}, "7"), ({"type": "boolean"}, "true"), ({"type": "string"}, '"s"'), ({"enum": ["a", "b"]}, '"b"'),
         ({"type": "array", "items": {"type": "null"}}, "[null]"), ({"type": "object", "properties": {"k": {"type": "integer"}}}, '{"k":1}')]
def array(item, count):
    return "[" + ",".join([item] * count) + "]"
for item, text in ITEMS:
    schema({"type": "array", "items": item}, [array(text, n) for n in (0, 1, 3)], ["[,]", array(text, 2)[:-1], "[[[0]]]"])
    for low, high in ((0, 0), (0, 2), (1, 1), (1, 3), (2, 2), (2, 5), (3, 10)):
        schema({"type": "array", "items": item, "minItems": low, "maxItems": high}, {array(text, low), array(text, high)},
               [array(text, high + 1)] + ([array(text, low - 1)] if low else []))
    schema({"items": item, "minItems": 2}, [array(text, 2), array(text, 4)], [array(text, 1)])
schema({"type": "array"}, ["[]", '[1, "a", [null]]'], ["[1 2]"])
schema({"type": "array", "items": False}, ["[]"], ["[1]"])
schema({"type": "array", "items": True, "maxItems": 1}, ["[]", "[{}]"], ["[1,2]"])
schema({"type": "array", "maxItems": 1, "uniqueItems": True}, ["[]", "[1]"], ["[1,1]"])
schema({"type": "array", "uniqueItems": False, "maxItems": 2, "items": {"type": "null"}}, ["[null, null]"])
schema({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, ['[1, "a"]'], ['["a", 1]', '[1, "a", 2]'])
schema({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, ["[1]", '[1, "a", "b"]'], ["[1, 2]"])
schema({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}, {"const": 3}], "items": False}, ["[1,2,3]"], ["[1,2,3,4]"])
schema({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}, {"const": 3}], "maxItems": 2}, ["[1,2]"], ["[1,2,3]"])
schema({"type": "array", "prefixItems": [{"const": 1}], "minItems": 3}, ["[1,{},[]]"], ["[1]"])
schema({"type": "array", "items": [{"type": "integer"}, {"type": "null"}], "additionalItems": {"type": "boolean"}}, ["[1,null,true]"], ["[1,null,2]"])
schema({"type": "array", "items": [{"type": "integer"}], "additionalItems": False}, ["[1]"], ["[1,2]"])
schema({"type": "array", "prefixItems": [{"type": "null"}], "unevaluatedItems": False}, ["[null]"], ["[null,1]"])
schema({"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "maxItems": 2}, "maxItems": 2},
        "maxItems": 2}, ["[[[1,2],[]],[]]"], ["[1]", "[[1]]"])
schema({"type": "array", "items": {"type": "integer"}, "maxItems": 300}, ["[]", "[1, 2, 3]"])

# ---- objects
schema({"type": "object"}, ["{}", '{"a":1}', '{"a":{"b":[]}, "c":null}'], ["{", '{a:1}', '{"a" 1}'])
schema({"type": "object", "properties": {}}, ["{}"], ['{"a":1}'])
schema({"type": "object", "additionalProperties": False}, ["{}", "{ }"], ['{"a":1}'])
schema({"type": "object", "additionalProperties": {"type": "integer"}}, ["{}", '{"a":1,"b":2}'], ['{"a":"x"}'])
NAMES = ["a", "b", "c", "d"]
VALUES = {"a": ({"type": "integer"}, "1"), "b": ({"type": "string"}, '"x"'), "c": ({"type": "boolean"}, "false"), "d": ({"type": "null"}, "null")}
for count in (1, 2, 3, 4):
    names = NAMES[:count]
    properties = {n: VALUES[n][0] for n in names}
    for required in itertools.chain.from_iterable(itertools.combinations(names, k) for k in range(count + 1)):
        member = lambda n: f'"{n}":{VALUES[n][1]}'
        whole = "{" + ", ".join(map(member, names)) + "}"
        least = "{" + ",".join(map(member, required)) + "}"
        reject = ["{" + ",".join(member(n) for n in required if n != gone) + "}" for gone in required]
        schema({"type": "object", "properties": properties, "required": list(required)}, {whole, least},
               reject + [whole[:-1] + ',"z":1}', whole.replace("}", ",}")])
schema({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
       ["{}", '{"a":1}', '{"a":1,"b":"x"}', '{"ab":"x"}', '{"b":"y","c":"z"}'], ['{"a":"x"}', '{"b":1}', '{"a":1,"a":"x"}', '{"\\u0061":"x"}'])
schema({"type": "object", "properties": {"abc": {"const": 1}, "abd": {"const": 2}, "x": {"const": 3}}, "additionalProperties": {"type": "null"},
        "required": ["abd"]}, ['{"abd":2}', '{"abc":1,"abd":2,"x":3,"ab":null}', '{"abd":2,"abcd":null}'], ['{"abc":null,"abd":2}', '{"x":3}'])
schema({"type": "object", "required": ["k"]}, ['{"k":1}', '{"k":[],"z":2}'], ["{}", '{"z":1}'])
schema({"type": "object", "required": ["k"], "properties": {"a": {"type": "null"}}}, ['{"k":1}', '{"a":null,"k":1}'], ['{"a":null}'])
schema({"type": "object", "required": ["k"], "additionalProperties": {"type": "integer"}}, ['{"k":1}'], ['{"k":"x"}'])
schema({"type": "object", "properties": {"a": True, "b": False}}, ["{}", '{"a":1}'], ['{"b":1}'])
schema({"type": "object", "properties": {"with space": {"const": 1}, "quo\"te": {"const": 2}, "ünï": {"const": 3}, "back\\slash": {"const": 4}}},
       ['{"with space":1,"quo\\"te":2,"ünï":3,"back\\\\slash":4}'], ['{"quote":2}'])
THREE = {n: {"type": "integer"} for n in "abc"}
for low, high in ((1, None), (2, None), (3, None), (None, 0), (None, 1), (None, 2), (1, 1), (1, 2), (2, 2), (0, 3)):
    limits = {k: v for k, v in (("minProperties", low), ("maxProperties", high)) if v is not None}
    texts = {n: "{" + ",".join(f'"{c}":1' for c in "abc"[:n]) + "}" for n in range(4)}
    fits = lambda n: (low is None or n >= low) and (high is None or n <= high)
    schema({"type": "object", "properties": THREE, **limits}, [t for n, t in texts.items() if fits(n)], [t for n, t in texts.items() if not fits(n)])
schema({"type": "object", "minProperties": 1}, ['{"a":1}'], ["{}"])
schema({"type": "object", "maxProperties": 2, "additionalProperties": {"type": "integer"}}, ["{}", '{"a":1,"b":2}'], ['{"a":1,"b":2,"c":3}'])
schema({"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"], "additionalProperties": {"const": 2}, "maxProperties": 2},
       ['{"a":1}', '{"a":1,"b":2}'], ['{"a":1,"b":2,"c":2}'])
schema({"type": "object", "propertyNames": {"pattern": "^[a-z]{1,3}$"}}, ["{}", '{"ab":1}'], ['{"abcd":1}', '{"A":1}'])
schema({"type": "object", "propertyNames": {"enum": ["x", "y"]}, "additionalProperties": {"type": "integer"}}, ['{"x":1,"y":2}'], ['{"z":1}', '{"x":"1"}'])
schema({"type": "object", "propertyNames": {"minLength": 2, "maxLength": 3}}, ['{"ab":1}'], ['{"a":1}'])
schema({"type": "object", "patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False}, ["{}", '{"n_a":1}'], ['{"n_a":"x"}', '{"m":1}'])
schema({"type": "object", "patternProperties": {"[0-9]$": {"type": "null"}}}, ['{"x1":null}'], ['{"x":null}'])
schema({"type": "object", "properties": {"p": {"type": "object", "properties": {"q": {"type": "object", "properties": {"r": {"const": 1}}, "required": ["r"]}},
        "required": ["q"]}}, "required": ["p"]}, ['{"p":{"q":{"r":1}}}'], ['{"p":{"q":{}}}'])
schema({"type": "object", "properties": {"a": {"type": "integer"}}, "unevaluatedProperties": False}, ['{"a":1}'], ['{"b":1}'])
schema({"properties": {"kind": {"const": "k"}}, "required": ["kind"]}, ['{"kind":"k"}'], ["{}", "1"])
schema({"type": "object", "properties": {f"p{i}": {"type": "integer"} for i in range(20)}, "required": [f"p{i}" for i in range(0, 20, 2)]},
       ["{" + ",".join(f'"p{i}":{i}' for i in range(20)) + "}", "{" + ",".join(f'"p{i}":{i}' for i in range(0, 20, 2)) + "}"], ["{}"])
write("structures.jsonl")

# ---- combinations and references
schema({"anyOf": [{"type": "integer"}, {"type": "string"}]}, ["1", '"a"'], ["null", "1.5"])
schema({"anyOf": [{"type": "integer"}, {"type": "number"}]}, ["1", "1.5"], ["null"])
schema({"anyOf": [False, {"type": "null"}]}, ["null"], ["1"])
schema({"anyOf": [{"minimum": 5}, {"maximum": 1}], "type": "integer"}, ["5", "1", "9"], ["3", '"a"'])
schema({"type": "object", "properties": {"a": {"type": "integer"}}, "anyOf": [{"required": ["a"]}, {"properties": {"b": {"type": "null"}}, "required": ["b"]}]},
       ['{"a":1}', '{"b":null}', '{"a":1,"b":null}'], ["{}"])
schema({"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}, ["1", '"a"', "null"], ["true"])
schema({"oneOf": [{"const": "a"}, {"const": "b"}, {"enum": [1, 2]}]}, ['"a"', "2"], ['"c"'])
schema({"oneOf": [{"type": "object", "properties": {"t": {"const": t}, t: {"type": "integer"}}, "required": ["t", t]} for t in ("circle", "square", "line")]},
       ['{"t":"circle","circle":1}', '{"t":"line","line":3}'], ['{"t":"circle","square":1}', '{"t":"x"}'])
schema({"oneOf": [{"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "additionalProperties": False},
                  {"type": "object", "properties": {"b": {"type": "null"}}, "required": ["b"], "additionalProperties": False}]},
       ['{"a":null}', '{"b":null}'], ['{"a":null,"b":null}', "{}"])
schema({"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"], "oneOf": [{"properties": {"k": {"const": "x"}}},
        {"properties": {"k": {"const": "y"}, "n": {"type": "integer"}}}]}, ['{"k":"x"}', '{"k":"y","n":1}'], ['{"k":"z"}'])
schema({"allOf": [{"type": "integer"}, {"minimum": 3}, {"maximum": 5}]}, ["3", "5"], ["2", "6"])
schema({"allOf": [{"type": "integer"}], "description": "d"}, ["1"], ["true"])
schema({"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {"type": "string"}}, "required": ["b"]}], "type": "object"},
       ['{"a":1,"b":"x"}'], ['{"a":1}', '{"b":"x"}'])
schema({"allOf": [{"properties": {"a": {"type": "number"}}}, {"properties": {"a": {"minimum": 1, "maximum": 2}}, "required": ["a"]}]}, ['{"a":1.5}'], ['{"a":3}', "{}"])
schema({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]}, ["2", "3"], ["1", "4"])
schema({"allOf": [{"type": ["string", "null"]}, {"type": ["null", "integer"]}]}, ["null"], ["1", '"a"'])
schema({"allOf": [{"minLength": 2}, {"maxLength": 3}, {"type": "string"}]}, ['"ab"', '"abc"'], ['"a"', '"abcd"'])
schema({"allOf": [{"type": "array", "items": {"type": "integer"}}, {"minItems": 1, "items": {"minimum": 0, "maximum": 9}}]}, ["[1]", "[0,9]"], ["[]", "[10]"])
schema({"allOf": [{"type": "object", "properties": {"a": {}}, "additionalProperties": False}, {"properties": {"a": {"type": "integer"}, "b": {}}}]}, ['{"a":1}', "{}"], ['{"b":1}', '{"a":"x"}'])
schema({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}, ["1"], ['"a"'])
schema({"$ref": "#/definitions/x", "definitions": {"x": {"$ref": "#/definitions/y"}, "y": {"const": 5}}}, ["5"], ["6"])
schema({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}, ["null"], ["1"])
schema({"type": "array", "items": {"$ref": "#/$defs/p"}, "$defs": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}}, ['[{"x":1},{"x":2}]'], ["[{}]"])
schema({"$ref": "#/$defs/x", "minimum": 3, "$defs": {"x": {"type": "integer", "maximum": 5}}}, ["3", "5"], ["2", "6"])
TREE = {"type": "object", "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#"}}}, "required": ["value"]}
schema(TREE, ['{"value":1}', '{"value":1,"children":[{"value":2,"children":[]}]}'], ['{"children":[]}'])
LIST = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}, "required": ["v", "next"]}}}
schema(LIST, ['{"v":1,"next":null}', '{"v":1,"next":{"v":2,"next":null}}'], ['{"v":1}'])
EXPR = {"$ref": "#/$defs/e", "$defs": {"e": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/op"}]}, "op": {"type": "object", "properties": {"op": {"enum": ["+", "*"]},
        "l": {"$ref": "#/$defs/e"}, "r": {"$ref": "#/$defs/e"}}, "required": ["op", "l", "r"]}}}
schema(EXPR, ["1", '{"op":"+","l":1,"r":{"op":"*","l":2,"r":3}}'], ['{"op":"-","l":1,"r":2}'])
schema({"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}]}, ["null", "[null,[[],null]]"], ["1", "[1]"])
schema({"type": "object", "properties": {"me": {"$ref": "#", "description": "again"}}}, ["{}", '{"me":{"me":{}}}'], ['{"me":1}'])
schema({"type": "object", "properties": {"a": {"allOf": [{"$ref": "#/$defs/b"}, {"required": ["z"]}]}}, "$defs": {"b": {"type": "object", "properties": {"z": {"type": "null"}, "a": {"$ref": "#/$defs/b"}}}}},
       ["{}", '{"a":{"z":null,"a":{}}}'], ['{"a":{}}'])
schema({"$defs": {"i": {"type": "integer"}}, "anyOf": [{"$ref": "#/$defs/i"}, {"type": "array", "items": {"$ref": "#/$defs/i"}}]}, ["1", "[1,2]"], ['"x"'])
schema({"type": "object", "properties": {"tool": {"const": "search"}, "args": {"type": "object", "properties": {"query": {"type": "string", "maxLength": 30}, "limit": {"type": "integer", "minimum": 1, "maximum": 50}},
        "required": ["query"], "additionalProperties": False}}, "required": ["tool", "args"]}, ['{"tool":"search","args":{"query":"cats","limit":5}}'], ['{"tool":"search","args":{"limit":5}}', '{"tool":"search","args":{"query":"cats","limit":51}}'])
schema({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}, "email": {"format": "email"}, "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "address": {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"pattern": "^[0-9]{5}$"}}, "required": ["city"]}}, "required": ["name", "age"]},
       ['{"name":"Ann","age":3,"address":{"city":"Bonn","zip":"53113"}}'], ['{"name":"Ann"}', '{"name":"Ann","age":-1}', '{"name":"Ann","age":3,"address":{"city":"Bonn","zip":"5311"}}'])

# ---- what must be refused
schema({"$recursiveRef": "#"}, refuse="circle")
schema({"$dynamicRef": "#x"}, refuse="$dynamicRef")
schema({"type": "object", "properties": {"a": {"type": "integer", "$dynamicRef": "#x"}}}, refuse="/properties/a")
for bad, word in [
        ({"type": "text"}, "type"), ({"type": []}, "type"), ({"type": 3}, "type"), ({"format": 1}, "format"),
        ({"pattern": "(?=a)b"}, "no string"), ({"pattern": "(?<=a)b"}, "look-behind"), ({"pattern": "(a)\\1"}, "backreference"), 
        ({"pattern": "("}, "pattern"), ({"pattern": "a**"}, "pattern"), ({"pattern": "a++"}, "pattern"), ({"pattern": "[z-a]"}, "pattern"), ({"pattern": "a$b"}, "pattern"),
        ({"pattern": "x{5,2}"}, "pattern"), ({"pattern": "(?i)a"}, "pattern"), ({"format": "date", "pattern": "x"}, "pattern"),
        ({"$ref": "https://example.com/x.json"}, "$ref"), ({"$ref": "#/$defs/none"}, "$ref"), ({"$ref": "other.json#/x"}, "$ref"), ({"$ref": "#anchor"}, "$ref"), ({"$ref": 1}, "$ref"),
        ({"$ref": "#"}, "no text"), ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "no text"), ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "no text"),
        ({"allOf": [{"$ref": "#"}, {"type": "null"}]}, "circle"), ({"minimum": 5, "maximum": 1}, "bounds"), ({"type": "integer", "minimum": 5, "maximum": 1}, "bounds"), ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "bounds"),
        ({"exclusiveMinimum": 1, "maximum": 1}, "bounds"), ({"type": "array", "minItems": 3, "maxItems": 2}, "minItems"), ({"type": "string", "minLength": 3, "maxLength": 2}, "no text"), ({"minLength": -1}, "minLength"), ({"minLength": 1.5}, "minLength"),
        ({"minLength": 10**9}, "minLength"), ({"type": "number", "multipleOf": 0}, "multipleOf"), 
        ({"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6}, "multipleOf"), ({"minimum": "3"}, "minimum"), ({"enum": []}, "enum"), ({"enum": 3}, "enum"), 
        ({"type": "string", "enum": [1]}, "enum"), ({"const": 1, "type": "string"}, "const"), ({"anyOf": []}, "anyOf"), ({"anyOf": {}}, "anyOf"), 
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "type"), ({"allOf": []}, "allOf"),
        ({"allOf": [{"enum": [1]}, {"enum": [2]}]}, "enum"), (False, "no text"), ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "no text"),
        ({"type": "object", "properties": {"a": {}}, "required": ["b"], "additionalProperties": False}, "required"), ({"type": "object", "minProperties": 2}, "minProperties"), ({"type": "object", "properties": {"a": {}}, "minProperties": 2}, "minProperties"),
        ({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"], "maxProperties": 1}, "no text"), 
        ({"patternProperties": {"(": {}}}, "patternProperties"),
        ({"properties": []}, "properties"), ({"required": "a"}, "required"), ({"required": [1]}, "required"), ({"properties": {"a": 3}}, "/properties/a"), (3, "schema"), ([], "schema"), ("x", "schema"), ({"items": 3}, "/items"),
        ({"$defs": {"x": {"not": {}}}, "$ref": "#/$defs/x"}, "/$defs/x"), ({"not": {"patternProperties": {"a": False}}}, "cannot be denied"), ({"type": "array", "uniqueItems": True, "minItems": 2}, "uniqueItems")]:
    schema(bad, refuse=word)
for raw in ("", "{", "nul", '{"type":"null"} x', "[" * 100 + "]" * 100, '{"properties":{"a":' * 40 + "{}" + "}}" * 40):
    add("schema-text", raw, refuse="schema")
add("object", "", ["{}", '{"a":1}', '{"a":[{"b":"c"}],"d":null}', "{\n  \"a\": 1\n}"], ["[]", "1", "", "{} ", '{"a":1'])
write("combined.jsonl")

# ---- keywords that ask for nothing, and what denies, depends and combines
for keyword, value in [("then", {}), ("else", {}), ("minContains", 1), ("contentLength", 3), ("maxlength", 3), ("optional", True), ("nullable", True), ("discriminator", {}), ("propertyOrdering", ["a"]), ("contentEncoding", "base64"),
                       ("contentMediaType", "x/y"), ("x-own", {"type": "string"}), ("examples", [1]), ("not", False), ("if", {})]:
    schema({"type": "integer", keyword: value}, ["1"], ['"a"', "null"])
    schema({"type": "object", "properties": {"a": {"type": "integer", keyword: value}}}, ['{"a":1}'], ['{"a":"x"}'])
for name in ("binary", "uuid4", "path", "password", "base64", "int32", "postcode"):
    schema({"type": "string", "format": name}, ['"x y"'], ["1"])
schema({"oneOf": [{"type": "object", "properties": {"kind": {"const": k}}, "required": ["kind"], "additionalProperties": False} for k in ("cat", "dog")], "discriminator": {"propertyName": "kind"}},
       ['{"kind":"cat"}', '{"kind":"dog"}'], ['{"kind":"cow"}', "{}"])
for text in ('"example.org"', '"a-b.c"'):
    schema({"format": "hostname"}, [text], ['"xn--X"', '"a.xn--zzzz-"'])
schema({"format": "duration"}, ['"P1Y2M3DT4H5M6S"', '"PT1H"', '"P2W"'], ['"P1Y2D"', '"PT1H2S"', '"P"', '"P1YT"'])
schema({"type": "string", "format": "email", "maxLength": 12}, ['"a@b.cc"', '"abcde@fgh.io"'], ['"abcdef@ghi.io"', '"a"'])
schema({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083}, ['"https://a.b/c"'], ['"c"'])
schema({"type": "string", "format": "date", "pattern": "^2024-0"}, ['"2024-01-31"'], ['"2023-01-31"', '"2024-02-30"'])
schema({"type": "string", "pattern": "^(a|bc)+$", "maxLength": 3}, ['"a"', '"abc"', '"bca"'], ['"bcbc"', '""'])
schema({"type": "string", "pattern": "abc", "minLength": 5}, ['"xabcx"', '"abcde"'], ['"abc"', '"xxxxxx"'])
schema({"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$", "minLength": 3, "maxLength": 5}, ['"a-b"', '"abcde"', '"ab-cd"'], ['"ab"', '"abc-de"', '"a--b"'])
schema({"allOf": [{"pattern": "a"}, {"pattern": "b"}, {"type": "string"}]}, ['"ab"', '"xbya"'], ['"a"', '"b"'])
schema({"type": "string", "pattern": "^(?!admin$)[a-z]+$"}, ['"adm"', '"admins"'], ['"admin"', '"A"'])
schema({"type": "string", "pattern": "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$"}, ['"1.5"', '"-0"', '"+.5"'], ['"."', '"+"', '"a"'])
schema({"type": "string", "pattern": "\\bcat\\b"}, ['"a cat."', '"cat"'], ['"cats"', '"concat"'])
schema({"type": "string", "pattern": "^\\p{L}{1,5}$"}, ['"Äb"', '"日本"'], ['"a1"', '"abcdef"'])
schema({"enum": ["a", "bbb", 5], "minLength": 2}, ['"bbb"', "5"], ['"a"'])
schema({"enum": [1, 2, 3, 4], "not": {"multipleOf": 2}}, ["1", "3"], ["2", "4"])
schema({"const": {"a": 1}, "required": ["a"], "type": "object"}, ['{"a": 1}'], ['{"a": 2}'])
schema({"type": "number", "multipleOf": 0.5}, ["1.5", "-2", "0"], ["0.25", "1.1"])
schema({"type": "number", "multipleOf": 0.25, "minimum": 0, "maximum": 2}, ["1.75", "0.25", "2"], ["1.1", "2.25"])
schema({"type": "integer", "multipleOf": 7, "minimum": 0}, ["0", "7", "7000"], ["6", "-7"])
schema({"type": "integer", "multipleOf": 1000}, ["0", "-3000"], ["100", "1"])
schema({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 2, "exclusiveMaximum": True}, ["1", "0.5"], ["0", "2"])
schema({"not": {"type": ["string", "array", "object"]}}, ["1", "null", "true"], ['"a"', "[]", "{}"])
schema({"type": "integer", "not": {"enum": [1, 2]}, "minimum": 0, "maximum": 4}, ["0", "3", "4"], ["1", "2", "5"])
schema({"type": "string", "not": {"enum": ["a", "bc"]}}, ['"b"', '"abc"', '""'], ['"a"', '"bc"'])
schema({"type": "string", "not": {"pattern": "^x"}}, ['"ax"', '""'], ['"x"', '"xy"'])
schema({"type": "number", "not": {"minimum": 3}}, ["2.5", "-7"], ["3", "4"])
schema({"type": "string", "not": {"minLength": 2}}, ['"a"', '""'], ['"ab"'])
schema({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "not": {"required": ["a", "b"]}}, ["{}", '{"a":1}', '{"b":1}'], ['{"a":1,"b":2}'])
schema({"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "not": {"properties": {"a": {"const": 1}}}}, ['{"a":2}'], ['{"a":1}', "{}"])
schema({"type": "number", "not": {"type": "integer"}}, ["1.5", "-0.25"], ["1", "1.0"])
schema({"oneOf": [{"type": "integer"}, {"type": "number"}]}, ["1.5"], ["1", '"a"'])
schema({"oneOf": [{"type": "string"}, {"const": "a"}]}, ['"b"', '"ab"'], ['"a"'])
schema({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "string", "pattern": "^a"}]}, ['"bcd"', '"abcd"'], ['"abc"', '"bcde"'])
schema({"type": "integer", "oneOf": [{"minimum": 5}, {"maximum": 9}]}, ["4", "10"], ["5", "9"])
schema({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {"type": "null"}, "b": {"type": "null"}}}, ['{"a":null}', '{"b":null}'], ["{}", '{"a":null,"b":null}'])
schema({"oneOf": [{"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False}, {"type": "object", "properties": {"b": {"type": "null"}}, "additionalProperties": False}]},
       ['{"a":null}', '{"b":null}'], ["{}", '{"a":null,"b":null}'])
schema({"oneOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, ["1", "3"], ["2", "4"])
schema({"allOf": [{"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 2}, {"const": 3}]}]}, ["2"], ["1", "3"])
schema({"allOf": [{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"properties": {"a": {"const": 1}, "b": {"const": 2}}}]}, ['{"a":1}', '{"b":2}'], ["{}", '{"a":1,"b":2}'])
COND = {"type": "object", "properties": {"k": {"enum": ["x", "y"]}, "v": {"type": "integer"}, "w": {"type": "null"}}, "required": ["k"]}
schema({**COND, "if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["v"]}, "else": {"required": ["w"]}}, ['{"k":"x","v":1}', '{"k":"y","w":null}'], ['{"k":"x"}', '{"k":"y","v":1}'])
schema({**COND, "allOf": [{"if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["v"]}}]}, ['{"k":"y"}', '{"k":"x","v":1}'], ['{"k":"x"}'])
schema({"type": "integer", "if": {"minimum": 10}, "then": {"multipleOf": 10}, "else": {"maximum": 5}}, ["10", "5", "-3"], ["11", "6"])
AB = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
schema({**AB, "dependentRequired": {"a": ["b"]}}, ["{}", '{"b":1}', '{"a":1,"b":2}'], ['{"a":1}'])
schema({**AB, "dependencies": {"a": ["b"], "b": {"properties": {"a": {"maximum": 3}}}}}, ["{}", '{"a":3,"b":2}', '{"b":1}'], ['{"a":1}', '{"a":4,"b":1}'])
schema({**AB, "dependentSchemas": {"a": {"required": ["b"], "properties": {"b": {"minimum": 5}}}}}, ["{}", '{"a":1,"b":5}'], ['{"a":1,"b":4}', '{"a":1}'])
schema({"type": "object", "patternProperties": {"^a": {"type": "integer"}, "z$": {"minimum": 3}}}, ["{}", '{"ab":1}', '{"az":3}', '{"z":4}'], ['{"az":1}', '{"a":"x"}', '{"z":2}'])
schema({"type": "object", "properties": {"ab": {"maximum": 9}}, "patternProperties": {"^a": {"type": "integer"}}}, ['{"ab":9}', '{"ab":1,"ac":20}'], ['{"ab":10}', '{"ab":"x"}', '{"ac":"x"}'])
schema({"type": "object", "patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "null"}}, ['{"a":1,"b":null}'], ['{"a":null}', '{"b":1}'])
schema({"type": "object", "properties": {"id": {"type": "integer"}}, "patternProperties": {"^x-": True}, "additionalProperties": False, "required": ["id"]}, ['{"id":1}', '{"id":1,"x-a":[]}'], ['{"id":1,"y":2}', '{"x-a":1}'])
schema({"propertyNames": {"pattern": "^[a-c]$"}, "properties": {"a": {"type": "null"}, "dd": {"type": "null"}}, "additionalProperties": {"type": "integer"}}, ['{"a":null}', '{"b":1}'], ['{"dd":null}', '{"d":1}'])
schema({"allOf": [{"patternProperties": {"^a": {"type": "integer"}}}, {"properties": {"ab": {"minimum": 5}}}], "type": "object"}, ['{"ab":5}'], ['{"ab":4}', '{"ab":5.5}'])
schema({"type": "object", "properties": {f"{n}{i}": {"type": "integer"} for n in ("alpha", "beta", "gamma") for i in range(20)}, "additionalProperties": {"type": "string"}},
       ['{"alpha1":1,"other":"x"}', '{"alph":"x"}', '{"gamma199":"y"}'], ['{"alpha1":"x"}', '{"other":1}'])
schema({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True}, ["[]", '["b","a"]', '["c","a","b"]'], ['["a","a"]', '["d"]'])
schema({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "uniqueItems": True, "minItems": 2}, ["[1,2]", "[3,5,9]"], ["[1]", "[2,2]", "[0,1]"])
schema({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, ["[]", "[1,2,30]", "[5,100,1000]"], ["[1,1]", '["a"]'])
schema({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, ["[]", '["apple","pear"]'], ['["a","a"]', "[1]"])
schema({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "maxItems": 5}, ["[true,false]"], ["[true,true]"])
schema({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 10}}, ["[10]", "[1,12,3]"], ["[]", "[1,2]"])
schema({"type": "array", "items": {"type": "integer"}, "contains": {"const": 1}, "minContains": 2, "maxContains": 2}, ["[1,1]", "[1,2,1]"], ["[1]", "[1,1,1]", "[2]"])
schema({"type": "array", "contains": {"type": "null"}, "maxItems": 2}, ["[null]", "[1,null]"], ["[]", "[1]", "[1,2,null]"])
schema({"allOf": [{"prefixItems": [True]}, {"unevaluatedItems": False}]}, ["[]"], ["[1]"])
schema({"prefixItems": [{"const": 1}], "anyOf": [{"prefixItems": [True, {"const": 2}]}, {"prefixItems": [True, {"const": 3}]}], "unevaluatedItems": False}, ["[1,2]", "[1,3]"], ["[1,4]", "[1,2,3]"])
schema({"properties": {"a": {"const": 1}}, "anyOf": [{"properties": {"b": {"const": 2}}, "required": ["b"]}, {"properties": {"c": {"const": 3}}, "required": ["c"]}], "unevaluatedProperties": False},
       ['{"a":1,"b":2}', '{"c":3}'], ['{"a":1}', '{"b":2,"d":1}'])
schema({"allOf": [{"properties": {"a": {"const": 1}}}, {"unevaluatedProperties": False}], "type": "object"}, ["{}"], ['{"a":1}'])
schema({"$ref": "#x", "$defs": {"a": {"$anchor": "x", "type": "boolean"}}}, ["true"], ["1"])
schema({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "boolean"}}}, ["true"], ["1"])
# What leads back to itself through a combination.
schema({"type": "object", "additionalProperties": {"minProperties": 1, "anyOf": [{"type": "string"}, {"$ref": "#"}]}}, ["{}", '{"a":{"b":"x"}}'], ['{"a":{}}', '{"a":1}'])
for combination in ("anyOf", "oneOf"):
    schema({"type": "object", "properties": {"child": {"type": ["object", "null"], combination: [{"type": "null"}, {"$ref": "#"}]}}}, ["{}", '{"child":null}', '{"child":{"child":null}}'], ['{"child":1}'])
    schema({"type": "array", "items": {"minItems": 1, combination: [{"type": "integer"}, {"$ref": "#"}]}}, ["[]", "[1,[2]]"], ['["x"]', "[[]]"])
schema({"type": "object", "properties": {"a": {"allOf": [{"$ref": "#"}, {"required": ["a"]}]}}}, ["{}"], ['{"a":{}}', '{"a":1}'])
schema({"type": "object", "properties": {"a": {"not": {"$ref": "#"}}}}, ["{}", '{"a":1}'], ['{"a":{}}'])
schema({"type": "object", "properties": {"a": {"if": {"$ref": "#"}, "then": {"minProperties": 1}, "else": {"type": "null"}, "type": ["object", "null"]}}}, ["{}", '{"a":null}', '{"a":{"a":null}}'], ['{"a":{}}', '{"a":1}'])
# (As text: no validator comes to an end with these.)
add("schema-text", json.dumps({"type": "object", "properties": {"a": {"$ref": "#"}}, "dependentSchemas": {"a": {"$ref": "#"}}}), ["{}"], ['{"a":1}'])
add("schema-text", json.dumps({"anyOf": [{"type": "null"}, {"$ref": "#"}]}), ["null"], ["1"])
schema({"type": "object", "properties": {"a": {"unevaluatedProperties": False, "anyOf": [{"$ref": "#"}, {"type": "null"}]}}}, ["{}", '{"a":null}', '{"a":{"a":{}}}'], ['{"a":{"b":1}}', '{"a":1}'])
write("keywords.jsonl")

# ---- regular expressions, grammars, choices
for pattern, accept, reject in PATTERNS:
    if accept is None:
        continue
    anchored = pattern.startswith("^") and pattern.endswith("$") and pattern != "^x|y$"
    add("regex", pattern, accept if anchored else [], reject if anchored else [])
for pattern, accept, reject in [("[0-9]+", ["7", "42"], ["", "a"]), ("yes|no|maybe", ["yes", "maybe"], ["ye", "yesno"]), ("(a|b)*abb", ["abb", "ababb"], ["ab"]), ("\\$[0-9]{1,3}(,[0-9]{3})*\\.[0-9]{2}", ["$1,234.50"], ["$1234.5"]),
                                ("[\\x00-\\x7f]{2}", ["ab"], ["é"]), ("\\u{1F600}|\\u263a", ["😀", "☺"], ["x"]), ("a.c", ["abc", "a日c"], ["a\nc"]), ("[^\\d\\s]{1,4}", ["ab"], ["1"]), ("(?:0|1){8}", ["01010101"], ["0101"]), ("([a-z]+,){2}[a-z]+", ["a,b,c"], ["a,b"]),
                                ("(ab?c?){1,3}", ["a", "abcabac"], ["b"]), ("x{2}y{0,2}z{1,}", ["xxz", "xxyyzz"], ["xz"]), ("[🙂🙃]{2}", ["🙂🙃"], ["🙂"]), ("((((a))))", ["a"], ["aa"]), ("a|", ["a", ""], ["b"]), ("(|b)c", ["c", "bc"], ["b"]), ("[a\\-z]+", ["a-z"], ["b"]),
                                ("[a-z]{100}", ["a" * 100], ["a" * 99]), ("(ab){100}", ["ab" * 100], ["ab" * 99]), ("[a-z]{0,300}", ["", "a" * 300], ["a" * 301])]:
    add("regex", pattern, accept, reject)
for pattern, accept, reject in [("(?!.*--)[a-z-]{3,8}", ["a-b", "abc"], ["a--b", "ab"]), ("(?=.*[0-9])(?=.*[a-z])[a-z0-9]{2,6}", ["a1", "0z0z"], ["aa", "11"]), ("a\\b.*", ["a", "a b"], ["ab"]),
                                ("x(?!y)[a-z]", ["xz", "xa"], ["xy"]), ("\\p{Lu}\\p{Ll}+", ["Zoe", "Ärger"], ["zoe", "Z1"]), ("[\\p{Nd}_]{2}", ["1_", "٣4"], ["a1"]), ("(^a|b)c", ["ac", "bc"], ["abc"])]:
    add("regex", pattern, accept, reject)
for pattern in ("(?<!a)b", "\\1", "\\k<a>", "\\Ax", "(?i)x", "(?>a)", "a{1,99999}", "[", "(", ")", "*a", "a{2}{3}", "[[:alpha:]]", "[a&&b]", "x{1", "{", "\\", "\\u12", "\\u{110000}", "[b-a]", "[]", "(" * 70 + ")" * 70):
    add("regex", pattern, refuse="regular expression")
G = [
    ('root ::= "a" | "b"', ["a", "b"], ["", "ab"]), ('root ::= [a-c]+', ["abc"], ["", "d"]), ('root ::= item ("," item)*\nitem ::= [0-9]+', ["1", "1,22"], [",", "1,"]),
    ('root ::= "(" root ")" | ""', ["", "(())"], ["(", ")("]), ('root ::= ""\n', [""], ["a"]), ('root ::= x? y{2} z{0,1} w{1,}\nx::="x" y::="y" z::="z" w::="w"', ["xyyzw", "yyww"], ["yw"]),
    ('# comment\nroot ::= "a" # more\n  "b"', ["ab"], ["a"]), ('root ::= | "a"', ["", "a"], ["b"]), ('root ::= ("x" | ) "y"', ["y", "xy"], ["x"]), ("root ::= 'it''s'", ["its"], ["it"]),
    ('root ::= [^"\\\\\\n]*', ["abc", "日本"], ['a"b']), ('root ::= "\\u00e9" "\\x41" "\\U0001F600"', ["éA😀"], ["e"]), ('root ::= . . .', ["a日😀"], ["ab"]),
    ('root ::= expr\nexpr ::= expr "+" term | term\nterm ::= [0-9] | "(" expr ")"', ["1", "1+2", "(1+2)+3"], ["+", "1+"]), ('root ::= root "a" | "b"', ["b", "baa"], ["a"]), ('root ::= ("a"?)*', ["", "aa"], ["b"]), ('root ::= a\na ::= b\nb ::= a | "x"', ["x"], ["y"]),
    ('root ::= "if " cond " then " stmt\ncond ::= id " == " num\nstmt ::= id "=" num\nid ::= [a-z]+\nnum ::= "0" | [1-9] [0-9]*', ["if x == 0 then y=10"], ["if x == 01 then y=1"]),
    ('root ::= "[" ws (value ("," ws value)*)? "]"\nvalue ::= root | [0-9]+\nws ::= [ \\t]*', ["[]", "[1, [2,3]]"], ["[1,]"]), ('root-rule.x ::= "q"\nroot ::= root-rule.x', ["q"], []), ('root ::= dead | "live"\ndead ::= dead "x"', ["live"], ["x", "livex"]),
    ('root ::= "a"{3}', ["aaa"], ["aa"]), ('root ::= "a"{2,4}', ["aa", "aaaa"], ["a", "aaaaa"]), ('root ::= "a"{,2}', ["", "aa"], ["aaa"]), ('root ::= ("ab" | "cd"){1,3}', ["ab", "cdabcd"], ["", "abc"]), ('root ::= [a-z]{5,200}', ["abcde"], ["abcd"]),
    ('root ::= line{2}\nline ::= [a-z]+ "\\n"', ["ab\ncd\n"], ["ab\n"]), ('root ::= "{" pair ("," pair)* "}"\npair ::= "\\"" [a-z]+ "\\":" [0-9]', ['{"a":1,"b":2}'], ["{}"]), ('root ::= [\\]\\-^]+', ["]-^"], ["a"]),
    ('root ::= (("a" | "b") ("c" | "d"))+', ["ac", "bdac"], ["a"]), ('root ::= "SELECT " cols " FROM " id (" WHERE " id "=" num)?\ncols ::= "*" | id (", " id)*\nid ::= [a-z_]+\nnum ::= [0-9]+', ["SELECT * FROM t", "SELECT a, b FROM t WHERE a=1"], ["SELECT FROM t"])]
for text, accept, reject in G:
    add("grammar", text, accept, reject)
for text, word in [("", "root"), ("x ::= \"a\"", "root"), ("root ::= y", "'y'"), ('root ::= "a"\nroot ::= "b"', "twice"), ("root ::= root", "no text"), ('root ::= root "a"', "no text"), ("root ::= (", ")"), ('root ::= "a', "quoted"), ("root ::= [a", "class"),
                   ("root ::= []", "class"), ("root ::= [z-a]", "range"), ('root ::= "\\q"', "escape"), ('root ::= "\\uD800"', "character"), ("root = \"a\"", "::="), ('root ::= "a"{5,2}', "bound"), ('root ::= "a"{9999}', "4096"), ('root ::= * "a"', "unexpected"), ("%", "rule"),
                   ('root ::= "a" )', "unexpected"), ('root ::= "a"{}', "bounds"), ("root ::= " + "(" * 100 + '"a"' + ")" * 100, "nested")]:
    add("grammar", text, refuse=word)
for choices, reject in [(["a"], ["b"]), (["yes", "no"], ["y", "yesno"]), (["one", "one two", "one two three"], ["one tw"]), (["ä", "日本", "😀"], ["a"]), (["a\nb", "\t"], ["a"]), (['quo"te', "back\\slash"], ["quote"]), ([str(i) for i in range(200)], ["200", "x"]), (["x" * 500], ["x"])]:
    add("choice", choices, choices[:5], reject)
for choices in ([], [""], ["a", ""]):
    add("choice", choices, refuse="choice")
write("texts.jsonl")
