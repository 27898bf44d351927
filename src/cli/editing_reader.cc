#include <fcntl.h>
#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "base/terminal.h"
#include "cli/key_decoder.h"
#include "cli/line_reader.h"
#include "cli/terminal_modes.h"
#include "cli/text_layout.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kHistoryLines = 1000;

// Keys as libedit is told of them: control characters that nobody types, in the order of EditKey, then what
// was pasted. They are bound in whatever editor ~/.editrc chose.
constexpr wchar_t kFirstPrivate = 0x80;
constexpr std::array<const char*, kEditKeys> kFunctions = {
    "",
    "ed-prev-history",
    "ed-next-history",
    "ed-prev-char",
    "ed-next-char",
    "ed-move-to-beg",
    "ed-move-to-end",
    "ed-delete-next-char",
    "ed-prev-word",
    "em-next-word",
    "ed-delete-prev-word",
    "em-delete-next-word",
    "insert-newline",
};
constexpr wchar_t kPastePrivate = kFirstPrivate + static_cast<wchar_t>(kFunctions.size());

// The rest of a key's sequence is waited for so long, and that of a paste, which may come from far away.
constexpr int kSequenceMilliseconds = 500;
constexpr int kPasteMilliseconds = 5000;

// "\033" for each byte, as libedit's bind reads keys.
std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("\\{:03o}", static_cast<unsigned char>(byte));
  return out;
}

std::wstring wide(std::string_view text) {
  std::wstring out;
  std::mbstate_t state{};
  while (!text.empty()) {
    wchar_t c = 0;
    const std::size_t used = std::mbrtowc(&c, text.data(), text.size(), &state);
    const bool is_character = used != 0 && used <= text.size();
    out += is_character ? c : L'\uFFFD';
    if (!is_character) state = {};
    text.remove_prefix(is_character ? used : 1);
  }
  return out;
}

class EditingReader : public LineReader {
 public:
  EditingReader(fs::path history_file, int output_fd);
  ~EditingReader() override;
  EditingReader(const EditingReader&) = delete;
  EditingReader& operator=(const EditingReader&) = delete;

  Result<InputLine> read(std::string_view prompt) override;
  void remember(const std::string& line) override;

 private:
  static EditingReader& of(EditLine* line);
  static int next_character(EditLine* line, wchar_t* out);
  static char* prompt_of(EditLine* line);
  static unsigned char insert_pasted(EditLine* line, wint_t key);
  static unsigned char insert_newline(EditLine* line, wint_t key);
  enum class Got : unsigned char { Byte, TimeOut, Changed, Interrupt, End };
  Got next_byte(char& byte);
  void give_up_waiting();
  void take(const KeyEvent& event);
  void take_byte(char byte);
  void take_sequence(const std::string& sequence);
  bool is_bound(const std::string& sequence);
  bool is_vi();
  void bind_private_keys();
  void redraw(TerminalModes::Change change);
  int cursor_row();
  InputLine dropped_line();
  void load_history();

  fs::path history_file_;
  FILE* output_ = nullptr;
  EditLine* line_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  // One for all lines: a Ctrl-C that comes between them, from fast fingers, counts for the next.
  InterruptScope interrupt_{std::numeric_limits<int>::max()};
  bool interrupted_ = false;
  bool modes_kept_ = false;
  KeyDecoder decoder_{kTextBytesMax};
  std::mbstate_t character_{};
  std::wstring ready_;  // for libedit to read
  std::wstring pasted_;
  bool too_long_ = false;
  std::array<char, 4096> bytes_{};  // read from the terminal and not yet decoded
  std::size_t bytes_begin_ = 0;
  std::size_t bytes_end_ = 0;
};

EditingReader::EditingReader(fs::path history_file, int output_fd) : history_file_(std::move(history_file)) {
  use_utf8_locale();
  output_ = fdopen(fcntl(output_fd, F_DUPFD_CLOEXEC, 3), "w");
  line_ = el_init("minerva", stdin, output_, output_);
  history_ = history_init();
  HistEvent event;
  history(history_, &event, H_SETSIZE, kHistoryLines);
  history(history_, &event, H_SETUNIQUE, 1);
  el_set(line_, EL_CLIENTDATA, this);
  el_set(line_, EL_PROMPT, &EditingReader::prompt_of);
  el_set(line_, EL_EDITOR, "emacs");
  el_set(line_, EL_HIST, history, history_);
  el_set(line_, EL_GETCFN, &EditingReader::next_character);
  el_set(line_, EL_ADDFN, "complete-file", "complete a file name", _el_fn_complete);
  el_set(line_, EL_ADDFN, "insert-pasted", "insert what was pasted", &EditingReader::insert_pasted);
  el_set(line_, EL_ADDFN, "insert-newline", "begin a new line of the message",
         &EditingReader::insert_newline);
  el_set(line_, EL_BIND, "^I", "complete-file", nullptr);
  el_set(line_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // Alt-x asks for a command of the editor, and takes the message for it.
  for (const char* const key : {"\\ex", "\\eX"}) el_set(line_, EL_BIND, "-r", key, nullptr);
  // Between two lines the terminal stays as TerminalModes has set it.
  el_set(line_, EL_SETTY, "-x", "-icanon", "-echo", "-echoe", "-echoctl", nullptr);
  // Within one, a paste's line ends come as they are, from the first byte on.
  for (const char* const mode : {"-d", "-q", "-x"}) el_set(line_, EL_SETTY, mode, "-icrnl", nullptr);
  el_source(line_, nullptr);
  bind_private_keys();
  load_history();
}

EditingReader::~EditingReader() {
  el_end(line_);
  history_end(history_);
  if (output_ != nullptr) std::fclose(output_);
}

void EditingReader::bind_private_keys() {
  const auto bind = [&](wchar_t key, const char* function) {
    const std::string name = escaped(std::string(1, static_cast<char>(key)));
    el_set(line_, EL_BIND, name.c_str(), function, nullptr);
    if (is_vi()) el_set(line_, EL_BIND, "-a", name.c_str(), function, nullptr);
  };
  for (std::size_t i = 1; i < kFunctions.size(); ++i)
    bind(kFirstPrivate + static_cast<wchar_t>(i), kFunctions.at(i));
  bind(kPastePrivate, "insert-pasted");
}

EditingReader& EditingReader::of(EditLine* line) {
  EditingReader* self = nullptr;
  el_get(line, EL_CLIENTDATA, &self);
  return *self;
}

char* EditingReader::prompt_of(EditLine* line) {
  return of(line).prompt_.data();
}

unsigned char EditingReader::insert_pasted(EditLine* line, wint_t) {
  const std::wstring text = std::exchange(of(line).pasted_, {});
  if (text.empty()) return CC_NORM;
  return el_winsertstr(line, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

unsigned char EditingReader::insert_newline(EditLine* line, wint_t) {
  return el_winsertstr(line, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
}

bool EditingReader::is_vi() {
  const char* editor = nullptr;
  return el_get(line_, EL_EDITOR, &editor) == 0 && editor != nullptr && std::string_view(editor) == "vi";
}

// Whether libedit, by itself or by ~/.editrc, does something for the key: it is asked to show the binding.
bool EditingReader::is_bound(const std::string& sequence) {
  char* shown = nullptr;
  std::size_t size = 0;
  FILE* const out = open_memstream(&shown, &size);
  FILE* const err = std::fopen("/dev/null", "we");
  bool bound = false;
  if (out != nullptr && err != nullptr) {
    el_set(line_, EL_SETFP, 1, out);
    el_set(line_, EL_SETFP, 2, err);
    el_set(line_, EL_BIND, escaped(sequence).c_str(), nullptr);
    el_set(line_, EL_SETFP, 1, output_);
    el_set(line_, EL_SETFP, 2, output_);
    std::fflush(out);
    bound = size > 0;
  }
  if (out != nullptr) std::fclose(out);
  if (err != nullptr) std::fclose(err);
  std::free(shown);
  return bound;
}

// Waits for a key, Ctrl-C or a change of the terminal, whichever comes first: a signal that reaches another
// thread would not wake libedit's own read.
EditingReader::Got EditingReader::next_byte(char& byte) {
  while (bytes_begin_ == bytes_end_) {
    std::array<pollfd, 3> waits{
        {{STDIN_FILENO, POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}, {TerminalModes::changed_fd(), POLLIN, 0}}};
    const int patience = decoder_.in_paste() ? kPasteMilliseconds : kSequenceMilliseconds;
    const bool waits_for_rest = decoder_.in_paste() || decoder_.waits();
    const int ready = poll(waits.data(), waits.size(), waits_for_rest ? patience : -1);
    if (ready < 0 && errno != EINTR) return Got::End;
    if (ready < 0) continue;
    if (ready == 0) return Got::TimeOut;
    if ((waits[1].revents & POLLIN) != 0) return Got::Interrupt;
    if ((waits[2].revents & POLLIN) != 0) return Got::Changed;
    if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t got = ::read(STDIN_FILENO, bytes_.data(), bytes_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Got::End;
    bytes_begin_ = 0;
    bytes_end_ = static_cast<std::size_t>(got);
  }
  byte = bytes_.at(bytes_begin_++);
  return Got::Byte;
}

int EditingReader::next_character(EditLine* line, wchar_t* out) {
  EditingReader& self = of(line);
  if (!std::exchange(self.modes_kept_, true)) TerminalModes::keep_current();
  while (self.ready_.empty()) {
    char byte = 0;
    switch (self.next_byte(byte)) {
      case Got::Byte:
        if (const auto event = self.decoder_.push(byte)) self.take(*event);
        break;
      case Got::TimeOut:
        self.give_up_waiting();
        break;
      case Got::Changed:
        self.redraw(TerminalModes::take_change());
        break;
      case Got::Interrupt:
        self.interrupted_ = true;
        return -1;
      case Got::End:
        return 0;
    }
  }
  *out = self.ready_.front();
  self.ready_.erase(0, 1);
  return 1;
}

// The Escape key, alone; or a paste that was none.
void EditingReader::give_up_waiting() {
  if (!decoder_.in_paste()) {
    take(decoder_.time_out());
    return;
  }
  for (const char byte : decoder_.abandon_paste()) {
    if (const auto event = decoder_.push(byte)) take(*event);
  }
}

void EditingReader::take(const KeyEvent& event) {
  if (event.kind == KeyEvent::Kind::Text) take_byte(event.text.front());
  if (event.kind == KeyEvent::Kind::Sequence) take_sequence(event.text);
  if (event.kind == KeyEvent::Kind::Paste) {
    too_long_ = too_long_ || decoder_.truncated();
    pasted_ += wide(event.text);
    ready_ += kPastePrivate;
  }
}

void EditingReader::take_byte(char byte) {
  wchar_t character = 0;
  const std::size_t used = std::mbrtowc(&character, &byte, 1, &character_);
  if (used == static_cast<std::size_t>(-2)) return;  // the character goes on
  if (used == static_cast<std::size_t>(-1)) {
    character_ = {};
    character = L'\uFFFD';
  }
  if (character < 0x80 || character > 0x9F) ready_ += character;  // those stand for keys
}

// A key that does nothing is left out whole. In vi's way of editing an escape ends the insertion, so that
// none is given on as part of a key.
void EditingReader::take_sequence(const std::string& sequence) {
  const EditKey key = edit_key(sequence);
  if (sequence.size() == 1) {  // Escape alone
    if (is_vi()) ready_ += L'\x1b';
  } else if (!is_vi() && is_bound(sequence)) {
    ready_ += std::wstring(sequence.begin(), sequence.end());
  } else if (key != EditKey::None) {
    ready_ += kFirstPrivate + static_cast<wchar_t>(key);
  }
}

// How many rows under the prompt's the cursor stands, at the present width.
int EditingReader::cursor_row() {
  const LineInfoW* const info = el_wline(line_);
  std::wstring before = wide(prompt_);
  if (info != nullptr) before.append(info->buffer, info->cursor);
  return position_after(before, terminal_width(fileno(output_))).row;
}

// After a resize terminals have wrapped the line anew, and the cursor is still at its character. After a stop
// the shell has written below it.
void EditingReader::redraw(TerminalModes::Change change) {
  if (change == TerminalModes::Change::None) return;
  if (change == TerminalModes::Change::Resized && terminal_has_sequences()) {
    const int row = cursor_row();
    if (row > 0) fmt::print(output_, "\x1b[{}A", row);
    fmt::print(output_, "\r\x1b[J");
  } else {
    fmt::print(output_, "\r");
  }
  el_resize(line_);
  el_set(line_, EL_REFRESH);
  std::fflush(output_);
}

InputLine EditingReader::dropped_line() {
  interrupt_.clear();
  const LineInfo* const info = el_line(line_);
  const bool dropped = info != nullptr && info->lastchar > info->buffer;
  el_reset(line_);
  ready_.clear();
  pasted_.clear();
  decoder_.reset();
  std::fputs("\n", output_);
  std::fflush(output_);
  return InputLine{.kind = InputLine::Kind::Interrupted, .text = {}, .dropped_text = dropped};
}

Result<InputLine> EditingReader::read(std::string_view prompt) {
  prompt_ = prompt;
  interrupted_ = false;
  modes_kept_ = false;
  too_long_ = false;
  TerminalModes::take_change();  // libedit looks at the size by itself
  int length = 0;
  const char* const text = el_gets(line_, &length);
  TerminalModes::keep_current();
  if (interrupted_) return dropped_line();
  if (text == nullptr || length <= 0) {
    std::fputs("\n", output_);
    std::fflush(output_);
    return InputLine{};
  }
  std::string line(text, static_cast<std::size_t>(length));
  if (too_long_) {
    return invalid_request(fmt::format("what was pasted has more than {} MB", kTextBytesMax >> 20U),
                           "Put it into a file, in parts, and take that in with /read FILE.");
  }
  line.resize(line.find_last_not_of('\n') + 1);
  return InputLine{.kind = InputLine::Kind::Line, .text = std::move(line), .dropped_text = false};
}

// The file is made first, so that libedit, which creates files for everybody to read, finds one that is not.
void EditingReader::load_history() {
  if (history_file_.empty()) return;
  std::error_code failed;
  fs::create_directories(history_file_.parent_path(), failed);
  const int fd = ::open(history_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {  // no place for it: this session goes without
    history_file_.clear();
    return;
  }
  fchmod(fd, 0600);
  ::close(fd);
  HistEvent event;
  history(history_, &event, H_LOAD, history_file_.c_str());
}

void EditingReader::remember(const std::string& line) {
  HistEvent event;
  history(history_, &event, H_ENTER, line.c_str());
  if (!history_file_.empty()) history(history_, &event, H_SAVE, history_file_.c_str());
}

}  // namespace

std::unique_ptr<LineReader> make_editing_reader(const fs::path& history_file, int output_fd) {
  return std::make_unique<EditingReader>(history_file, output_fd);
}

fs::path history_path() {
  if (const char* const state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return fs::path(state) / "minerva/history";
  }
  const char* const home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return fs::path(home) / ".local/state/minerva/history";
}

}  // namespace minerva::cli
