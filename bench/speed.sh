#!/usr/bin/env bash
# Prompt and decode speed of the native engine (fast) and of llama.cpp's llama-bench in turn, on the same weights:
# tokens per second, medians of all rounds, and their ratio.
#
#   bench/speed.sh LLAMA_BENCH MODEL[=GGUF]...
#
# LLAMA_BENCH: the tool, built from the same source tree for this processor. MODEL is what Minerva reads, GGUF what
# llama-bench reads, where that is another file (the same weights as a Hugging Face directory). ROUNDS=5 and
# THREADS=2 may be set; a round is one run of 512 prompt tokens and one of 64 new ones.
set -euo pipefail
peer=${1:?the path of llama-bench}; shift
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/bench/lib.sh"
minerva=$here/build/release/bin/minerva
rounds=${ROUNDS:-5} threads=${THREADS:-2}
times=$(mktemp -d)
trap 'rm -rf "$times"' EXIT

printf '%-32s %10s %10s %6s %10s %10s %6s\n' model "prompt 512" llama.cpp ratio "decode 64" llama.cpp ratio
for pair in "$@"; do
  ours=${pair%%=*} theirs=${pair#*=}
  rm -f "$times"/*
  for ((i = 0; i < rounds; i++)); do
    "$minerva" bench "$ours" --backend native -t "$threads" -r 1 --json 2>/dev/null |
      sed 's/{"test"/\n&/g' |
      sed -nE 's/^\{"test":"(pp|tg)[0-9]+".*"median_tps":([0-9.]+).*/\1 \2/p' | sed 's/^pp/prompt/; s/^tg/decode/' |
      while read -r what value; do echo "$value" >>"$times/$what.ours"; done
    "$peer" -m "$theirs" -t "$threads" -p 512 -n 64 -r 1 -o csv 2>/dev/null |
      awk -F, '{gsub(/"/, "")}
               NR == 1 {for (i = 1; i <= NF; i++) col[$i] = i}
               NR > 1 {print ($col["n_gen"] > 0 ? "decode" : "prompt"), $col["avg_ts"]}' |
      while read -r what value; do echo "$value" >>"$times/$what.theirs"; done
  done
  printf '%-32s' "$(basename "$ours")"
  for what in prompt decode; do
    a=$(median "$times/$what.ours") b=$(median "$times/$what.theirs")
    awk -v a="$a" -v b="$b" 'BEGIN {printf " %10.1f %10.1f %6.2f", a, b, a / b}'
  done
  echo
done
