# Two commands on a bare Debian 12: `make run` answers a prompt, `make test` builds and tests. The work is done
# by tools/setup, CMake presets and the scripts in tools/.
MODEL ?= .cache/models/SmolLM2-135M-Instruct.Q4_1.gguf
PROMPT ?= Explain in two sentences what a language model does.
export MODEL PROMPT  # through the environment: a prompt may hold any character

.PHONY: run test check build dev format docs clean
run:  # the library too: cmake --install build/release then has all it installs
	@tools/setup run && tools/build release minerva minerva_shared && exec build/release/bin/minerva run "$$MODEL" -p "$$PROMPT" < /dev/null

test:
	@tools/setup test && tools/test release

check:
	@tools/setup check && tools/check

build:  # everything: tests, benchmarks
	@tools/setup run && tools/build release

dev:  # the quick loop
	@tools/setup test && tools/test dev

format:
	@tools/setup test && tools/format

docs:  # the API reference, from the public headers
	@tools/setup check && tools/docs

clean:  # keeps what was downloaded and llama.cpp
	rm -rf build
