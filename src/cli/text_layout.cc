#include "cli/text_layout.h"

#include <langinfo.h>

#include <algorithm>
#include <clocale>
#include <cwchar>

namespace minerva::cli {
namespace {

constexpr int kTabColumns = 8;

}  // namespace

void use_utf8_locale() {
  if (std::setlocale(LC_CTYPE, "") != nullptr && std::string_view(nl_langinfo(CODESET)) == "UTF-8") return;
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

int width_of(wchar_t character) {
  return std::max(wcwidth(character), 0);
}

ScreenPosition position_after(std::wstring_view text, int columns) {
  ScreenPosition at;
  for (const wchar_t c : text) {
    if (c == L'\n') {
      ++at.row;
      at.column = 0;
      continue;
    }
    const int width = c == L'\t' ? kTabColumns - at.column % kTabColumns : width_of(c);
    if (at.column + width > columns) {
      ++at.row;
      at.column = 0;
    }
    at.column += width;
    if (at.column >= columns) {
      ++at.row;
      at.column = 0;
    }
  }
  return at;
}

}  // namespace minerva::cli
