#include "cli/run_options.h"

#include "cli/numbers.h"

namespace minerva::cli {

void declare_run(Arguments& arguments, RunOptions& options, CommonFlags& common) {
  arguments.group("Input");
  declare_model(arguments, options.model);
  arguments.positional("PROMPT", options.text.positional);
  declare_text(arguments, options.text);
  arguments.toggle("--raw", "give the text as it is: no chat template", Listed::InShort, options.raw);
  arguments.value("--prompt-ids", "IDS", "token ids instead of a text: 1,2,3", Listed::InFull,
                  [&options](std::string_view name, const std::string& value) -> Result<void> {
                    MINERVA_ASSIGN(options.prompt_ids, parse_token_ids(name, value));
                    return {};
                  });
  declare_generation(arguments, options.generation);
  declare_sampling(arguments, options.generation.sampling);
  declare_engine(arguments, options.engine);
  declare_common(arguments, common);
}

Result<void> check_run(const RunOptions& options, const CommonFlags& common) {
  if (options.prompt_ids && options.text.given()) {
    return invalid_request("--prompt-ids and a text are both given", "Give one of them.");
  }
  if (options.generation.system && (options.raw || options.prompt_ids)) {
    return invalid_request("--system needs the chat template, which --raw and --prompt-ids do without",
                           "Leave out --system, or write it into the text yourself.");
  }
  return check_generation(options.generation, common);
}

}  // namespace minerva::cli
