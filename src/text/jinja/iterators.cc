#include "text/jinja/iterators.h"

#include <string>
#include <utility>

namespace minerva::jinja {
namespace {

class ReversedIterator final : public Iterator {
 public:
  ReversedIterator(std::vector<Value> items, std::string_view of) : items_(std::move(items)) {
    type_ = of == "list" ? "list_reverseiterator" : of == "range" ? "range_iterator" : "reversed";
    charge(sizeof(*this) + items_.capacity() * sizeof(Value));
  }
  Value next() override { return at_ < items_.size() ? items_[at_++] : Value::missing(); }
  std::string_view type_name() const override { return type_; }

 private:
  std::vector<Value> items_;
  std::string_view type_;
  std::size_t at_ = 0;
};

}  // namespace

Value make_reversed(std::vector<Value> items, std::string_view of) {
  return make_object<ReversedIterator>(std::move(items), of);
}

}  // namespace minerva::jinja
