#include "text/chat_template/source_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace minerva {
namespace {

using jinja::token;
using minerva_jinja::limit;

constexpr std::size_t kNameBytesMax = 256;
constexpr std::array<std::string_view, 7> kOperatorNames = {"and", "or", "not", "in", "is", "if", "else"};
constexpr std::array<std::string_view, 5> kBlockNames = {"if", "for", "macro", "call", "filter"};

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// One pass over the tokens that keeps an upper bound of the depth of the tree they will become. Operations
/// of one element (what stands between commas) hang on each other, so they count as a chain, to which the
/// deepest bracket within the element is added.
class DepthCheck {
 public:
  explicit DepthCheck(minerva_jinja::guard& guard) : guard_(guard) {}

  void take(const token& current) {
    const bool keyword = starts_statement_;
    starts_statement_ = false;
    switch (current.t) {
      case token::open_statement:
      case token::open_expression:
        brackets_.assign(1, {});
        starts_statement_ = current.t == token::open_statement;
        break;
      case token::close_statement:
        if (is_set_) open_block("set");
        is_set_ = false;
        break;
      case token::identifier:
        if (keyword) {
          take_keyword(current.value);
        } else if (contains(kOperatorNames, current.value)) {
          add_operation();
        }
        break;
      default:
        take_symbol(current.t);
    }
  }

 private:
  struct Bracket {
    std::size_t operations = 0;  ///< of the element it is in
    std::size_t inner = 0;       ///< depth of the deepest bracket within that element
    std::size_t deepest = 0;     ///< depth of the deepest element before that
  };
  struct Block {
    std::string_view name;
    std::size_t branches;
  };

  void take_symbol(token::type type) {
    switch (type) {
      case token::open_paren:
      case token::open_square_bracket:
      case token::open_curly_bracket:
        add_operation();
        brackets_.emplace_back();
        check_nesting();
        break;
      case token::close_paren:
      case token::close_square_bracket:
      case token::close_curly_bracket:
        close_bracket();
        break;
      case token::equals:
        if (brackets_.size() == 1) is_set_ = false;
        end_element();
        break;
      case token::comma:
      case token::colon:
        end_element();
        break;
      case token::dot:
      case token::pipe:
      case token::additive_binary_operator:
      case token::multiplicative_binary_operator:
      case token::comparison_binary_operator:
      case token::unary_operator:
        add_operation();
        break;
      default:
        break;
    }
  }

  void take_keyword(std::string_view name) {
    if (name == "set") {
      is_set_ = true;  // a block unless a '=' follows
    } else if (name == "elif") {
      // Parsed as an if within the else of the one before.
      if (!blocks_.empty()) ++blocks_.back().branches;
      ++branches_;
      check_chain(0);
    } else if (contains(kBlockNames, name)) {
      open_block(name);
    } else if (name.starts_with("end") && !blocks_.empty() && blocks_.back().name == name.substr(3)) {
      branches_ -= blocks_.back().branches;
      blocks_.pop_back();
    }
  }

  void open_block(std::string_view name) {
    blocks_.push_back({name, 0});
    check_nesting();
  }

  void add_operation() {
    ++brackets_.back().operations;
    check_chain(brackets_.back().operations + brackets_.back().inner);
  }

  void end_element() {
    Bracket& bracket = brackets_.back();
    bracket.deepest = std::max(bracket.deepest, bracket.operations + bracket.inner);
    bracket.operations = 0;
    bracket.inner = 0;
  }

  void close_bracket() {
    end_element();
    if (brackets_.size() == 1) return;  // one too many: the parser will say so
    const std::size_t depth = brackets_.back().deepest + 1;
    brackets_.pop_back();
    Bracket& outer = brackets_.back();
    outer.inner = std::max(outer.inner, depth);
    check_chain(outer.operations + outer.inner);
  }

  void check_nesting() const {
    if (brackets_.size() - 1 + blocks_.size() > guard_.max.nesting) guard_.fail(limit::nesting);
  }
  void check_chain(std::size_t depth) const {
    if (depth + branches_ > guard_.max.chain) guard_.fail(limit::chain);
  }

  minerva_jinja::guard& guard_;
  std::vector<Bracket> brackets_{1};
  std::vector<Block> blocks_;
  std::size_t branches_ = 0;  ///< elif branches of all open blocks
  bool starts_statement_ = false;
  bool is_set_ = false;
};

/// The parser would let std::stoll or std::stod throw with nothing but their names.
void check_number(const std::string& digits) {
  const char* begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
  const char* end = digits.data() + digits.size();
  std::errc error{};
  if (digits.find('.') != std::string::npos) {
    double value = 0;
    error = std::from_chars(begin, end, value).ec;
  } else {
    std::int64_t value = 0;
    error = std::from_chars(begin, end, value).ec;
  }
  if (error != std::errc{})
    throw std::runtime_error("the number " + digits.substr(0, 40) + " is out of range");
}

}  // namespace

void check_tokens(minerva_jinja::guard& guard, const jinja::lexer_result& tokens) {
  DepthCheck depth(guard);
  for (const token& current : tokens.tokens) {
    guard.position = current.pos;
    guard.spend(1);
    if (current.t == token::numeric_literal) check_number(current.value);
    if (current.t == token::identifier && current.value.size() > kNameBytesMax)
      throw std::runtime_error("a name is longer than " + std::to_string(kNameBytesMax) + " characters");
    depth.take(current);
  }
}

}  // namespace minerva
