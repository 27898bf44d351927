#!/usr/bin/env bash
# Answers at the same time: the native engine (fast) through its scheduler and llama.cpp's batched-bench in turn, on the
# same weights. New tokens of all answers per second, short prompts included, medians of all rounds, and their ratio.
#
#   bench/parallel.sh BATCHED_BENCH MODEL[=GGUF] [STREAMS]
#
# BATCHED_BENCH: the tool, built from the same source tree for this processor. MODEL is what Minerva reads, GGUF what
# batched-bench reads. ROUNDS=5, THREADS=2 and TOKENS=64 (of each answer) may be set.
set -euo pipefail
peer=${1:?the path of batched-bench} pair=${2:?a model} streams=${3:-16}
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/bench/lib.sh"
rounds=${ROUNDS:-5} threads=${THREADS:-2} tokens=${TOKENS:-64} prompt=16
ours=${pair%%=*} theirs=${pair#*=}
times=$(mktemp -d)
trap 'rm -rf "$times"' EXIT

# Both compute TOKENS steps after a prompt, which has given the first token.
for ((i = 0; i < rounds; i++)); do
  "$here/build/release/bin/minerva" bench "$ours" --backend native -t "$threads" -p 0 -n "$tokens" -np "$streams" -r 1 \
    --json 2>/dev/null | sed 's/{"test"/\n&/g' |
    sed -nE "s/^\{\"test\":\"tg${tokens}x${streams}\".*\"median_tps\":([0-9.]+).*/\1/p" >>"$times/ours"
  "$peer" -m "$theirs" -t "$threads" -c $((streams * (prompt + tokens) + 256)) -npp $prompt -ntg "$tokens" -npl "$streams" \
    --output-format jsonl 2>/dev/null | sed -nE 's/.*"t": *([0-9.]+).*/\1/p' |
    awk -v n=$((streams * (tokens + 1))) '{print n / $1}' >>"$times/theirs"
done
a=$(median "$times/ours") b=$(median "$times/theirs")
awk -v n="$streams" -v a="$a" -v b="$b" \
  'BEGIN {printf "%d answers at once: minerva %.1f, batched-bench %.1f tokens/s, ratio %.2f\n", n, a, b, a / b}'
