#include "text/jinja/call_arguments.h"

#include <fmt/format.h>

#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {

Parameters::Parameters(std::string_view function, const Arguments& arguments,
                       std::initializer_list<std::string_view> names, std::size_t required) {
  const std::size_t given = arguments.positional.size();
  if (given > names.size()) {
    raise_type_error(fmt::format("{}() takes {} {} argument{} ({} given)", function,
                                 required == names.size() ? "exactly" : "at most", names.size(),
                                 names.size() == 1 ? "" : "s", given));
  }
  for (std::size_t i = 0; i < given; ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    std::size_t index = 0;
    while (index < names.size() && names.begin()[index] != name) ++index;
    if (index == names.size())
      raise_type_error(
          fmt::format("{}() got an unexpected keyword argument {}", function, repr_of_text(name)));
    if (values_[index] != nullptr)
      raise_type_error(fmt::format("{}() got multiple values for argument {}", function, repr_of_text(name)));
    values_[index] = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (values_[i] != nullptr) continue;
    std::string_view name = names.begin()[i];
    if (name.starts_with('/')) name.remove_prefix(1);
    raise_type_error(fmt::format("{}() missing 1 required positional argument: '{}'", function, name));
  }
}

std::int64_t Parameters::integer(std::size_t index, std::int64_t otherwise) const {
  return has(index) ? integer_argument(*values_[index]) : otherwise;
}

bool Parameters::flag(std::size_t index, bool otherwise) const {
  return has(index) ? truth(*values_[index]) : otherwise;
}

}  // namespace minerva::jinja
