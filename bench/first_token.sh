#!/usr/bin/env bash
# From process start to the first token on standard output: minerva and llama.cpp's llama-completion in turn, on
# the same file and prompt, greedy, two threads. Prints the medians in milliseconds and their ratio.
#
#   bench/first_token.sh LLAMA_COMPLETION [MODEL.gguf] [ROUNDS]
#
# LLAMA_COMPLETION: the tool, built from the same source tree for this processor.
set -euo pipefail
peer=${1:?the path of llama-completion}
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/bench/lib.sh"
model=${2:-$here/.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf}
rounds=${3:-21}
minerva=$here/build/release/bin/minerva
prompt="The quick brown fox jumps over the lazy dog. The quick brown fox"

# first_byte COMMAND...: microseconds until it prints something
first_byte() {
  local start end
  start=$(date +%s%N)
  "$@" 2>/dev/null </dev/null | { head -c 1 >/dev/null; date +%s%N; cat >/dev/null; } >"$times/end"
  end=$(cat "$times/end")
  echo $(((end - start) / 1000))
}

times=$(mktemp -d)
trap 'rm -rf "$times"' EXIT
for ((i = 0; i <= rounds; i++)); do
  a=$(first_byte "$minerva" run "$model" --raw -p "$prompt" -n 2 --temp 0 -t 2)
  b=$(first_byte "$peer" -m "$model" -p "$prompt" -n 2 --temp 0 -t 2 -no-cnv --no-display-prompt)
  if [ "$i" = 0 ]; then continue; fi  # the first round warms the caches
  echo "$a" >>"$times/minerva"
  echo "$b" >>"$times/peer"
done
a=$(median "$times/minerva") b=$(median "$times/peer")
awk -v a="$a" -v b="$b" \
  'BEGIN {printf "minerva %.1f ms, llama-completion %.1f ms, ratio %.2f\n", a / 1000, b / 1000, a / b}'
