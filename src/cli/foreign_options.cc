#include "cli/foreign_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace minerva::cli {
namespace {

struct Foreign {
  std::string_view names;  // with spaces around each
  std::string_view tool;
  std::string_view advice;  // what to write here
};

constexpr std::string_view kLlama = "llama.cpp";
constexpr std::string_view kOllama = "Ollama";
constexpr std::string_view kMlx = "mlx-lm";
constexpr std::string_view kTransformers = "transformers and vLLM";

constexpr std::string_view kNoGpu = "Leave it out: this build computes on the CPU and uses no GPU.";
constexpr std::string_view kNoAdapter =
    "Minerva applies no adapters: merge it into the model with the tool that made it, and run the result.";
constexpr std::string_view kNoDraft = "Leave it out: Minerva does no speculative decoding.";
constexpr std::string_view kNoServer =
    "This version has no server: `minerva run` answers one prompt, `minerva chat` holds a conversation.";
constexpr std::string_view kCacheType =
    "Leave it out: the KV cache has one type for each arithmetic; -c N sets its size.";
constexpr std::string_view kThinking =
    "Use --chat-template-kwargs '{\"enable_thinking\": false}', where the model's template knows that "
    "variable.";
constexpr std::string_view kOtherSampler =
    "This sampler is not here: --temp, --top-k, --top-p, --min-p, --typical and the penalties are.";

constexpr auto kOptions = std::to_array<Foreign>({
    {" -ngl --gpu-layers --n-gpu-layers -dev --device -sm --split-mode -ts --tensor-split -mg --main-gpu "
     "-kvo --kv-offload -nkvo --no-kv-offload --op-offload --no-op-offload -ot --override-tensor -cmoe "
     "--cpu-moe -ncmoe --n-cpu-moe -ncffn --n-cpu-ffn --rpc --list-devices --no-host -fit --fit -fitt "
     "--fit-target -fitc --fit-ctx ",
     kLlama, kNoGpu},
    {" -hf -hfr --hf-repo -hff --hf-file -hft --hf-token -mu --model-url -dr --docker-repo --offline -cl "
     "--cache-list ",
     kLlama,
     "Minerva downloads nothing: fetch the model first, for example with `hf download ORG/NAME --local-dir "
     "NAME`, and give its path as MODEL."},
    {" -fa --flash-attn ", kLlama, "Leave it out: how attention is computed is not for the user to choose."},
    {" -ctk --cache-type-k -ctv --cache-type-v ", kLlama, kCacheType},
    {" --swa-full -ctxcp --ctx-checkpoints --swa-checkpoints -cms --checkpoint-min-step -cram --cache-ram "
     "-kvu --kv-unified -no-kvu --no-kv-unified --cache-idle-slots --no-cache-idle-slots -dt --defrag-thold "
     "--cache-prompt --no-cache-prompt --cache-reuse --prompt-cache --prompt-cache-all --prompt-cache-ro "
     "-lcs --lookup-cache-static -lcd --lookup-cache-dynamic ",
     kLlama, "Leave it out: what is kept of earlier prompts is managed by itself; -c N sets the context."},
    {" -ub --ubatch-size ", kLlama, "Use -b N (--batch-size): the prompt tokens computed at once."},
    {" -tb --threads-batch ", kLlama, "Use -t N (--threads): one number serves prompts and answers."},
    {" --mlock ", kLlama, "Leave it out: Minerva locks no memory."},
    {" --mmap -lm --load-mode -lzm --lazy-mode -dio --direct-io ", kLlama,
     "Leave it out: model files are mapped; --no-mmap reads them instead."},
    {" --numa -C --cpu-mask -Cr --cpu-range --cpu-strict --prio --poll -Cb --cpu-mask-batch -Crb "
     "--cpu-range-batch --cpu-strict-batch --prio-batch --poll-batch ",
     kLlama, "Use -t N (--threads) for their number; taskset or numactl chooses the cores."},
    {" -cnv --conversation -i --interactive -if --interactive-first ", kLlama,
     "A conversation is a command of its own: minerva chat MODEL."},
    {" -no-cnv --no-conversation -st --single-turn ", kLlama,
     "Leave it out: `minerva run` answers one prompt and ends; --raw does without the chat template."},
    {" -mli --multiline-input ", kLlama,
     "Leave it out: in `minerva chat`, a message of several lines begins and ends with \"\"\"."},
    {" -e --escape --no-escape ", kLlama,
     "Leave it out: a text is taken as it is; the shell can write line ends: -p $'one\\ntwo'."},
    {" -sysf --system-prompt-file ", kLlama, "Use -sys \"$(cat FILE)\"."},
    {" -bf --binary-file --in-file ", kLlama, "Use -f FILE."},
    {" -j -jf --json-schema-file ", kLlama, "Use --json-schema, with a file or with the schema itself."},
    {" --grammar-file ", kLlama, "Use --grammar, with a file or with the grammar itself."},
    {" -l ", kLlama, "Use --logit-bias ID+X."},
    {" --jinja --no-jinja --skip-chat-parsing --no-skip-chat-parsing ", kLlama,
     "Leave it out: the model's own chat template is always used; --raw does without it."},
    {" --chat-template --chat-template-file ", kLlama,
     "The model's own chat template is used: `minerva show --template` prints it. With --raw, write the "
     "prompt in another form yourself."},
    {" --in-prefix --in-suffix --in-prefix-bos --spm-infill ", kLlama,
     "The model's chat template writes what stands around a message; with --raw, write it yourself."},
    {" -rea --reasoning --reasoning-budget --reasoning-budget-message --reasoning-effort --reasoning-format "
     "--reasoning-preserve --no-reasoning-preserve ",
     kLlama, kThinking},
    {" -mm --mmproj -mmu --mmproj-url --mmproj-auto --no-mmproj --no-mmproj-auto --mmproj-offload "
     "--no-mmproj-offload -mmdev --mmproj-device --image --audio --video --image-min-tokens "
     "--image-max-tokens ",
     kLlama, "Minerva runs text models: it takes no images, no sound and no video."},
    {" --lora --lora-scaled --lora-init-without-apply --control-vector --control-vector-scaled "
     "--control-vector-layer-range ",
     kLlama, kNoAdapter},
    {" -md --model-draft --draft --draft-n --draft-max --draft-min --draft-n-min --draft-p-min "
     "--draft-p-split --spec-type --spec-default -ngld --gpu-layers-draft --n-gpu-layers-draft -hfd -hfrd "
     "--hf-repo-draft -td --threads-draft -tbd -devd --device-draft -ctkd -ctvd -otd -cmoed -ncmoed ",
     kLlama, kNoDraft},
    {" --samplers --sampler-seq --sampling-seq ", kLlama,
     "Leave it out: the order is fixed (penalties, top-k, typical, top-p, min-p, temperature)."},
    {" --mirostat --mirostat-lr --mirostat-ent --dry-multiplier --dry-base --dry-allowed-length "
     "--dry-penalty-last-n --dry-sequence-breaker --dynatemp-range --dynatemp-exp --top-nsigma "
     "--top-n-sigma --adaptive-target --adaptive-decay -bs --backend-sampling ",
     kLlama, kOtherSampler},
    {" --xtc-probability --xtc-threshold ", "llama.cpp and mlx-lm", kOtherSampler},
    {" --keep --context-shift --no-context-shift ", kLlama,
     "Leave it out: a context that is full ends the answer; -c N makes it larger."},
    {" --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --yarn-orig-ctx --yarn-ext-factor "
     "--yarn-attn-factor --yarn-beta-slow --yarn-beta-fast -gan --grp-attn-n -gaw --grp-attn-w "
     "--override-kv --check-tensors --repack -nr --no-repack ",
     kLlama, "Leave it out: a model is run as its files say, and these are always checked."},
    {" --host --port --path --api-key --api-key-file --api-prefix --ssl-key-file --ssl-cert-file -cb "
     "--cont-batching -nocb --no-cont-batching -a --alias --metrics --slots --no-slots --props "
     "--slot-save-path -sps --slot-prompt-similarity --threads-http -to --timeout --ui --webui --no-ui "
     "--no-webui --models-dir --models-max --models-preset ",
     kLlama, kNoServer},
    {" --embedding --embeddings --rerank --reranking --pooling --attention ", kLlama,
     "This version computes no embeddings and ranks no texts."},
    {" -np --parallel -ns --sequences ", kLlama,
     "A run answers one prompt; `minerva bench -np N` measures N answers at the same time."},
    {" -lv --verbosity --log-verbosity --log-verbose ", kLlama,
     "Use -v; given twice, it says what helps debugging."},
    {" --log-disable --log-file --log-colors --log-prefix --no-log-prefix --log-timestamps "
     "--no-log-timestamps ",
     kLlama,
     "Leave it out: warnings go to standard error (2> FILE keeps them); MINERVA_LOG=off silences them."},
    {" --perf --no-perf --show-timings --no-show-timings -ptc --print-token-count ", kLlama,
     "Leave it out: -v prints the timings and the numbers of tokens, --json has them."},
    {" --display-prompt --no-display-prompt --verbose-prompt -sp --special ", kLlama,
     "Leave it out: the answer alone is printed; --json has the prompt and every token."},
    {" --warmup --no-warmup ", kLlama, "Leave it out: nothing is computed before your prompt."},
    {" -co ", kLlama, "Use --color auto, always or never."},
    {" --simple-io ", kLlama, "Leave it out: in pipes, input and output are plain."},
    {" -o --output --output-file ", kLlama,
     "Results go to standard output: use > FILE, and --json for one JSON object."},
    {" -pg -d --n-depth ", "llama-bench", "Use -p N for the tokens of the prompt and -n N for the answer's."},
    {" --usage ", kLlama, "Use --help."},

    {" --format ", kOllama,
     "Use --json-object for any JSON, or --json-schema FILE for JSON of a given form."},
    {" --keepalive ", kOllama, "Leave it out: the model leaves memory when the program ends."},
    {" --nowordwrap ", kOllama, "Leave it out: an answer in a pipe is printed as it is."},
    {" --think --hidethinking ", kOllama, kThinking},
    {" --insecure ", kOllama, "Leave it out: Minerva downloads nothing."},
    {" --modelfile --parameters --license ", kOllama,
     "`minerva show MODEL` prints what a model's files say, --json all of it."},
    {" --num-ctx --num_ctx ", kOllama, "Use -c N (--ctx-size)."},
    {" --num-predict --num_predict ", kOllama, "Use -n N (--max-tokens)."},
    {" --num-thread --num_thread ", kOllama, "Use -t N (--threads)."},

    {" --ignore-chat-template ", kMlx, "Use --raw."},
    {" --use-default-chat-template --min-tokens-to-keep --quantize-activations ", kMlx,
     "Leave it out: there is nothing like it here."},
    {" --max-kv-size ", kMlx, "Use -c N (--ctx-size)."},
    {" --prompt-cache-file ", kMlx,
     "Leave it out: prompts are not kept in files; in `minerva chat`, /save FILE keeps a conversation."},
    {" --kv-bits --kv-group-size --quantized-kv-start ", kMlx, kCacheType},
    {" --draft-model --num-draft-tokens ", kMlx, kNoDraft},
    {" --adapter-path ", kMlx, kNoAdapter},
    {" --extra-eos-token ", kMlx, "Use --stop TEXT."},
    {" --hf-path ", kMlx, "Give the directory itself: minerva convert DIR -o OUT.gguf."},
    {" --mlx-path ", kMlx, "Use -o OUT.gguf: `minerva convert` writes GGUF."},
    {" -q --quantize --q-bits --q-group-size --q-mode --quant-predicate ", kMlx,
     "Use `minerva convert DIR -o OUT.gguf --type q8_0`."},
    {" --dequantize --upload-repo ", kMlx,
     "`minerva convert` writes a GGUF file of a directory, nothing else."},

    {" --trust-remote-code ", kTransformers, "Leave it out: no code that comes with a model is ever run."},
    {" --max-new-tokens --max_new_tokens --max-length ", kTransformers, "Use -n N (--max-tokens)."},
    {" --max-model-len ", kTransformers, "Use -c N (--ctx-size)."},
    {" --gpu-memory-utilization ", kTransformers, "Use --memory-limit SIZE."},
    {" --tensor-parallel-size -tp --device-map ", kTransformers, kNoGpu},
    {" --dtype --torch-dtype ", kTransformers,
     "A model is run in the types of its files, --numeric exact computes in float32; `minerva convert --type "
     "TYPE` writes another type."},
});

constexpr auto kCommands = std::to_array<Foreign>({
    {" pull download push ", kOllama,
     "Minerva downloads nothing: `hf download ORG/NAME --local-dir NAME` fetches a model from the Hugging "
     "Face hub; then: minerva run NAME."},
    {" list ls ps stop rm cp create ", kOllama,
     "Minerva keeps no list of models and leaves none in memory: give a model by its path, as in minerva run "
     "MODEL.gguf."},
    {" serve server ", "other tools", kNoServer},
    {" generate completion complete cli ask prompt ", "other tools", "Use minerva run MODEL -p TEXT."},
    {" info inspect ", "other tools", "Use minerva show MODEL."},
    {" benchmark ", "other tools", "Use minerva bench MODEL."},
    {" quantize ", kLlama, "`minerva convert DIR -o OUT.gguf --type q8_0` quantises a directory."},
    {" embed embedding embeddings rerank perplexity imatrix lora fuse ", "other tools",
     "Minerva does nothing of that kind; `minerva --help` lists what it does."},
});

template <std::size_t N>
const Foreign* find(const std::array<Foreign, N>& table, std::string_view name) {
  if (name.empty() || name.contains(' ')) return nullptr;
  const std::string whole = fmt::format(" {} ", name);
  const auto found =
      std::ranges::find_if(table, [&](const Foreign& foreign) { return foreign.names.contains(whole); });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::optional<Error> foreign_option(std::string_view name) {
  constexpr std::size_t kWordMin = 4;
  const Foreign* found = find(kOptions, name);
  if (found == nullptr && name.starts_with("--") && name.size() >= kWordMin)
    found = find(kOptions, name.substr(1));  // "--ngl"
  if (found == nullptr) return std::nullopt;
  return Error{ErrorCode::InvalidRequest,
               fmt::format("'{}' is an option of {}, not of minerva", name, found->tool),
               std::string(found->advice)};
}

std::optional<Error> foreign_command(std::string_view name) {
  const Foreign* const found = find(kCommands, name);
  if (found == nullptr) return std::nullopt;
  return Error{ErrorCode::InvalidRequest, fmt::format("there is no command '{}'", name),
               std::string(found->advice)};
}

}  // namespace minerva::cli
