#include "cli/chat_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/human.h"
#include "cli/numbers.h"
#include "cli/sampling_keys.h"
#include "cli/suggest.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

constexpr const char* kGoOn =
    "Forget the oldest exchange with /drop or the whole conversation with /clear, or start the chat with a "
    "larger context: -c N.";

// An answer that is not limited is to find so much of the context free: forgetting often costs reading the
// rest of the conversation anew.
constexpr std::uint32_t kFreeShare = 4;

Error with_chat_remedy(Error error) {
  if (error.code == ErrorCode::ContextOverflow) error.remedy = kGoOn;
  return error;
}

// "~/notes.txt" and "'my notes.txt'" as a shell would take them.
std::filesystem::path file_name(std::string text) {
  if (text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  const char* const home = std::getenv("HOME");
  if (text.starts_with("~/") && home != nullptr) text = home + text.substr(1);
  return text;
}

std::string limit_text(const std::optional<std::uint32_t>& tokens) {
  if (!tokens) return "default";
  return *tokens == kUnlimitedTokens ? "no limit" : fmt::format("{}", *tokens);
}

}  // namespace

ChatSession::ChatSession(ChatModel& model, GenerationFlags flags) : model_(model), flags_(std::move(flags)) {
  conversation_.system = flags_.system;
}

Result<Turn> ChatSession::ask(std::string question, const AnswerListener& listener,
                              const std::stop_token& stop) {
  if (!attached_.empty()) question = attached_ + "\n\n" + question;
  auto turn = model_.answer(conversation_.with_question(question), flags_, listener, stop);
  if (!turn) return std::unexpected(with_chat_remedy(std::move(turn).error()));
  last_ = turn->generation;
  const bool was_stopped =
      turn->generation.finish_reason == FinishReason::Cancelled && turn->generation.text.empty();
  if (was_stopped) return turn;
  conversation_.add_exchange(std::move(question), turn->generation.text);
  attached_.clear();
  regenerations_ = 0;
  return turn;
}

Result<Turn> ChatSession::regenerate(const AnswerListener& listener, const std::stop_token& stop) {
  Conversation before = conversation_;
  auto question = before.take_last_question();
  if (!question) return invalid_request("there is no question to answer anew", "Ask something first.");
  GenerationFlags flags = flags_;
  if (flags.sampling.seed) *flags.sampling.seed += regenerations_ + 1;  // the same seed would say the same
  auto turn = model_.answer(before.with_question(*question), flags, listener, stop);
  if (!turn) return std::unexpected(with_chat_remedy(std::move(turn).error()));
  last_ = turn->generation;
  if (turn->generation.finish_reason == FinishReason::Cancelled && turn->generation.text.empty()) return turn;
  ++regenerations_;
  conversation_ = std::move(before);
  conversation_.add_exchange(std::move(*question), turn->generation.text);
  return turn;
}

std::size_t ChatSession::exchanges_too_many(const std::optional<std::string>& question) const {
  Conversation rest = conversation_;
  std::optional<std::string> asked = question;
  if (!asked) asked = rest.take_last_question();
  if (!asked) return 0;
  if (question && !attached_.empty()) asked = attached_ + "\n\n" + *asked;
  const std::uint64_t context = model_.context_tokens();
  const std::uint32_t limit = flags_.max_tokens.value_or(kUnlimitedTokens);
  const auto fits = [&](std::size_t dropped, std::uint64_t room) {
    Conversation shorter = rest;
    shorter.forget_oldest(dropped);
    const auto tokens = model_.prompt_tokens(shorter.with_question(*asked));
    return tokens && *tokens + room <= context;
  };
  const std::size_t all = rest.exchanges();
  const std::uint64_t least = limit == kUnlimitedTokens ? 1 : limit;
  const std::uint64_t room =
      limit == kUnlimitedTokens ? std::max<std::uint64_t>(context / kFreeShare, 1) : limit;
  if (!fits(all, least)) return 0;
  if (!fits(all, room)) return all;
  std::size_t too_few = 0;
  std::size_t enough = all;
  while (enough - too_few > 1) {
    const std::size_t middle = too_few + (enough - too_few) / 2;
    (fits(middle, room) ? enough : too_few) = middle;
  }
  return enough;
}

void ChatSession::forget_oldest(std::size_t exchanges) {
  conversation_.forget_oldest(exchanges);
}

Result<std::string> ChatSession::perform(const ChatCommand& command) {
  switch (command.action) {
    case ChatAction::Help:
      return chat_help();
    case ChatAction::Clear:
      return clear();
    case ChatAction::Drop:
      return drop();
    case ChatAction::Undo:
      return undo();
    case ChatAction::Read:
      return attach(command.argument);
    case ChatAction::Set:
      return command.argument.empty() ? settings() : set(command.argument);
    case ChatAction::Save:
      MINERVA_TRY(save_conversation(conversation_, file_name(command.argument)));
      return fmt::format("saved {} messages in '{}'\n", conversation_.messages.size(), command.argument);
    case ChatAction::Load:
      return load(command.argument);
    case ChatAction::Stats:
      return stats();
    case ChatAction::Exit:
    case ChatAction::Regenerate:
      break;
  }
  return std::string{};
}

Result<std::string> ChatSession::clear() {
  conversation_.messages.clear();
  attached_.clear();
  last_.reset();
  return std::string("the conversation is forgotten\n");
}

Result<std::string> ChatSession::drop() {
  if (conversation_.exchanges() == 0)
    return invalid_request("there is nothing to forget", "Ask something first.");
  conversation_.forget_oldest(1);
  return fmt::format("forgot the oldest question and its answer; {} more are kept\n",
                     conversation_.exchanges());
}

Result<std::string> ChatSession::undo() {
  if (!attached_.empty()) {
    attached_.clear();
    return std::string("took back the file that was to go with the next message\n");
  }
  const auto question = conversation_.take_last_question();
  if (!question) return invalid_request("there is nothing to take back", "Ask something first.");
  constexpr std::size_t kShownBytes = 60;
  std::string shown = *question;
  if (shown.size() > kShownBytes) {
    std::size_t cut = kShownBytes;
    while ((static_cast<unsigned char>(shown[cut]) & 0xC0U) == 0x80U) --cut;  // not within a character
    shown = shown.substr(0, cut) + " ...";
  }
  return fmt::format("took back: {}\n", visible(shown));
}

Result<std::string> ChatSession::attach(const std::string& file) {
  MINERVA_ASSIGN(std::string text, read_text_file(file_name(file)));
  if (text.empty())
    return invalid_request(fmt::format("the file '{}' is empty", printable(file)), "Choose another file.");
  const std::size_t bytes = text.size();
  attached_ += (attached_.empty() ? "" : "\n\n") + without_last_newline(std::move(text));
  return fmt::format("read {} bytes from '{}'; they go before your next message (/undo drops them)\n",
                     with_commas(bytes), printable(file));
}

Result<std::string> ChatSession::set(const std::string& text) {
  const auto space = std::min(text.find_first_of(" \t"), text.size());
  const std::string key = text.substr(0, space);
  const auto value_at = std::min(text.find_first_not_of(" \t", space), text.size());
  const std::string value = text.substr(value_at);
  if (key == "system") {
    conversation_.system = value.empty() ? std::nullopt : std::optional(value);
    return std::string(value.empty() ? "no system prompt from here on\n" : "the system prompt is changed\n");
  }
  if (key == "max_tokens" || key == "max-tokens" || key == "n") {
    if (value == "default") {
      flags_.max_tokens.reset();
    } else {
      MINERVA_ASSIGN(flags_.max_tokens, parse_limit(key, value));
    }
    return fmt::format("max_tokens = {}\n", limit_text(flags_.max_tokens));
  }
  const SamplingKey* const known = find_sampling_key(key);
  if (known == nullptr) {
    std::vector<std::string> names{"system", "max_tokens"};
    for (const SamplingKey& each : sampling_keys()) names.push_back(each.name());
    const auto meant = suggest(key, names);
    return invalid_request(
        fmt::format("there is no setting '{}'", printable(key)),
        meant ? fmt::format("Did you mean {}? /set alone lists them.", *meant) : "/set alone lists them.");
  }
  SamplingOptions changed = flags_.sampling;
  if (value == "default") {
    known->reset(changed);
  } else {
    MINERVA_TRY(known->set(changed, known->name(), value));
  }
  MINERVA_TRY(model_.check(changed));
  flags_.sampling = changed;
  return fmt::format("{} = {}\n", known->name(), known->show(changed));
}

Result<std::string> ChatSession::load(const std::string& file) {
  MINERVA_ASSIGN(conversation_, load_conversation(file_name(file)));
  attached_.clear();
  last_.reset();
  return fmt::format("loaded {} messages from '{}'\n", conversation_.messages.size(), printable(file));
}

std::string ChatSession::settings() const {
  std::string out;
  for (const SamplingKey& key : sampling_keys()) {
    out += fmt::format("  {:<19} {}\n", key.name(), key.show(flags_.sampling));
  }
  out += fmt::format("  {:<19} {}\n", "max_tokens", limit_text(flags_.max_tokens));
  return out + fmt::format("  {:<19} {}\n", "system",
                           conversation_.system ? visible(*conversation_.system) : "none");
}

std::string ChatSession::stats() const {
  if (!last_) return "nothing was answered yet\n";
  const Timings& t = last_->timings;
  const std::size_t used = last_->prompt_tokens.size() + last_->tokens.size();
  return fmt::format(
      "  context    {} of {} tokens\n  prompt     {} tokens: {} from the cache, {} computed at {:.0f}/s\n"
      "  answer     {} tokens at {:.1f}/s, the first after {:.2f} s\n",
      with_commas(used), with_commas(model_.context_tokens()), last_->prompt_tokens.size(), t.cached_tokens,
      t.prefill_tokens, t.prefill_tps, last_->tokens.size(), t.decode_tps, t.ttft_ms / 1e3);
}

}  // namespace minerva::cli
