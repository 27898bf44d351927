#include "formats/kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "formats/quote.h"

namespace minerva {
namespace {

#define MINERVA_SUPPORTED                                                                                  \
  "Minerva runs GGUF files and Hugging Face directories (config.json with safetensors, pytorch_model.bin " \
  "or "                                                                                                    \
  "MLX-quantised weights). "
#define MINERVA_DOWNLOAD "for example: hf download ORG/NAME --local-dir NAME, then minerva run NAME."
#define MINERVA_ORIGINAL "Get the model it was made from as safetensors or GGUF, " MINERVA_DOWNLOAD

/// How a Kind is told to the user. `{name}` in a remedy is the file's or directory's name.
struct Story {
  Kind kind;
  Format format;
  std::string_view what;  ///< completes "'x' is ..."
  const char* remedy;
};

constexpr std::array kStories = {
    Story{Kind::Gguf, Format::Gguf, "a GGUF model", ""},
    Story{Kind::HfSafetensors, Format::HfSafetensors, "a Hugging Face directory", ""},
    Story{Kind::HfTorchBin, Format::HfTorchBin, "a Hugging Face directory", ""},
    Story{Kind::HfMlx, Format::HfMlx, "a Hugging Face directory quantised by MLX", ""},
    Story{Kind::SafetensorsFile, Format::Safetensors,
          "one safetensors file, without the configuration it needs",
          MINERVA_SUPPORTED "Put config.json and tokenizer.json of the model beside the file, under the name "
                            "model.safetensors, and "
                            "give the directory; or download all of it, " MINERVA_DOWNLOAD},
    Story{Kind::SafetensorsInModelDirectory, Format::Safetensors,
          "one weight file of a Hugging Face directory",
          "Give the directory that holds '{name}' and config.json instead of the file."},
    Story{Kind::TorchInModelDirectory, Format::TorchPickle, "one weight file of a Hugging Face directory",
          "Give the directory that holds '{name}' and config.json instead of the file."},
    Story{Kind::PeftAdapter, Format::LoraAdapter, "a LoRA adapter (PEFT), not a model of its own",
          MINERVA_SUPPORTED
          "Merge it into its base model: python -c \"from peft import AutoPeftModelForCausalLM as M; "
          "M.from_pretrained('{name}').merge_and_unload().save_pretrained('merged')\", add the base model's "
          "tokenizer files, then minerva run merged."},
    Story{Kind::GgufAdapter, Format::LoraAdapter, "a LoRA adapter (GGUF), not a model of its own",
          MINERVA_SUPPORTED "Merge it into its base model with llama.cpp: llama-export-lora -m BASE.gguf "
                            "--lora {name} -o merged.gguf, "
                            "then minerva run merged.gguf."},
    Story{Kind::GgmlAdapter, Format::LoraAdapter,
          "a LoRA adapter in the ggla format of 2023, not a model of its own",
          MINERVA_SUPPORTED
          "Get the adapter's original (PEFT) and convert that with llama.cpp: python convert_lora_to_gguf.py "
          "DIR, "
          "then merge it: llama-export-lora -m BASE.gguf --lora ADAPTER.gguf -o merged.gguf."},
    Story{Kind::Onnx, Format::Onnx, "an ONNX model",
          MINERVA_SUPPORTED "There is no way back from ONNX. " MINERVA_ORIGINAL},
    Story{Kind::OnnxRuntime, Format::Onnx, "an ONNX Runtime (ORT) model",
          MINERVA_SUPPORTED "There is no way back from ONNX. " MINERVA_ORIGINAL},
    Story{Kind::TensorFlowSavedModel, Format::TensorFlowSavedModel, "a TensorFlow SavedModel",
          MINERVA_SUPPORTED "A SavedModel is a compiled graph. " MINERVA_ORIGINAL},
    Story{Kind::TensorFlowGraph, Format::TensorFlowGraph, "a frozen TensorFlow graph",
          MINERVA_SUPPORTED "A frozen graph can't be turned back into a model. " MINERVA_ORIGINAL},
    Story{Kind::KerasHdf5, Format::KerasHdf5, "an HDF5 file, as Keras saves models",
          MINERVA_SUPPORTED
          "If it is tf_model.h5 of a Hugging Face directory, convert that with transformers 4: python -c "
          "\"from "
          "transformers import AutoModelForCausalLM as M; M.from_pretrained('DIR', "
          "from_tf=True).save_pretrained('DIR')\". Else get the model as safetensors or GGUF."},
    Story{Kind::HfTensorFlow, Format::KerasHdf5, "a Hugging Face directory with TensorFlow weights only",
          MINERVA_SUPPORTED "Convert the weights with transformers 4: python -c \"from transformers import "
                            "AutoModelForCausalLM as M; "
                            "M.from_pretrained('{name}', from_tf=True).save_pretrained('{name}')\"."},
    Story{Kind::KerasZip, Format::Keras, "a Keras model",
          MINERVA_SUPPORTED
          "If it was made with keras_hub, export it: python -c \"import keras; "
          "keras.saving.load_model('{name}').export_to_transformers('DIR')\", then minerva run DIR. "
          "Else get the model as safetensors or GGUF."},
    Story{Kind::TfLite, Format::TfLite, "a TensorFlow Lite model",
          MINERVA_SUPPORTED "There is no way back from TensorFlow Lite. " MINERVA_ORIGINAL},
    Story{Kind::CoreMl, Format::CoreMl, "a Core ML model",
          MINERVA_SUPPORTED "There is no way back from Core ML. " MINERVA_ORIGINAL},
    Story{Kind::OldGgml, Format::OldGgml, "a model in the old ggml format (before GGUF, August 2023)",
          MINERVA_SUPPORTED
          "If it is a LLaMA model, convert it with llama.cpp: python convert_llama_ggml_to_gguf.py --input "
          "{name} "
          "--output {name}.gguf, then minerva run {name}.gguf. Else get a newer conversion of the model."},
    Story{Kind::TorchZip, Format::TorchPickle,
          "a PyTorch file, without the configuration of a Hugging Face model",
          MINERVA_SUPPORTED
          "If it holds the weights of a Hugging Face model, put it beside the model's config.json and "
          "tokenizer.json under the name pytorch_model.bin and give the directory. Else load it with the "
          "program "
          "that wrote it and call save_pretrained('DIR')."},
    Story{Kind::TorchDirectory, Format::TorchPickle, "PyTorch files that are no Hugging Face checkpoint",
          MINERVA_SUPPORTED "Load them with the program that wrote them and call save_pretrained('DIR'), or "
                            "download the model in a "
                            "form that Minerva runs, " MINERVA_DOWNLOAD},
    Story{Kind::TorchLegacyPickle, Format::TorchPickle,
          "a PyTorch file of before version 1.6, without the configuration of a Hugging Face model",
          MINERVA_SUPPORTED
          "If it holds the weights of a Hugging Face model, put it beside the model's config.json and "
          "tokenizer.json under the name pytorch_model.bin and give the directory. Else load it with the "
          "program "
          "that wrote it and call save_pretrained('DIR')."},
    Story{Kind::Pickle, Format::TorchPickle, "a Python pickle",
          MINERVA_SUPPORTED "Pickles can run programs and are not opened. If you trust it, load it with the "
                            "program that wrote it and "
                            "call save_pretrained('DIR')."},
    Story{Kind::HfFlax, Format::Unknown, "a Hugging Face directory with Flax weights only",
          MINERVA_SUPPORTED "Convert the weights with transformers 4: python -c \"from transformers import "
                            "AutoModelForCausalLM as M; "
                            "M.from_pretrained('{name}', from_flax=True).save_pretrained('{name}')\"."},
    Story{Kind::OpenVino, Format::Unknown, "an OpenVINO model",
          MINERVA_SUPPORTED "There is no way back from OpenVINO. " MINERVA_ORIGINAL},
    Story{Kind::Diffusion, Format::Unknown,
          "a diffusion pipeline (model_index.json), which makes images and not text",
          MINERVA_SUPPORTED "Choose a text model, " MINERVA_DOWNLOAD},
    Story{Kind::HubCacheEntry, Format::Unknown,
          "an entry of the Hugging Face cache, with snapshots of a model",
          "Give one of the folders in '{name}/snapshots'."},
    Story{Kind::Numpy, Format::Unknown, "a NumPy array file", MINERVA_SUPPORTED MINERVA_ORIGINAL},
    Story{Kind::Zip, Format::Archive, "a zip archive", MINERVA_SUPPORTED "Unpack it first: unzip {name}"},
    Story{Kind::Gzip, Format::Archive, "a gzip archive",
          MINERVA_SUPPORTED "Unpack it first: tar -xzf {name} (or gunzip {name} when it is a single file)"},
    Story{Kind::Bzip2, Format::Archive, "a bzip2 archive",
          MINERVA_SUPPORTED "Unpack it first: tar -xjf {name} (or bunzip2 {name} when it is a single file)"},
    Story{Kind::Xz, Format::Archive, "an xz archive",
          MINERVA_SUPPORTED "Unpack it first: tar -xJf {name} (or unxz {name} when it is a single file)"},
    Story{Kind::Zstd, Format::Archive, "a zstd archive",
          MINERVA_SUPPORTED
          "Unpack it first: tar --zstd -xf {name} (or unzstd {name} when it is a single file)"},
    Story{Kind::SevenZip, Format::Archive, "a 7-zip archive",
          MINERVA_SUPPORTED "Unpack it first: 7z x {name}"},
    Story{Kind::Tar, Format::Archive, "a tar archive", MINERVA_SUPPORTED "Unpack it first: tar -xf {name}"},
    Story{Kind::Rar, Format::Archive, "a RAR archive", MINERVA_SUPPORTED "Unpack it first: unrar x {name}"},
    Story{Kind::GitLfsPointer, Format::Text, "a Git LFS pointer: a short text that stands for the file",
          "The file itself was not downloaded. In the repository run: git lfs install && git lfs pull"},
    Story{Kind::Html, Format::Text, "a web page (HTML), saved in place of a model",
          "The download went wrong: use the link to the file itself (on huggingface.co it contains "
          "/resolve/, not "
          "/blob/), and for a gated model accept its terms and use your token: hf auth login, then hf "
          "download ORG/NAME "
          "FILE."},
    Story{Kind::Json, Format::Text, "a JSON file, not a model",
          MINERVA_SUPPORTED "If it is config.json or an index of a model, give the directory that holds it."},
    Story{Kind::PlainText, Format::Text, "a text file, not a model",
          MINERVA_SUPPORTED
          "If it should be a model, look at its text: it may tell why the download failed. Then "
          "download it again."},
    Story{Kind::EmptyFile, Format::Empty, "an empty file",
          "The download did not start: remove it and download it again."},
    Story{Kind::EmptyDirectory, Format::Empty, "an empty directory",
          MINERVA_SUPPORTED "Download a model into it, " MINERVA_DOWNLOAD},
    Story{Kind::UnknownFile, Format::Unknown, "in no format that Minerva knows",
          MINERVA_SUPPORTED "If it should be one of them, it is damaged: compare its size with the original "
                            "and download it again."},
    Story{Kind::UnknownDirectory, Format::Unknown, "a directory without a model",
          MINERVA_SUPPORTED "Check the path, or download a model, " MINERVA_DOWNLOAD},
};

const Story& story(Kind kind) noexcept {
  const auto found = std::ranges::find(kStories, kind, &Story::kind);
  return found != kStories.end() ? *found : kStories.back();
}

/// A name for use in a shell command in a remedy: as it is when harmless, else a placeholder.
std::string command_name(std::string_view name) {
  const bool harmless =
      !name.empty() && name.size() <= 128 && name.front() != '-' && std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
               c == '_' || c == '-' || c == '+';
      });
  return harmless ? std::string(name) : "FILE";
}

}  // namespace

Format format_of(Kind kind) noexcept {
  return story(kind).format;
}

std::unexpected<Error> not_runnable(Kind kind, std::string_view name, std::string_view verb) {
  const Story& found = story(kind);
  return invalid_request(fmt::format("{} {} {}", quoted(name), verb, found.what),
                         fmt::format(fmt::runtime(found.remedy), fmt::arg("name", command_name(name))));
}

std::unexpected<Error> gguf_is_no_model(std::string_view name, std::string_view type) {
  if (type == "adapter") return not_runnable(Kind::GgufAdapter, name);
  const std::string_view architecture = type == "mmproj" ? "clip" : type;
  if (auto other = gguf_of_other_use(name, architecture)) return std::unexpected(*std::move(other));
  return invalid_request(
      fmt::format("{} holds a {} (key 'general.type'), expected a model", quoted(name), quoted(type)),
      MINERVA_SUPPORTED "Give the GGUF file of the model itself.");
}

std::optional<Error> gguf_of_other_use(std::string_view name, std::string_view architecture) {
  struct Use {
    std::string_view architecture;
    std::string_view what;
    const char* remedy;
  };
  constexpr const char* kTextModel = MINERVA_SUPPORTED "Choose a text model, " MINERVA_DOWNLOAD;
  constexpr const char* kImages = "a part of an image or video generator, not a language model";
  constexpr const char* kSpeech = "a speech model, not a language model";
  static constexpr auto kUses = std::to_array<Use>({
      {"clip", "the image or audio part of a model (mmproj), not the model",
       "Give the GGUF file of the language model itself, which lies beside it on the model's page."},
      {"controlvector", "a control vector, which changes another model's answers, not a model of its own",
       "Give the GGUF file of the model it was made for."},
      {"imatrix", "an importance matrix for quantising, not a model",
       "Give the GGUF file of the model itself."},
      {"flux", kImages, kTextModel},
      {"sd1", kImages, kTextModel},
      {"sd2", kImages, kTextModel},
      {"sd3", kImages, kTextModel},
      {"sdxl", kImages, kTextModel},
      {"aura", kImages, kTextModel},
      {"hidream", kImages, kTextModel},
      {"cosmos", kImages, kTextModel},
      {"ltxv", kImages, kTextModel},
      {"hyvid", kImages, kTextModel},
      {"wan", kImages, kTextModel},
      {"lumina2", kImages, kTextModel},
      {"qwen_image", kImages, kTextModel},
      {"z_image", kImages, kTextModel},
      {"pig", kImages, kTextModel},
      {"diffusion", kImages, kTextModel},
      {"whisper", kSpeech, kTextModel},
      {"kokoro", kSpeech, kTextModel},
      {"snac", kSpeech, kTextModel},
      {"dac", kSpeech, kTextModel},
      {"parler-tts", kSpeech, kTextModel},
  });
  const auto found = std::ranges::find(kUses, architecture, &Use::architecture);
  if (found == kUses.end()) return std::nullopt;
  return invalid_request(fmt::format("{} is {}", quoted(name), found->what), found->remedy).error();
}

}  // namespace minerva
