// gguf_to_hf FILE.gguf DIRECTORY [f32]: writes the model as a Hugging Face directory, in BF16 or F32.
#include <fmt/format.h>

#include <cstdio>
#include <string_view>

#include "conversion/hf_directory.h"

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4 || (argc == 4 && std::string_view(argv[3]) != "f32")) {
    fmt::print(stderr, "usage: gguf_to_hf FILE.gguf DIRECTORY [f32]\n");
    return 2;
  }
  using minerva::ScalarType;
  const auto written =
      minerva::testing::write_hf_directory(argv[1], argv[2], argc == 4 ? ScalarType::F32 : ScalarType::BF16);
  if (written) return 0;
  fmt::print(stderr, "error: {}\n{}\n", written.error().message, written.error().remedy);
  return 1;
}
