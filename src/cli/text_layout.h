// Where text stands on a terminal.
#pragma once

#include <string_view>

namespace minerva::cli {

/// The C library turns bytes into characters, and says how wide they are, by the locale: a bare environment
/// must not lose accents.
void use_utf8_locale();

/// Columns of a character: 0 for what joins the one before, 2 for East Asian ones and emoji. Control
/// characters take none.
int width_of(wchar_t character);

struct ScreenPosition {
  int row = 0;
  int column = 0;
};

/// Where a cursor is after `text` on a terminal of `columns`, from the beginning of a row: "\n" and full rows
/// go on in the next one. A row that is just full is gone on from, as line editors leave it.
ScreenPosition position_after(std::wstring_view text, int columns);

}  // namespace minerva::cli
