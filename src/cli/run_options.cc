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
  arguments.text("--messages", "FILE", "the conversation as a JSON list of messages", Listed::InFull,
                 options.messages);
  declare_template(arguments, options.chat_template);
  declare_generation(arguments, options.generation);
  arguments.text("--prefill-response", "TEXT", "how the answer begins: the model goes on after it",
                 Listed::InFull, options.prefill);
  declare_sampling(arguments, options.generation.sampling);
  declare_engine(arguments, options.engine);
  declare_common(arguments, common);
}

Result<void> check_run(RunOptions& options, const CommonFlags& common) {
  MINERVA_TRY(settle_positionals(options.model, options.text));
  if (options.prompt_ids && options.text.given()) {
    return invalid_request("--prompt-ids and a text are both given", "Give one of them.");
  }
  if (options.generation.system && (options.raw || options.prompt_ids)) {
    return invalid_request("--system needs the chat template, which --raw and --prompt-ids do without",
                           "Leave out --system, or write it into the text yourself.");
  }
  if (options.messages && (options.prompt_ids || options.text.given() || options.generation.system)) {
    return invalid_request("--messages holds the whole conversation, but another text is given too",
                           "Write the system prompt and the text into the messages.");
  }
  const bool for_template = options.messages || options.prefill || options.chat_template.given();
  if (for_template && (options.raw || options.prompt_ids)) {
    return invalid_request(
        "--messages, --tools, --documents, --chat-template-kwargs and --prefill-response need the chat "
        "template, which --raw and --prompt-ids do without",
        "Leave them out, or write what they say into the text yourself.");
  }
  return check_generation(options.generation, common);
}

}  // namespace minerva::cli
