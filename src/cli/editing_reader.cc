#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <optional>
#include <system_error>

#include "base/terminal.h"
#include "cli/line_reader.h"

namespace minerva::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kHistoryLines = 1000;

// libedit turns bytes into characters by the locale; a bare environment must not lose accents.
void use_utf8_locale() {
  if (std::setlocale(LC_CTYPE, "") != nullptr && std::string_view(nl_langinfo(CODESET)) == "UTF-8") return;
  std::setlocale(LC_CTYPE, "C.UTF-8");
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
  static int next_character(EditLine* line, wchar_t* out);
  static char* prompt_of(EditLine* line);
  void load_history();

  fs::path history_file_;
  FILE* output_ = nullptr;
  EditLine* line_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  // One for all lines: a Ctrl-C that comes between them, from fast fingers, counts for the next.
  InterruptScope interrupt_{1000};
  bool interrupted_ = false;
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
  el_set(line_, EL_BIND, "^I", "complete-file", nullptr);
  el_set(line_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(line_, nullptr);
  load_history();
}

EditingReader::~EditingReader() {
  el_end(line_);
  history_end(history_);
  if (output_ != nullptr) std::fclose(output_);
}

char* EditingReader::prompt_of(EditLine* line) {
  EditingReader* self = nullptr;
  el_get(line, EL_CLIENTDATA, &self);
  return self->prompt_.data();
}

// Waits for a key or Ctrl-C, whichever comes first: a signal that reaches another thread would not wake
// libedit's own read.
int EditingReader::next_character(EditLine* line, wchar_t* out) {
  EditingReader* self = nullptr;
  el_get(line, EL_CLIENTDATA, &self);
  std::mbstate_t state{};
  for (;;) {
    std::array<pollfd, 2> waits{{{STDIN_FILENO, POLLIN, 0}, {self->interrupt_.fd(), POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return -1;
    if ((waits[1].revents & POLLIN) != 0) {
      self->interrupted_ = true;
      return -1;
    }
    if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return static_cast<int>(got);
    const std::size_t used = std::mbrtowc(out, &byte, 1, &state);
    if (used == static_cast<std::size_t>(-2)) continue;  // the character goes on
    if (used == static_cast<std::size_t>(-1)) {
      state = {};
      *out = L'\uFFFD';
    }
    return 1;
  }
}

Result<InputLine> EditingReader::read(std::string_view prompt) {
  prompt_ = prompt;
  interrupted_ = false;
  int length = 0;
  const char* const text = el_gets(line_, &length);
  if (interrupted_) {
    interrupt_.clear();
    const LineInfo* const info = el_line(line_);
    const bool dropped = info != nullptr && info->lastchar > info->buffer;
    el_reset(line_);
    std::fputs("\n", output_);
    std::fflush(output_);
    return InputLine{.kind = InputLine::Kind::Interrupted, .text = {}, .dropped_text = dropped};
  }
  if (text == nullptr || length <= 0) {
    std::fputs("\n", output_);
    std::fflush(output_);
    return InputLine{};
  }
  std::string line(text, static_cast<std::size_t>(length));
  if (line.ends_with('\n')) line.pop_back();
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
