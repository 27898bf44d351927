// What the hands of llama.cpp's, Ollama's, mlx-lm's and transformers' users type: it works, or one sentence
// says what to write here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Habit {
  std::string line;    // words without blanks in them; MODEL is the default model, FILE a text
  std::string answer;  // of the error; empty: it works
};

class Habits : public ::testing::Test {
 protected:
  void SetUp() override { MINERVA_NEEDS_MODEL(smollm2_gguf()); }

  Outcome run(const std::string& line) const {
    Start start;
    start.environment = {{"MINERVA_MODEL", smollm2_gguf().string()}, {"HOME", folder_.path().string()}};
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == "MODEL") word = smollm2_gguf().string();
      if (word == "FILE") word = file_;
      start.arguments.push_back(word);
    }
    return run_minerva(start);
  }

  void check(const std::vector<Habit>& habits, const std::string& tool) const {
    for (const Habit& habit : habits) {
      SCOPED_TRACE(habit.line);
      const Outcome outcome = run(habit.line);
      if (habit.answer.empty()) {
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        continue;
      }
      EXPECT_EQ(outcome.status, 2) << outcome.out;
      EXPECT_EQ(outcome.out, "") << "no help instead of an answer";
      EXPECT_THAT(outcome.err, HasSubstr(habit.answer));
      EXPECT_THAT(outcome.err, Not(HasSubstr("is not a whole number")));
      if (outcome.err.contains("' is an option of")) {
        EXPECT_THAT(outcome.err, HasSubstr(tool));
      }
    }
  }

  TempDir folder_;
  std::string file_ = folder_.write("text.txt", "Hi\n").string();
};

TEST_F(Habits, LlamaCpp) {
  check({{"run -m MODEL -p Hi -n 1 --temp 0", ""},
         {"run -m MODEL Hi -n 1", ""},
         {"run -m MODEL --prompt Hi --predict 1 -c 256 -t 2 -b 64 -s 42 --top-k 40 --top-p 0.9 --min-p 0.1",
          ""},
         {"run -m MODEL -f FILE -n1 --repeat-penalty 1.1 --repeat-last-n 64 -r User:", ""},
         {"run -m MODEL -sys Brief. -p Hi -n 1 --no-mmap --ignore-eos", ""},
         {"run -m MODEL --system-prompt Brief. -p Hi -n 1", ""},
         {"run -m MODEL -p Hi -n 3 --json-schema {\"type\":\"boolean\"}", ""},
         {"bench -m MODEL -p 8 -n 1 -r 1", ""},
         {"run -m MODEL -ngl 99 -p Hi",
          "'-ngl' is an option of llama.cpp, not of minerva\n  Leave it out: this build "
          "computes on the CPU"},
         {"bench -m MODEL -ngl=99", "'-ngl'"},
         {"chat -m MODEL --n-gpu-layers 99", "'--n-gpu-layers'"},
         {"run --gpu-layers all", "CPU"},
         {"run -hf ggml-org/gemma-3-1b-it-GGUF",
          "'-hf' is an option of llama.cpp, not of minerva\n  Minerva downloads "
          "nothing: fetch the model first, for example with `hf download"},
         {"chat -hf ggml-org/gemma-3-1b-it-GGUF", "'-hf'"},
         {"-hf ggml-org/gemma-3-1b-it-GGUF", "'-hf'"},
         {"run -mu https://example.org/x.gguf", "downloads nothing"},
         {"run -m MODEL -fa on -p Hi", "'-fa'"},
         {"run -m MODEL -ctk q8_0 -ctv q8_0 -p Hi", "'-ctk'"},
         {"chat -m MODEL -mli", "\"\"\""},
         {"run -m MODEL -cnv", "minerva chat MODEL"},
         {"run -m MODEL -i", "minerva chat MODEL"},
         {"run -m MODEL -no-cnv -p Hi", "`minerva run` answers one prompt"},
         {"run -m MODEL -st -p Hi", "Leave it out"},
         {"run -m MODEL -p Hi -e", "$'one\\ntwo'"},
         {"run -m MODEL -p Hi -ub 512", "Use -b N"},
         {"run -m MODEL -p Hi -tb 4", "Use -t N"},
         {"run -m MODEL -p Hi --mlock", "locks no memory"},
         {"run -m MODEL -p Hi --no-display-prompt", "the answer alone is printed"},
         {"run -m MODEL -p Hi --no-warmup", "Leave it out"},
         {"run -m MODEL -p Hi --log-disable", "MINERVA_LOG=off"},
         {"run -m MODEL -p Hi -j {}", "Use --json-schema"},
         {"run -m MODEL -p Hi -jf FILE", "Use --json-schema"},
         {"run -m MODEL -p Hi --grammar-file FILE", "Use --grammar"},
         {"run -m MODEL -p Hi -l 5+1", "Use --logit-bias"},
         {"run -m MODEL -p Hi -sysf FILE", "-sys \"$(cat FILE)\""},
         {"chat -m MODEL --jinja", "always used"},
         {"chat -m MODEL --chat-template chatml", "show --template"},
         {"chat -m MODEL --chat-template-file FILE", "show --template"},
         {"run -m MODEL --reasoning-budget 0 -p Hi", "enable_thinking"},
         {"run -m MODEL --image cat.png -p Hi", "text models"},
         {"run -m MODEL --lora FILE -p Hi", "no adapters"},
         {"run -m MODEL -md FILE -p Hi", "speculative"},
         {"run -m MODEL --mirostat 2 -p Hi", "This sampler is not here"},
         {"run -m MODEL --samplers top_k -p Hi", "order is fixed"},
         {"run -m MODEL --keep 4 -p Hi", "-c N"},
         {"run -m MODEL -np 4 -p Hi", "minerva bench -np N"},
         {"run -m MODEL -n -2 -p Hi", "-1 for no limit"},
         {"server -m MODEL --port 8080", "no server"},
         {"run -m MODEL --port 8080", "no server"},
         {"run -m MODEL --embedding -p Hi", "no embeddings"},
         {"bench -m MODEL -o json", "--json"},
         {"bench -m MODEL -pg 512,128", "'-pg' is an option of"},
         {"chat -m MODEL -p Hi", "an option of run, tokenize and bench"},
         {"-m MODEL -p Hi", "minerva run -m"},
         {"quantize in.gguf out.gguf Q4_K_M", "--type q8_0"}},
        "llama");
}

TEST_F(Habits, Ollama) {
  check({{"run MODEL Hi -n 1", ""},
         {"run MODEL Hi --verbose -n 1", ""},
         {"show MODEL", ""},
         {"run llama3.2 Hi", "`ollama show llama3.2 --modelfile`"},
         {"run llama3.2:1b", "`ollama show llama3.2:1b --modelfile`"},
         {"run hf.co/org/name:Q4_K_M", "hf download org/name --include \"*Q4_K_M*\" --local-dir name"},
         {"pull llama3.2", "hf download"},
         {"list", "by its path"},
         {"ls", "by its path"},
         {"ps", "by its path"},
         {"rm llama3.2", "by its path"},
         {"create mine -f Modelfile", "by its path"},
         {"serve", "no server"},
         {"run MODEL Hi --format json", "Use --json-object"},
         {"run MODEL Hi --keepalive 5m", "'--keepalive' is an option of Ollama"},
         {"run MODEL Hi --nowordwrap", "Leave it out"},
         {"run MODEL Hi --think=false", "'--think' is an option of Ollama"},
         {"run MODEL Hi --hidethinking", "enable_thinking"},
         {"show MODEL --modelfile", "--json"},
         {"run MODEL Hi --num-ctx 512", "Use -c N"}},
        "Ollama");
}

TEST_F(Habits, MlxLmAndTransformers) {
  check({{"run --model MODEL --prompt Hi --max-tokens 1 --temp 0.7 --top-p 0.9 --seed 1", ""},
         {"run --model MODEL --prompt Hi --max_tokens 1", "Did you mean --max-tokens?"},
         {"run --model MODEL --prompt Hi --system-prompt Brief. --max-tokens 1", ""},
         {"generate --model MODEL --prompt Hi", "minerva run MODEL -p TEXT"},
         {"run --model mlx-community/SmolLM-135M-4bit --prompt Hi",
          "hf download mlx-community/SmolLM-135M-4bit --local-dir SmolLM-135M-4bit"},
         {"run --model MODEL --prompt Hi --ignore-chat-template", "Use --raw"},
         {"run --model MODEL --prompt Hi --max-kv-size 512", "Use -c N"},
         {"run --model MODEL --prompt Hi --kv-bits 8", "'--kv-bits' is an option of mlx-lm"},
         {"run --model MODEL --prompt Hi --adapter-path a", "no adapters"},
         {"run --model MODEL --prompt Hi --draft-model d", "speculative"},
         {"run --model MODEL --prompt Hi --extra-eos-token x", "Use --stop TEXT"},
         {"run --model MODEL --prompt Hi --xtc-probability 0.1", "This sampler is not here"},
         {"run --model MODEL --prompt Hi --trust-remote-code", "no code"},
         {"chat --model MODEL --prompt-cache-file f", "/save FILE"},
         {"convert --hf-path DIR --mlx-path OUT -q", "minerva convert DIR -o OUT.gguf"},
         {"convert DIR --outfile x.gguf --outtype q4_k_m", "q8_0"},
         {"run MODEL Hi --max-new-tokens 8", "Use -n N"},
         {"run MODEL Hi --dtype bfloat16", "--numeric exact"},
         {"run MODEL Hi --device cuda", "CPU"},
         {"run https://huggingface.co/org/name Hi", "hf download org/name"}},
        "");
}

}  // namespace
}  // namespace minerva::testing
