#include "text/grammar/automaton.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::grammar {
namespace {

using State = Automaton::State;
using Node = Automaton::Node;
using Edge = Automaton::Edge;

constexpr State kNone = std::numeric_limits<State>::max();

// Joins what stands side by side and leads to the same state.
void append(std::vector<Edge>& edges, const Edge& edge) {
  if (!edges.empty() && edges.back().to == edge.to && edges.back().last + 1 == edge.first)
    edges.back().last = edge.last;
  else
    edges.push_back(edge);
}

State target(const Node& node, char32_t c) {
  const auto after = std::ranges::upper_bound(node.edges, c, {}, &Edge::first);
  if (after == node.edges.begin()) return kNone;
  const Edge& edge = *std::prev(after);
  return c <= edge.last ? edge.to : kNone;
}

// Which states can be reached from the first and lead to an end.
std::vector<bool> live(const std::vector<Node>& nodes) {
  std::vector<std::vector<State>> before(nodes.size());
  for (State from = 0; from < nodes.size(); ++from)
    for (const Edge& edge : nodes[from].edges) before[edge.to].push_back(from);
  const auto closure = [&](std::vector<State> queue, auto next) {
    std::vector<bool> seen(nodes.size());
    for (const State state : queue) seen[state] = true;
    while (!queue.empty()) {
      const State state = queue.back();
      queue.pop_back();
      for (const State other : next(state)) {
        if (seen[other]) continue;
        seen[other] = true;
        queue.push_back(other);
      }
    }
    return seen;
  };
  std::vector<State> ends;
  for (State state = 0; state < nodes.size(); ++state)
    if (nodes[state].accepts) ends.push_back(state);
  std::vector<bool> result = closure(ends, [&](State state) { return before[state]; });
  const std::vector<bool> reached = closure({0}, [&](State state) {
    std::vector<State> next;
    for (const Edge& edge : nodes[state].edges) next.push_back(edge.to);
    return next;
  });
  for (State state = 0; state < nodes.size(); ++state) result[state] = result[state] && reached[state];
  return result;
}

std::vector<Node> trimmed(const std::vector<Node>& nodes) {
  if (nodes.empty()) return {};
  const std::vector<bool> kept = live(nodes);
  if (!kept[0]) return {};
  std::vector<State> renamed(nodes.size(), kNone);
  State count = 0;
  for (State state = 0; state < nodes.size(); ++state)
    if (kept[state]) renamed[state] = count++;
  std::vector<Node> result;
  for (State state = 0; state < nodes.size(); ++state) {
    if (!kept[state]) continue;
    Node node = {.accepts = nodes[state].accepts};
    for (const Edge& edge : nodes[state].edges)
      if (kept[edge.to]) append(node.edges, {edge.first, edge.last, renamed[edge.to]});
    result.push_back(std::move(node));
  }
  return result;
}

// One of the states that go on alike stands for all. A state is looked at after those that it leads to, so
// that one pass finds all but those that are alike on a circle only: few, and they do no harm.
class Joiner {
 public:
  explicit Joiner(const std::vector<Node>& nodes) : nodes_(nodes), stands_for_(nodes.size(), kNone) {}

  std::vector<Node> run() {
    std::vector<bool> seen(nodes_.size());
    std::vector<std::pair<State, std::size_t>> way = {{0, 0}};
    seen[0] = true;
    while (!way.empty()) {
      auto& [state, next] = way.back();
      if (next == nodes_[state].edges.size()) {
        join(state);
        way.pop_back();
        continue;
      }
      const State to = nodes_[state].edges[next++].to;
      if (seen[to]) continue;
      seen[to] = true;
      way.emplace_back(to, 0);
    }
    return joined();
  }

 private:
  void join(State state) {
    std::string likeness(1, nodes_[state].accepts ? '1' : '0');
    std::vector<Edge> edges;
    for (const Edge& edge : nodes_[state].edges) {
      // Itself, one that is known, or one on a circle.
      State to = edge.to == state ? kNone : stands_for_[edge.to];
      if (to == kNone && edge.to != state) to = kNone - 1 - edge.to;
      append(edges, {edge.first, edge.last, to});
    }
    likeness.append(reinterpret_cast<const char*>(edges.data()), edges.size() * sizeof(Edge));
    stands_for_[state] = known_.try_emplace(std::move(likeness), state).first->second;
  }

  std::vector<Node> joined() const {
    std::vector<State> numbers(nodes_.size(), kNone);
    std::vector<State> order;
    const auto number = [&](State state) {
      const State kept = stands_for_[state];
      if (numbers[kept] == kNone) {
        numbers[kept] = static_cast<State>(order.size());
        order.push_back(kept);
      }
      return numbers[kept];
    };
    number(0);
    std::vector<Node> result;
    for (std::size_t i = 0; i < order.size(); ++i) {  // NOLINT(modernize-loop-convert): it grows meanwhile
      Node node = {.accepts = nodes_[order[i]].accepts};
      for (const Edge& edge : nodes_[order[i]].edges)
        append(node.edges, {edge.first, edge.last, number(edge.to)});
      result.push_back(std::move(node));
    }
    return result;
  }

  const std::vector<Node>& nodes_;
  std::vector<State> stands_for_;
  std::unordered_map<std::string, State> known_;
};

std::vector<Node> minimized(const std::vector<Node>& nodes) {
  return nodes.empty() ? nodes : Joiner(nodes).run();
}

// The ends of pieces of the code space within which no set of `edges` changes.
template <class Edges>
std::vector<char32_t> cuts(const Edges& sets) {
  std::vector<char32_t> result;
  for (const auto* set : sets) {
    for (const auto& [first, last] : set->ranges()) {
      result.push_back(first);
      result.push_back(last + 1);
    }
  }
  std::ranges::sort(result);
  const auto repeated = std::ranges::unique(result);
  result.erase(repeated.begin(), repeated.end());
  return result;
}

}  // namespace

Automaton::Automaton(const std::vector<Node>& nodes) : nodes_(minimized(trimmed(nodes))) {}

Automaton Automaton::all() {
  return repeated(CodePointSet::all());
}

Automaton Automaton::repeated(const CodePointSet& set) {
  Node node = {.accepts = true};
  for (const auto& [first, last] : set.ranges()) node.edges.push_back({first, last, 0});
  return Automaton({node});
}

Automaton Automaton::of(std::string_view utf8) {
  std::vector<Node> nodes(1);
  for (std::size_t at = 0; at < utf8.size();) {
    const auto c = tokenizers::decode_utf8(utf8.data() + at);
    nodes.back().edges.push_back({c.value, c.value, static_cast<State>(nodes.size())});
    nodes.emplace_back();
    at += c.length;
  }
  nodes.back().accepts = true;
  Automaton result;
  result.nodes_ = std::move(nodes);  // minimal as it is
  return result;
}

std::optional<Automaton> Automaton::of_texts(const std::vector<std::string_view>& texts) {
  constexpr std::size_t kLettersMax = 64 * 1024;  // before equal ends are joined
  std::vector<Node> nodes(1);
  for (const std::string_view text : texts) {
    State state = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto c = tokenizers::decode_utf8(text.data() + at);
      at += c.length;
      State next = target(nodes[state], c.value);
      if (next == kNone) {
        if (nodes.size() >= kLettersMax) return std::nullopt;
        next = static_cast<State>(nodes.size());
        auto& edges = nodes[state].edges;
        edges.insert(std::ranges::upper_bound(edges, c.value, {}, &Edge::first), {c.value, c.value, next});
        nodes.emplace_back();
      }
      state = next;
    }
    nodes[state].accepts = true;
  }
  Automaton result(nodes);
  if (result.size() > 4 * kStateCountMax) return std::nullopt;
  return result;
}

std::optional<Automaton> Automaton::of_length(std::uint32_t min, std::uint32_t max) {
  const bool ends = max != kUnbounded;
  const std::uint32_t count = ends ? max : min;
  if (count >= kStateCountMax) return std::nullopt;
  if (min > max) return Automaton();
  std::vector<Node> nodes(count + 1);
  const CodePointSet any = CodePointSet::all();
  for (State state = 0; state <= count; ++state) {
    nodes[state].accepts = state >= min;
    if (state == count && ends) continue;
    for (const auto& [first, last] : any.ranges())
      nodes[state].edges.push_back({first, last, std::min(state + 1, count)});
  }
  Automaton result;
  result.nodes_ = std::move(nodes);
  return result;
}

bool Automaton::accepts(std::string_view utf8) const {
  if (empty()) return false;
  State state = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto c = tokenizers::decode_utf8(utf8.data() + at);
    state = target(nodes_[state], c.value);
    if (state == kNone) return false;
    at += c.length;
  }
  return nodes_[state].accepts;
}

std::optional<Automaton> Automaton::product(const Automaton& other, Accepts accept) const {
  // A pair of states; kNone where one side is lost.
  std::unordered_map<std::uint64_t, State> numbers;
  std::vector<std::pair<State, State>> pairs;
  std::vector<Node> nodes;
  const auto number = [&](State a, State b) {
    const auto [entry, added] =
        numbers.try_emplace(std::uint64_t{a} << 32U | b, static_cast<State>(pairs.size()));
    if (added) pairs.emplace_back(a, b);
    return entry->second;
  };
  const bool alone_a = accept(true, false);
  const bool alone_b = accept(false, true);
  const Node lost;
  number(empty() ? kNone : 0, other.empty() ? kNone : 0);
  constexpr std::size_t kPairsMax = 16 * kStateCountMax;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs.size() > kPairsMax) return std::nullopt;
    const auto [a, b] = pairs[i];
    const Node& in_a = a == kNone ? lost : nodes_[a];
    const Node& in_b = b == kNone ? lost : other.nodes_[b];
    Node node = {.accepts = accept(in_a.accepts, in_b.accepts)};
    auto edge_a = in_a.edges.begin();
    auto edge_b = in_b.edges.begin();
    for (char32_t at = 0; at <= kCodePointMax;) {
      while (edge_a != in_a.edges.end() && edge_a->last < at) ++edge_a;
      while (edge_b != in_b.edges.end() && edge_b->last < at) ++edge_b;
      char32_t last = kCodePointMax;
      const auto step = [&](auto edge, auto end) {
        if (edge == end) return kNone;
        if (edge->first > at) {
          last = std::min<char32_t>(last, edge->first - 1);
          return kNone;
        }
        last = std::min(last, edge->last);
        return edge->to;
      };
      const State next_a = step(edge_a, in_a.edges.end());
      const State next_b = step(edge_b, in_b.edges.end());
      const bool goes_on = (next_a != kNone && next_b != kNone) || (next_a != kNone && alone_a) ||
                           (next_b != kNone && alone_b);
      if (goes_on) append(node.edges, {at, last, number(next_a, next_b)});
      at = last + 1;
    }
    nodes.push_back(std::move(node));
  }
  Automaton result(nodes);
  if (result.size() > kStateCountMax) return std::nullopt;
  return result;
}

std::optional<Automaton> Automaton::intersection(const Automaton& other) const {
  return product(other, [](bool a, bool b) { return a && b; });
}
std::optional<Automaton> Automaton::without(const Automaton& other) const {
  return product(other, [](bool a, bool b) { return a && !b; });
}
std::optional<Automaton> Automaton::united(const Automaton& other) const {
  return product(other, [](bool a, bool b) { return a || b; });
}

std::string Automaton::shortest() const {
  std::vector<std::pair<State, char32_t>> before(size(), {kNone, 0});
  std::vector<State> queue = {0};
  State end = 0;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    end = queue[i];
    if (nodes_[end].accepts) break;
    for (const Edge& edge : nodes_[end].edges) {
      if (edge.to == 0 || before[edge.to].first != kNone) continue;
      before[edge.to] = {end, edge.first};
      queue.push_back(edge.to);
    }
  }
  std::u32string text;
  for (State state = end; state != 0; state = before[state].first) text += before[state].second;
  std::string result;
  for (std::size_t i = text.size(); i-- > 0;) tokenizers::append_utf8(result, text[i]);
  return result;
}

std::optional<std::size_t> Automaton::longest() const {
  // States in an order in which all that follow one are known before it; a circle never gets its turn.
  std::vector<std::size_t> ways(size());
  std::vector<std::size_t> missing(size());
  std::vector<std::vector<State>> before(size());
  std::vector<State> queue;
  for (State from = 0; from < size(); ++from) {
    missing[from] = nodes_[from].edges.size();
    for (const Edge& edge : nodes_[from].edges) before[edge.to].push_back(from);
    if (missing[from] == 0) queue.push_back(from);
  }
  std::size_t done = 0;
  for (; !queue.empty(); ++done) {
    const State state = queue.back();
    queue.pop_back();
    for (const State from : before[state]) {
      ways[from] = std::max(ways[from], ways[state] + 1);
      if (--missing[from] == 0) queue.push_back(from);
    }
  }
  if (done != size()) return std::nullopt;
  return empty() ? 0 : ways.front();
}

std::optional<Automaton> Automaton::respelled(const std::function<std::string(char32_t)>& spelled,
                                              const CodePointSet& which) const {
  std::vector<Node> nodes(nodes_.size());
  for (State state = 0; state < nodes_.size(); ++state) {
    nodes[state].accepts = nodes_[state].accepts;
    std::map<std::pair<State, char32_t>, State> inside;  // spellings begin alike
    const auto step = [&](State from, char32_t c) {
      const auto [entry, added] = inside.try_emplace({from, c}, static_cast<State>(nodes.size()));
      if (added) {
        nodes.emplace_back();
        nodes[from].edges.push_back({c, c, entry->second});
      }
      return entry->second;
    };
    for (const Edge& edge : nodes_[state].edges) {
      const CodePointSet set = {{edge.first, edge.last}};
      const CodePointSet plain = set.without(which);
      for (const auto& [first, last] : plain.ranges()) nodes[state].edges.push_back({first, last, edge.to});
      const CodePointSet escaped = set.intersection(which);
      for (const auto& [first, last] : escaped.ranges()) {
        for (char32_t c = first; c <= last; ++c) {
          const std::string text = spelled(c);
          State at = state;
          for (std::size_t i = 0; i + 1 < text.size(); ++i) at = step(at, static_cast<char32_t>(text[i]));
          const auto end = static_cast<char32_t>(text.back());
          nodes[at].edges.push_back({end, end, edge.to});
        }
      }
    }
    if (nodes.size() > 16 * kStateCountMax) return std::nullopt;
  }
  for (Node& node : nodes) std::ranges::sort(node.edges, {}, &Edge::first);
  return Automaton(nodes);
}

AutomatonBuilder::State AutomatonBuilder::add() {
  if (nodes_.size() >= kStateCountMax) {
    full_ = true;
    return kEnd;
  }
  nodes_.emplace_back();
  return static_cast<State>(nodes_.size() - 1);
}
void AutomatonBuilder::edge(State from, const CodePointSet& set, State to) {
  if (!set.empty() && !full_) nodes_[from].edges.emplace_back(set, to);
}
void AutomatonBuilder::skip(State from, State to) {
  if (!full_) nodes_[from].skips.push_back(to);
}

AutomatonBuilder::State AutomatonBuilder::embed(const Automaton& automaton, State to) {
  if (automaton.empty()) return add();  // leads nowhere
  std::vector<State> states;
  for (std::size_t i = 0; i < automaton.size(); ++i) states.push_back(add());
  for (std::size_t i = 0; i < automaton.size(); ++i) {
    for (const Edge& e : automaton.nodes()[i].edges) edge(states[i], {{e.first, e.last}}, states[e.to]);
    if (automaton.nodes()[i].accepts) skip(states[i], to);
  }
  return states.front();
}

std::vector<AutomatonBuilder::State> AutomatonBuilder::closed(std::vector<State> set) const {
  std::vector<bool> seen(nodes_.size());
  for (const State state : set) seen[state] = true;
  for (std::size_t i = 0; i < set.size(); ++i) {
    for (const State next : nodes_[set[i]].skips) {
      if (seen[next]) continue;
      seen[next] = true;
      set.push_back(next);
    }
  }
  // Only those that read something or end matter.
  std::erase_if(set, [&](State state) { return state != kEnd && nodes_[state].edges.empty(); });
  std::ranges::sort(set);
  return set;
}

std::optional<Automaton> AutomatonBuilder::determinized(State start) const {
  constexpr std::size_t kWorkMax = 20'000'000;
  if (full_) return std::nullopt;
  using Set = std::vector<State>;
  std::size_t work = 0;
  std::map<Set, State> numbers;
  std::vector<const Set*> sets;
  const auto number = [&](Set set) {
    const auto [entry, added] = numbers.try_emplace(std::move(set), static_cast<State>(sets.size()));
    if (added) sets.push_back(&entry->first);
    return entry->second;
  };
  number(closed({start}));
  std::vector<Automaton::Node> nodes;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (sets.size() > 2 * Automaton::kStateCountMax || work > kWorkMax) return std::nullopt;
    const Set set = *sets[i];
    std::vector<const CodePointSet*> classes;
    for (const State state : set)
      for (const auto& [on, to] : nodes_[state].edges) classes.push_back(&on);
    const std::vector<char32_t> ends = cuts(classes);
    Automaton::Node node = {.accepts = std::ranges::binary_search(set, kEnd)};
    std::map<Set, State> known;  // many pieces lead to the same states
    for (std::size_t piece = 0; piece + 1 < ends.size(); ++piece) {
      Set next;
      for (const State state : set)
        for (const auto& [on, to] : nodes_[state].edges)
          if (on.contains(ends[piece])) next.push_back(to);
      work += classes.size();
      if (next.empty()) continue;
      std::ranges::sort(next);
      const auto repeated = std::ranges::unique(next);
      next.erase(repeated.begin(), repeated.end());
      auto found = known.find(next);
      if (found == known.end()) {
        work += nodes_.size() / 8 + next.size();
        found = known.emplace(next, number(closed(next))).first;
      }
      append(node.edges, {ends[piece], ends[piece + 1] - 1, found->second});
    }
    nodes.push_back(std::move(node));
  }
  Automaton result(nodes);
  if (result.size() > Automaton::kStateCountMax) return std::nullopt;
  return result;
}

namespace {

// Writes the states of an expression, from its end to its beginning.
class ExprStates {
 public:
  using State = AutomatonBuilder::State;
  ExprStates(const GrammarBuilder& from, AutomatonBuilder& out) : from_(from), out_(out) {}
  bool possible() const noexcept { return possible_; }

  // What `id` matches leads from the result to `to`.
  State write(ExprId id, State to) {
    using Kind = GrammarBuilder::Kind;
    if (out_.full() || !possible_) return to;
    const GrammarBuilder::Expr& expr = from_.at(id);
    switch (expr.kind) {
      case Kind::Nothing:
        return out_.add();
      case Kind::Empty:
        return to;
      case Kind::Literal:
        return out_.embed(Automaton::of(expr.text), to);
      case Kind::Class: {
        const State state = out_.add();
        out_.edge(state, expr.set, to);
        return state;
      }
      case Kind::Sequence:
        for (std::size_t i = expr.parts.size(); i-- > 0;) to = write(expr.parts[i], to);
        return to;
      case Kind::Alternatives: {
        const State state = out_.add();
        for (const ExprId part : expr.parts) out_.skip(state, write(part, to));
        return state;
      }
      case Kind::Repeat:
        return repeat(expr, to);
      default:
        possible_ = false;
        return to;
    }
  }

 private:
  State repeat(const GrammarBuilder::Expr& expr, State to) {
    const ExprId part = expr.parts.front();
    if (expr.max == kUnbounded) {
      const State loop = out_.add();
      out_.skip(loop, to);
      out_.skip(loop, write(part, loop));
      to = loop;
    }
    const State end = to;
    const std::uint32_t optional = expr.max == kUnbounded ? 0 : expr.max - expr.min;
    for (std::uint32_t i = 0; i < optional && !out_.full(); ++i) {
      const State state = out_.add();
      out_.skip(state, end);
      out_.skip(state, write(part, to));
      to = state;
    }
    for (std::uint32_t i = 0; i < expr.min && !out_.full(); ++i) to = write(part, to);
    return to;
  }

  const GrammarBuilder& from_;
  AutomatonBuilder& out_;
  bool possible_ = true;
};

}  // namespace

std::optional<Automaton> automaton_of(const GrammarBuilder& builder, ExprId expr) {
  AutomatonBuilder out;
  ExprStates states(builder, out);
  const auto start = states.write(expr, AutomatonBuilder::kEnd);
  return states.possible() ? out.determinized(start) : std::nullopt;
}

ExprId automaton_expr(const Automaton& automaton, GrammarBuilder& builder) {
  GrammarBuilder::Automaton written;
  for (const Node& node : automaton.nodes()) {
    std::map<State, std::vector<CodePointSet::Range>> ways;
    for (const Edge& edge : node.edges) ways[edge.to].push_back({edge.first, edge.last});
    auto& state = written.states.emplace_back(GrammarBuilder::Automaton::State{.accepting = node.accepts});
    for (const auto& [to, ranges] : ways) state.edges.push_back({builder.one_of(CodePointSet(ranges)), to});
  }
  return builder.automaton(written);
}

}  // namespace minerva::grammar
