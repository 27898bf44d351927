// Reads the project's own files, for the tests that keep its rules.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace minerva::testing {

/// A file of the project.
struct ProjectFile {
  std::string path;  ///< relative to the project's root, with forward slashes
  std::string text;
};

/// The files below `folders` (relative to the root; "" stands for the root's own files, not its folders),
/// ordered by path. Only those whose name ends in one of `endings`; no ending: all.
std::vector<ProjectFile> project_files(const std::vector<std::string>& folders,
                                       const std::vector<std::string>& endings = {});

/// One `#include`.
struct Include {
  std::string name;  ///< what stands between the quotes or angle brackets
  bool angled = false;
  std::size_t line = 0;  ///< from 1
};
std::vector<Include> includes_of(std::string_view source);

/// `source` with the content of comments, string and character literals blanked; lines stay where they are.
std::string without_comments_and_strings(std::string_view source);

/// Whether `c` may stand in a name.
bool is_word(char c);

/// The number of the line that `offset` is in, from 1.
std::size_t line_of(std::string_view source, std::size_t offset);

}  // namespace minerva::testing
