// Bounds for llama.cpp's Jinja interpreter, which has none of its own. guard_jinja.cmake copies this header
// into llama.cpp's common/jinja and inserts calls of the hooks below at the places where the interpreter
// steps, recurses, allocates or computes with numbers that a template chose.
//
// A hook does something only while a `guard` is armed on the same thread; without one it costs a load and a
// branch. The guard counts; a hook that finds a limit reached throws `limit_exceeded`. That type is not a
// std::exception on purpose: the interpreter rewraps those, and llama.cpp's template analysis swallows them.
// A guard that was exceeded stays so: every later hook throws again.
//
// C++17 and the standard library only: llama-common includes it and links without Minerva.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace jinja {
struct lexer_result;
}

namespace minerva_jinja {

enum class limit {
    none,
    tokens,   // in the source
    nesting,  // brackets or blocks open at once in the source
    chain,    // operators and brackets one inside or behind the other in one expression
    calls,    // macros calling macros
    stack,    // values within values, or expressions within expressions, beyond the thread's stack
    steps,    // statements, expressions, iterations and list elements
    text,     // one text
    memory,   // all values alive, plus all text that filters made
    time,     // processor time of the thread
};

struct limit_exceeded {
    limit which;
};

/// What the thread may use up while the guard is armed.
struct budget {
    std::size_t tokens = 0;
    std::size_t nesting = 0;
    std::size_t chain = 0;
    std::size_t calls = 0;
    std::size_t steps = 0;
    std::size_t text_bytes = 0;
    std::size_t memory_bytes = 0;
    std::size_t stack_bytes = 0;  // below the frame that arms the guard
    std::int64_t time_ns = 0;
};

class guard;
inline thread_local guard * armed = nullptr;

inline std::int64_t thread_time_ns() {
    std::timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

using kept_alive = std::vector<std::shared_ptr<void>>;

/// Base of every value: while a guard is armed it knows all values alive, to bound them and to free the
/// cycles among them at the end.
class tracked {
  public:
    tracked();
    tracked(const tracked &) : tracked() {}
    tracked & operator=(const tracked &) { return *this; }
    virtual ~tracked();
    /// Moves what this value refers to into `out`, without destroying anything.
    virtual void yield(kept_alive & out) { (void) out; }

  protected:
    /// This value is about to refer to `bytes` more.
    void grow(std::size_t bytes);

  private:
    friend class guard;
    guard *     owner    = nullptr;
    std::size_t grown    = 0;
    tracked * previous = nullptr;
    tracked * next = nullptr;
};

/// Bounds everything that llama.cpp's Jinja does on this thread during its lifetime. Values made in that
/// time must die in that time: those that keep each other alive are freed by the destructor.
class guard {
  public:
    /// `inspect_tokens` is called between lexer and parser; it may throw.
    guard(const budget & b, void (*inspect_tokens)(guard &, const jinja::lexer_result &)) :
        max(b),
        inspect_tokens(inspect_tokens),
        stack_floor(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - b.stack_bytes),
        deadline(thread_time_ns() + b.time_ns),
        outer(armed) {
        armed = this;
    }
    guard(const guard &) = delete;
    guard & operator=(const guard &) = delete;

    ~guard() {
        free_cycles();
        armed = outer;
    }

    // What happened, for the error message.
    limit exceeded = limit::none;
    std::size_t position = 0;        // byte of the source where the interpreter or the parser was last
    std::string failure;             // message of the last exception that began, without decoration
    std::size_t failure_position = 0;
    std::size_t steps = 0;
    std::size_t memory_peak = 0;

    const budget max;
    void (*const inspect_tokens)(guard &, const jinja::lexer_result &);

    [[noreturn]] void fail(limit which) {
        if (exceeded == limit::none) {
            exceeded = which;
        }
        fuel = -1;
        throw limit_exceeded{ exceeded };
    }

    void fail_at(std::size_t pos, const char * message) {
        failure          = std::string(message).substr(0, 2048);
        failure_position = pos;
    }

    /// `units` of about a microsecond of work at most; looks at the clock now and then.
    void spend(std::size_t units) {
        fuel -= static_cast<std::int64_t>(units < 1000000 ? units : 1000000);
        if (fuel < 0) {
            refuel();
        }
    }

    void step() {
        if (++steps > max.steps) {
            fail(limit::steps);
        }
        visit();
    }

    void visit() {
        spend(1);
        if (reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) < stack_floor) {
            fail(limit::stack);
        }
    }

    void charge(std::size_t bytes) {
        spend(bytes >> 10);
        if (bytes > max.memory_bytes - memory) {
            fail(limit::memory);
        }
        memory += bytes;
        if (memory > memory_peak) {
            memory_peak = memory;
        }
    }

    void refund(std::size_t bytes) noexcept { memory -= bytes < memory ? bytes : memory; }

    void call() {
        if (calls >= max.calls) {
            fail(limit::calls);
        }
        ++calls;
    }
    void leave_call() noexcept { --calls; }

    void enlist(tracked & value) {
        charge(value_bytes);
        value.owner = this;
        value.next  = first;
        if (first) {
            first->previous = &value;
        }
        first = &value;
    }

    void delist(tracked & value) noexcept {
        refund(value_bytes + value.grown);
        unlink(value);
    }

    /// Destroys what `container` holds: at once near the surface, later when already deep, so that no chain
    /// of values, however long, overflows the stack.
    template <typename T> void dispose(T & container) noexcept {
        if (depth < 24) {
            ++depth;
            {
                T doomed(std::move(container));
                container = T();
            }
            --depth;
            if (depth == 0) {
                drain();
            }
            return;
        }
        try {
            bury(container);
        } catch (...) {
            // No memory to postpone it: destroyed on the spot by the caller.
        }
    }

  private:
    // An object of the interpreter with its share of a container; only the order of magnitude matters.
    static constexpr std::size_t value_bytes = 400;

    void refuel() {
        if (exceeded != limit::none) {
            throw limit_exceeded{ exceeded };
        }
        if (thread_time_ns() > deadline) {
            fail(limit::time);
        }
        fuel = 256;
    }

    template <typename V> void bury(std::shared_ptr<V> & v) {
        if (v) {
            trash.push_back(std::move(v));
        }
    }
    template <typename K, typename V> void bury(std::pair<K, V> & pair) {
        bury(pair.first);
        bury(pair.second);
    }
    template <typename T> void bury(std::vector<T> & items) {
        for (auto & item : items) {
            bury(item);
        }
    }

    void drain() noexcept {
        ++depth;
        while (!trash.empty()) {
            auto doomed = std::move(trash.back());
            trash.pop_back();
        }
        --depth;
    }

    void unlink(tracked & value) noexcept {
        (value.previous ? value.previous->next : first) = value.next;
        if (value.next) {
            value.next->previous = value.previous;
        }
        value.owner    = nullptr;
        value.previous = nullptr;
        value.next     = nullptr;
    }

    void free_cycles() noexcept {
        try {
            kept_alive contents;
            for (tracked * value = first; value; value = value->next) {
                value->yield(contents);
            }
            contents.clear();
        } catch (...) {
            // No memory: what is left over leaks.
        }
        while (first) {
            unlink(*first);
        }
    }

    const std::uintptr_t stack_floor;
    const std::int64_t   deadline;
    guard * const        outer;
    std::int64_t         fuel   = 256;
    std::size_t          memory = 0;
    std::size_t          calls  = 0;
    std::size_t          depth  = 0;
    kept_alive           trash;
    tracked *            first = nullptr;
};

inline tracked::tracked() {
    if (armed) {
        armed->enlist(*this);
    }
}

inline void tracked::grow(std::size_t bytes) {
    if (armed) {
        armed->spend(1);
        armed->charge(bytes);
        if (owner == armed) {
            grown += bytes;
        }
    }
}

inline tracked::~tracked() {
    if (owner) {
        owner->delist(*this);
    }
}

// ---- hooks: control flow -----------------------------------------------------------------------------------

/// One statement, expression, iteration or element; like every hook that recursion passes, it also checks the
/// stack and, now and then, the clock.
inline void step() {
    if (armed) {
        armed->step();
    }
}

/// A step of the statement at byte `pos` of the source.
inline void step_at(std::size_t pos) {
    if (armed) {
        armed->position = pos;
        armed->step();
    }
}

/// One value on the way through values within values.
inline void visit() {
    if (armed) {
        armed->visit();
    }
}

inline void at(std::size_t pos) {
    if (armed) {
        armed->position = pos;
    }
}

/// The lexer made another token: `count` of them so far, now at byte `pos`.
inline void token(std::size_t count, std::size_t pos) {
    if (armed) {
        armed->position = pos;
        armed->spend(1);
        if (count > armed->max.tokens) {
            armed->fail(limit::tokens);
        }
    }
}

inline void inspect(const jinja::lexer_result & tokens) {
    if (armed && armed->inspect_tokens) {
        armed->inspect_tokens(*armed, tokens);
    }
}

/// Records where and why an exception began. True: the caller need not format a message with source code.
inline bool failed(std::size_t pos, const char * message) {
    if (armed) {
        armed->fail_at(pos, message);
    }
    return armed != nullptr;
}
inline bool failed(const char * message) { return failed(armed ? armed->position : 0, message); }

/// Where the interpreter would read out of bounds or rely on an assert.
inline void require(bool condition, const char * message) {
    if (!condition) {
        throw std::runtime_error(message);
    }
}

class call_scope {
  public:
    call_scope() : owner(armed) {
        if (owner) {
            owner->call();
        }
    }
    call_scope(const call_scope &) = delete;
    call_scope & operator=(const call_scope &) = delete;
    ~call_scope() {
        if (owner) {
            owner->leave_call();
        }
    }

  private:
    guard * owner;
};

// ---- hooks: time and memory --------------------------------------------------------------------------------

/// `bytes` are about to be read or moved.
inline void work(std::size_t bytes) {
    if (armed) {
        armed->spend(bytes >> 10);
    }
}

/// `count` small operations are about to happen.
inline void spend(std::size_t count) {
    if (armed) {
        armed->spend(count);
    }
}

/// A text of `bytes` is about to be made.
inline void text(std::size_t bytes) {
    if (armed) {
        if (bytes > armed->max.text_bytes) {
            armed->fail(limit::text);
        }
        armed->spend(bytes >> 10);
    }
}

/// The same for `count` times `bytes`, which may overflow.
inline void text(std::size_t bytes, std::size_t count) {
    if (armed) {
        std::size_t product = 0;
        text(__builtin_mul_overflow(bytes, count, &product) ? std::numeric_limits<std::size_t>::max() : product);
    }
}

/// `bytes` more of text for the result of a filter; counted until the guard ends.
inline void made(std::size_t bytes) {
    if (armed) {
        armed->charge(bytes);
    }
}

inline const std::string & counted(const std::string & made_text) {
    made(made_text.size());
    return made_text;
}

/// An indentation width or repetition that the template chose, as a text of spaces: negative means none.
inline std::int64_t width(std::int64_t n) {
    if (n > 0) {
        text(static_cast<std::size_t>(n));
    }
    return n > 0 ? n : 0;
}

/// JSON's indentation; negative means one line.
inline int json_indent(std::int64_t n) {
    if (n > 10000) {
        text(std::numeric_limits<std::size_t>::max());
        n = 10000;
    }
    return n < 0 ? -1 : static_cast<int>(n);
}

/// Bytes that a text holds. Copies are charged as well, each until it dies.
class held {
  public:
    held() = default;
    held(const held & other) { add(other.bytes); }
    held(held && other) noexcept : bytes(std::exchange(other.bytes, 0)) {}
    held & operator=(const held & other) {
        if (this != &other) {
            held copy(other);
            std::swap(bytes, copy.bytes);
        }
        return *this;
    }
    held & operator=(held && other) noexcept {
        std::swap(bytes, other.bytes);
        return *this;
    }
    ~held() {
        if (bytes && armed) {
            armed->refund(bytes);
        }
    }

    void add(std::size_t more) {
        if (armed && more) {
            if (more > armed->max.text_bytes || bytes > armed->max.text_bytes - more) {
                armed->fail(limit::text);
            }
            armed->charge(more);
            bytes += more;
        }
    }
    /// A part of a text, with the space that administers it.
    void add_part(std::size_t size) { add(size + 48); }
    void add(const held & other) { add(other.bytes); }
    std::size_t size() const { return bytes; }

  private:
    std::size_t bytes = 0;
};

template <typename T> void dispose(T & container) noexcept {
    if (armed) {
        armed->dispose(container);
    }
}

/// Moves a container into `out`, for tracked::yield.
template <typename T> void yield(kept_alive & out, T & container) {
    auto kept = std::make_shared<T>();
    std::swap(*kept, container);
    out.push_back(std::move(kept));
}

// ---- numbers and texts that the template chose -------------------------------------------------------------

inline std::int64_t to_int64(double v) {
    require(v >= -9223372036854775808.0 && v < 9223372036854775808.0, "the number does not fit 64 bits");
    return static_cast<std::int64_t>(v);
}

inline std::int64_t saturate(double v) {
    if (v >= 9223372036854775808.0) {
        return std::numeric_limits<std::int64_t>::max();
    }
    if (v < -9223372036854775808.0) {
        return std::numeric_limits<std::int64_t>::min();
    }
    return std::isnan(v) ? 0 : static_cast<std::int64_t>(v);
}

inline std::int64_t negate(std::int64_t v) {
    require(v != std::numeric_limits<std::int64_t>::min(), "the number does not fit 64 bits");
    return -v;
}

/// Python's integer arithmetic, while the result fits 64 bits.
inline std::int64_t arithmetic(char operation, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    bool overflow = false;
    if (operation == '+') {
        overflow = __builtin_add_overflow(a, b, &result);
    } else if (operation == '-') {
        overflow = __builtin_sub_overflow(a, b, &result);
    } else if (operation == '*') {
        overflow = __builtin_mul_overflow(a, b, &result);
    } else {
        require(b != 0, "division by zero");
        result = b == -1 ? 0 : a % b;
        result += result != 0 && (result < 0) != (b < 0) ? b : 0;
    }
    require(!overflow, "the number does not fit 64 bits");
    return result;
}

/// Python's % of floating-point numbers: the result has the divisor's sign.
inline double modulo(double a, double b) {
    require(b != 0, "division by zero");
    const double result = std::fmod(a, b);
    return result != 0 && (result < 0) != (b < 0) ? result + b : result;
}

/// The shortest text that stands for `v`, as Python writes it: 0.1, 1.0, 1e+20.
inline std::string float_text(double v) {
    if (!std::isfinite(v)) {
        return std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf";
    }
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::scientific).ptr;
    const std::string shortest(buffer, end);
    const int exponent = std::stoi(shortest.substr(shortest.find('e') + 1));
    if (exponent < -4 || exponent >= 16) {
        return shortest;
    }
    std::string text(buffer, std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::fixed).ptr);
    return text.find('.') == std::string::npos ? text + ".0" : text;
}

inline std::string float_json(double v) {
    return std::isfinite(v) ? float_text(v) : std::isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity";
}

inline bool divisible(std::int64_t a, std::int64_t b) {
    require(b != 0, "division by zero");
    return b == -1 || a % b == 0;
}

/// Refuses a range that has too many elements, or whose loop would overflow.
inline void range(std::int64_t start, std::int64_t stop, std::int64_t step) {
    constexpr std::int64_t safe = std::int64_t(1) << 61;
    require(-safe < start && start < safe && -safe < stop && stop < safe && -safe < step && step < safe,
            "the numbers given to range() are too large");
    if (armed && step != 0) {
        const std::int64_t count = (stop - start) / step;
        if (count > 0) {
            armed->steps += static_cast<std::size_t>(count);  // cannot overflow: below 2^62
            armed->step();
        }
    }
}

/// A slice's step, cut to where its loop cannot overflow and still ends as before.
inline std::int64_t slice_step(std::int64_t step, std::int64_t length) {
    work(static_cast<std::size_t>(length) * 16);
    return step > length ? length + 1 : step < -length ? -length - 1 : step;
}

inline std::size_t find(const std::string & text, const std::string & needle, std::size_t from = 0) {
    if (from > text.size()) {
        return std::string::npos;
    }
    // memmem takes linear time whatever the texts are, std::string::find does not.
    const void * match = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
    const std::size_t found =
        match ? static_cast<std::size_t>(static_cast<const char *>(match) - text.data()) : std::string::npos;
    work((match ? found : text.size()) - from + needle.size());
    return found;
}

inline std::size_t rfind(const std::string & text, const std::string & needle) {
    if (needle.size() <= 16 || !armed) {
        work(text.size() * 4);
        return text.rfind(needle);
    }
    const std::size_t found = find(std::string(text.rbegin(), text.rend()), std::string(needle.rbegin(), needle.rend()));
    return found == std::string::npos ? found : text.size() - found - needle.size();
}

/// `text` with every `what` (not empty) replaced, in linear time.
inline std::string replaced(const std::string & text, const std::string & what, const std::string & with) {
    std::string result;
    std::size_t from = 0;
    for (std::size_t at = 0; (at = find(text, what, from)) != std::string::npos; from = at + what.size()) {
        minerva_jinja::text(result.size() + (at - from) + with.size());
        result.append(text, from, at - from).append(with);
    }
    minerva_jinja::text(result.size() + text.size() - from);
    return result.append(text, from, std::string::npos);
}

// ---- texts as sequences of characters ----------------------------------------------------------------------

/// Bytes of the character at `pos`; a byte that begins none stands for itself.
inline std::size_t character_bytes(const std::string & text, std::size_t pos) {
    const auto lead = static_cast<unsigned char>(text[pos]);
    const std::size_t size = lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (lead >= 0xF8 || pos + size > text.size()) {
        return 1;
    }
    for (std::size_t i = 1; i < size; ++i) {
        if ((static_cast<unsigned char>(text[pos + i]) & 0xC0) != 0x80) {
            return 1;
        }
    }
    return size;
}

inline std::size_t character_count(const std::string & text) {
    work(text.size() * 4);
    std::size_t count = 0;
    for (std::size_t pos = 0; pos < text.size(); pos += character_bytes(text, pos)) {
        ++count;
    }
    return count;
}

/// Character `index`, from the end if negative; false where there is none.
inline bool character_at(const std::string & text, std::int64_t index, std::string & out) {
    const auto count = static_cast<std::int64_t>(character_count(text));
    const std::int64_t wanted = index < 0 ? index + count : index;
    if (wanted < 0 || wanted >= count) {
        return false;
    }
    std::size_t pos = 0;
    for (std::int64_t i = 0; i < wanted; ++i) {
        pos += character_bytes(text, pos);
    }
    out = text.substr(pos, character_bytes(text, pos));
    return true;
}

inline std::vector<std::string> characters(const std::string & text) {
    made(text.size() * sizeof(std::string));
    std::vector<std::string> result;
    for (std::size_t pos = 0; pos < text.size(); pos += result.back().size()) {
        result.push_back(text.substr(pos, character_bytes(text, pos)));
    }
    return result;
}

/// `change` applied to the sequence of characters of `text`. Given as their bytes, packed into a number each.
template <typename Change> std::string by_character(const std::string & text, const Change & change) {
    if (character_count(text) == text.size()) {
        return change(text);
    }
    held space;
    space.add(text.size() * sizeof(char32_t));
    std::u32string packed;
    for (std::size_t pos = 0; pos < text.size();) {
        char32_t character = 0;
        for (const std::size_t end = pos + character_bytes(text, pos); pos < end; ++pos) {
            character = (character << 8) | static_cast<unsigned char>(text[pos]);
        }
        packed += character;
    }
    std::string result;
    for (const char32_t character : change(packed)) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            if (character >> shift || shift == 0) {
                result += static_cast<char>(character >> shift & 0xFF);
            }
        }
    }
    return result;
}

/// Words between white space, as Python's split() without arguments finds them.
inline std::vector<std::string> words(const std::string & text) {
    made(text.size() * 16);
    std::vector<std::string> result;
    const char * space = " \t\n\r\f\v";
    for (std::size_t from = text.find_first_not_of(space); from != std::string::npos;) {
        const std::size_t to = text.find_first_of(space, from);
        result.push_back(text.substr(from, to - from));
        from = to == std::string::npos ? to : text.find_first_not_of(space, to);
    }
    return result;
}

/// strftime of the local time, thread-safe. Returns 0 when the result does not fit.
inline std::size_t format_time(char * buffer, std::size_t size, const char * format, std::time_t time) {
    std::tm local{};
    return localtime_r(&time, &local) ? std::strftime(buffer, size, format, &local) : 0;
}

}  // namespace minerva_jinja
