# bash completion for minerva. Load it with `source minerva.bash`, or put it into
# ~/.local/share/bash-completion/completions/minerva.

_minerva_flags() {
  local common="--json -v --verbose --no-progress --color -h --help --help-all"
  local model="-m --model"
  local text="-p --prompt -f --file"
  local template="--tools --documents --chat-template-kwargs --chat-template-config"
  local answer="-n --max-tokens --n-predict --predict -sys --system --system-prompt --stop -r --reverse-prompt --ignore-eos --top-logprobs
    --json-schema --json-object --regex --grammar --choice"
  local sampling="--temp --temperature --top-k --top-p --min-p --typical --typical-p --repeat-penalty
    --repetition-penalty --repeat-last-n --no-repeat-ngram-size --presence-penalty --frequency-penalty -s --seed --logit-bias
    --ignore-recommendations"
  local engine="-c --ctx-size -t --threads -b --batch-size --backend --numeric --memory-limit --no-mmap"
  case $1 in
    run) echo "$model $text --raw --prompt-ids --messages --prefill-response $template $answer $sampling $engine $common" ;;
    chat) echo "$model --no-history $template $answer $sampling $engine $common" ;;
    show) echo "$model --template $common" ;;
    tokenize) echo "$model $text --no-bos --no-parse-special --ids --jsonl $common" ;;
    convert) echo "$model -o --output --outfile --type --outtype --force --no-tokenizer --approximate $common" ;;
    bench) echo "$model -p --prompt-tokens --n-prompt -n --gen-tokens --n-gen -np --parallel -r --repetitions $engine $common" ;;
    doctor) echo "$common" ;;
    *) echo "--help --version" ;;
  esac
}

# Model files and folders that may hold one.
_minerva_models() {
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -d -- "$1") $(compgen -f -X '!*.gguf' -- "$1"))
}

_minerva() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "run chat show tokenize convert bench doctor help --help --version" -- "$current"))
    return
  fi
  case $previous in
    -m | --model) _minerva_models "$current"; return ;;
    -f | --file | -o | --output | --outfile | --json-schema | --grammar | --messages | --tools | --documents)
      local IFS=$'\n'
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return ;;
    --type | --outtype) COMPREPLY=($(compgen -W "f32 f16 bf16 q8_0" -- "$current")); return ;;
    --backend) COMPREPLY=($(compgen -W "auto llama native" -- "$current")); return ;;
    --numeric) COMPREPLY=($(compgen -W "exact fast" -- "$current")); return ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$current")); return ;;
    help) COMPREPLY=($(compgen -W "run chat show tokenize convert bench doctor" -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_minerva_flags "$command")" -- "$current"))
  elif [[ $command != doctor ]]; then
    _minerva_models "$current"
  fi
}

complete -F _minerva minerva
