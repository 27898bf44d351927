# cmake -DSOURCE=<llama.cpp tree> -P guard_jinja.cmake
#
# Inserts the hooks of minerva_jinja_guard.h into llama.cpp's Jinja interpreter (common/jinja), which renders
# chat templates of untrusted files and has no limits of its own. Also mends what a template could use to make it
# read out of bounds, divide by zero or overflow, and what it renders otherwise than jinja2 without saying so.
#
# Every edit names the line it replaces (the anchor) and how often that must occur; another number means that
# the tree is not the one this was written for, and the script ends with an error that names the anchor. The
# unedited files are kept as *.minerva-orig, from which a second run starts again: running twice changes
# nothing, and running a newer version of this script updates the tree.
cmake_minimum_required(VERSION 3.25)

if(NOT SOURCE OR NOT EXISTS "${SOURCE}/common/jinja/runtime.cpp")
  message(FATAL_ERROR "guard_jinja: -DSOURCE must name a llama.cpp tree with common/jinja, got '${SOURCE}'")
endif()
set(marker "// Edited by Minerva's guard_jinja.cmake: hooks that bound the interpreter.\n")
set(include_line "#include \"minerva_jinja_guard.h\"\n")

# begin(FILE): starts editing common/FILE.
macro(begin file)
  set(edited_file "${SOURCE}/common/${file}")
  file(READ "${edited_file}" text)
  string(FIND "${text}" "${marker}" position)
  if(position EQUAL -1)
    file(WRITE "${edited_file}.minerva-orig" "${text}")
  elseif(EXISTS "${edited_file}.minerva-orig")
    file(READ "${edited_file}.minerva-orig" text)
  else()
    message(FATAL_ERROR "guard_jinja: ${edited_file} is edited but its original (*.minerva-orig) is gone; "
                        "fetch the tree again")
  endif()
endmacro()

# edit(COUNT ANCHOR REPLACEMENT): ANCHOR must occur COUNT times.
function(edit expected anchor replacement)
  string(REPLACE "${anchor}" "" without "${text}")
  string(LENGTH "${text}" length)
  string(LENGTH "${without}" length_without)
  string(LENGTH "${anchor}" length_anchor)
  math(EXPR found "(${length} - ${length_without}) / ${length_anchor}")
  if(NOT found EQUAL expected)
    message(FATAL_ERROR "guard_jinja: ${edited_file} is not as expected.\nFound ${found} times "
                        "instead of ${expected}:\n${anchor}\nThis llama.cpp differs from the one whose Jinja interpreter "
                        "Minerva knows how to bound.")
  endif()
  string(REPLACE "${anchor}" "${replacement}" text "${text}")
  set(text "${text}" PARENT_SCOPE)
endfunction()

# after(COUNT ANCHOR ADDITION), before(COUNT ANCHOR ADDITION): leave the anchor in place.
function(after expected anchor addition)
  edit(${expected} "${anchor}" "${anchor}${addition}")
  set(text "${text}" PARENT_SCOPE)
endfunction()
function(before expected anchor addition)
  edit(${expected} "${anchor}" "${addition}${anchor}")
  set(text "${text}" PARENT_SCOPE)
endfunction()

macro(finish)
  file(READ "${edited_file}" old)
  if(NOT old STREQUAL "${marker}${text}")
    file(WRITE "${edited_file}" "${marker}${text}")
  endif()
endmacro()

foreach(header minerva_jinja_guard.h minerva_jinja_builtins.h)
  file(COPY_FILE "${CMAKE_CURRENT_LIST_DIR}/${header}" "${SOURCE}/common/jinja/${header}" ONLY_IF_DIFFERENT)
endforeach()

# ---- lexer and parser: tokens, time, positions of errors ----------------------------------------------------

begin(jinja/utils.h)
before(1 [[#include <string>
]] "${include_line}")
after(1 [[const std::string & source, size_t pos) {
    std::ostringstream oss;
]] [[    minerva_jinja::failed(pos, msg.c_str());
]])
finish()

begin(jinja/lexer.cpp)
before(1 [[src.erase(pos, 1);]] [[minerva_jinja::work(src.size()); ]])
after(1 [[    while (pos < src.size()) {
        start_pos = pos;
]] [[        minerva_jinja::token(tokens.size(), pos);
]])
# The source's first character was dropped when a block followed it.
edit(1 [[                    if (current == 1) {]]
       [[                    if (current == 1 && c != '\n' && std::isspace(static_cast<unsigned char>(c))) {]])
finish()

begin(jinja/parser.cpp)
# With NDEBUG, a statement that ends the source would be given the position of a token beyond the last.
edit(1 [[assert(start_pos < tokens.size());]]
       [[minerva_jinja::require(start_pos < tokens.size(), "unexpected end of the template");]])
before(1 [[            static const token end_token{]] [[            minerva_jinja::at(tokens.empty() ? 0 : tokens.back().pos);
]])
edit(1 [[throw std::runtime_error("Unexpected token type");]]
       [[throw std::runtime_error(peek().t == token::eof ? "a block is not closed" : "unexpected " + peek().value);]])
before(1 [[        return tokens[current + offset];]] [[        minerva_jinja::at(tokens[current + offset].pos);
]])
before(1 [[        return tokens[current++];]] [[        minerva_jinja::step_at(tokens[current].pos);
]])
before(1 [[    return parser(lexer_res.tokens, lexer_res.source).parse();]] [[    minerva_jinja::inspect(lexer_res);
]])
finish()

# ---- interpreter: steps, stack, calls, failures -------------------------------------------------------------

begin(jinja/runtime.h)
# With NDEBUG these checks are gone, without it a template aborts the process.
edit(1 [[assert(dynamic_cast<T *>(ptr.get()) != nullptr);]]
       [[minerva_jinja::require(dynamic_cast<T *>(ptr.get()) != nullptr, "this cannot stand here");]])
edit(1 [[assert(dynamic_cast<T *>(ptr.get()) != nullptr || dynamic_cast<U *>(ptr.get()) != nullptr);]]
       [[minerva_jinja::require(dynamic_cast<T *>(ptr.get()) != nullptr || dynamic_cast<U *>(ptr.get()) != nullptr, "this cannot stand here");]])
edit(1 [[    ~context() = default;]] [[    ~context() { minerva_jinja::dispose(env); }]])
# A scope inserted all variables of its parent one by one; loops and macros make many scopes.
edit(1 [[    context(const context & parent) : context() {
]] [[    context(const context & parent) {
        env = mk_val<value_object>();
        env->has_builtins = false;
]])
edit(1 [[        auto & pvar = parent.env->as_ordered_object();
        for (const auto & pair : pvar) {
            set_val(pair.first, pair.second);
        }
]] [[        env->copy_variables(*parent.env);
]])
after(1 [[static void gather_string_parts_recursive(const value & val, value_string & parts) {
]] [[    minerva_jinja::visit();
]])
# A list or an object among the output is a value to print as such: only the outermost list is the output itself.
edit(1 [[            gather_string_parts_recursive(item, parts);
]] [[            if (is_val<value_array>(item) || is_val<value_object>(item)) {
                parts->val_str.append(item->as_string());
            } else {
                gather_string_parts_recursive(item, parts);
            }
]])
# Past execute(), and so past the hooks there.
edit(1 [[test->execute_impl(ctx)]] [[test->execute(ctx)]])
edit(1 [[lhs->execute_impl(ctx)]] [[lhs->execute(ctx)]])
finish()

begin(jinja/runtime.cpp)
edit(1 [[    try {
        return execute_impl(ctx);
]] [[    minerva_jinja::step_at(pos);
    try {
        return execute_impl(ctx);
]])
edit(1 [[    } catch (const not_implemented_exception & /* ex */) {
        throw;
    } catch (const std::exception & e) {
]] [[    } catch (const not_implemented_exception & ex) {
        minerva_jinja::failed(pos, ex.what());
        throw;
    } catch (const std::exception & e) {
        if (minerva_jinja::failed(pos, e.what())) {
            throw rethrown_exception(e.what());
        }
]])
# Both copied the whole table of functions, per identifier and per filter.
edit(1 [[auto builtins = global_builtins();]] [[const auto & builtins = global_builtins();]])
edit(1 [[auto builtins = input->get_builtins();]] [[const auto & builtins = input->get_builtins();]])
edit(1 [[static_cast<int64_t>(res)]] [[minerva_jinja::arithmetic(op.value[0], left_val->as_int(), right_val->as_int())]])
edit(1 [[static_cast<int64_t>(rem)]] [[minerva_jinja::arithmetic('%', left_val->as_int(), right_val->as_int())]])
before(1 [[            return mk_val<value_float>(a / b);
]] [[            minerva_jinja::require(b != 0, "division by zero");
]])
edit(1 [[std::fmod(a, b)]] [[minerva_jinja::modulo(a, b)]])
edit(1 [[        for (int64_t i = 0; i < repeat; ++i) {
            res->val_str.append(str);
]] [[        minerva_jinja::text(str.length(), static_cast<size_t>(repeat));
        for (int64_t i = 0; i < repeat; ++i) {
            minerva_jinja::spend(1);
            res->val_str.append(str);
]])
edit(1 [[mk_val<value_int>(-operand_val->as_int())]] [[mk_val<value_int>(minerva_jinja::negate(operand_val->as_int()))]])
# Copied all variables per item, also where no filter needs them.
edit(1 [[        context loop_scope(scope);]] [[        minerva_jinja::step_at(pos);
        std::unique_ptr<context> loop_scope;]])
edit(1 [[            scope_update_fn(loop_scope);
            value test_val = test_expr->execute(loop_scope);]] [[            loop_scope = std::make_unique<context>(scope);
            scope_update_fn(*loop_scope);
            value test_val = test_expr->execute(*loop_scope);]])
# A default was ignored when a later parameter was given by name, and a name when too few arguments stood before it.
before(1 [[static inline void bind_parameters(]] [[static bool minerva_given(const statement_ptr & parameter, size_t pos, const func_args & args) {
    if (pos < args.count() && !is_val<value_kwarg>(args.get_pos(pos))) {
        return true;
    }
    const auto * with_default = cast_stmt<keyword_argument_expression>(parameter);
    const auto * name = cast_stmt<identifier>(with_default ? with_default->key : parameter);
    return name && args.get_kwarg(name->val, nullptr);
}

]])
edit(1 [[        if (i < input_count) {
            if (is_stmt<identifier>(this_args[i])) {]] [[        if (minerva_given(this_args[i], i, args) || (i < input_count && is_stmt<identifier>(this_args[i]))) {
            if (is_stmt<identifier>(this_args[i])) {]])
# Templates made for requests with tools loop over tools without asking whether there are any; jinja2 fails there.
edit(1 [[if (iterable_val->is_undefined()) {]] [[if (iterable_val->is_undefined() || iterable_val->is_none()) {]])
before(1 [[    if (!is_val<value_array>(iterable_val) && !is_val<value_object>(iterable_val)) {
        throw]] [[    if (is_val<value_string>(iterable_val)) {
        auto characters = mk_val<value_array>();
        for (const auto & character : minerva_jinja::characters(iterable_val->as_string().str())) {
            characters->push_back(mk_val<value_string>(character));
        }
        iterable_val = characters;
    }
]])
edit(1 [[arr_size = object->as_string().length();]] [[arr_size = minerva_jinja::character_count(object->as_string().str());]])
edit(1 [[                auto str = object->as_string().str();
                if (index >= 0 && index < static_cast<int64_t>(str.size())) {
                    val = mk_val<value_string>(std::string(1, str[index]));
]] [[                std::string character;
                if (minerva_jinja::character_at(object->as_string().str(), index, character)) {
                    val = mk_val<value_string>(character);
]])
# The loop's body may have shortened an array that a later iteration unpacks.
after(1 [[                auto & c_arr = items[i]->as_array();
]] [[                minerva_jinja::require(c_arr.size() == tuple->val.size(), "Too few items to unpack");
]])
after(1 [[        value_object loop_obj = mk_val<value_object>();
]] [[        minerva_jinja::step_at(pos);
]])
finish()

# ---- values: recursion, memory, cycles ----------------------------------------------------------------------

begin(jinja/value.h)
# Hooks may throw.
edit(1 [[unique_hash() const noexcept = 0;]] [[unique_hash() const = 0;]])
edit(10 [[unique_hash() const noexcept override {
]] [[unique_hash() const override {
        minerva_jinja::visit();
]])
edit(1 [[operator()(const value & val) const noexcept {]] [[operator()(const value & val) const {]])
edit(1 [[struct value_t {
]] [[struct value_t : minerva_jinja::tracked {
]])
edit(1 [[    virtual ~value_t() = default;]] [[    virtual ~value_t() {
        minerva_jinja::dispose(val_arr);
        minerva_jinja::dispose(val_obj);
    }
    void yield(minerva_jinja::kept_alive & out) override {
        minerva_jinja::yield(out, val_arr);
        minerva_jinja::yield(out, val_obj);
        minerva_jinja::yield(out, val_func);
    }]])
edit(1 [[bool operator==(const value_t & other) const { return]] [[bool operator==(const value_t & other) const { minerva_jinja::visit(); return]])
edit(1 [[bool operator!=(const value_t & other) const { return]] [[bool operator!=(const value_t & other) const { minerva_jinja::visit(); return]])
edit(1 [[        std::string out = std::to_string(val_flt);
        out.erase(out.find_last_not_of('0') + 1, std::string::npos); // remove trailing zeros
        if (out.back() == '.') out.push_back('0'); // leave one zero if no decimals
        return out;
]] [[        return minerva_jinja::float_text(val_flt);
]])
# It copied both texts to compare them.
edit(1 [[val_str.str() == other.val_str.str()]] [[val_str.same(other.val_str)]])
edit(1 [[if (static_cast<int64_t>(val_flt) != v)]] [[if (minerva_jinja::saturate(val_flt) != v)]])
edit(1 [[std::isfinite(v) ? static_cast<int64_t>(v) : 0]] [[std::isfinite(v) ? minerva_jinja::saturate(v) : 0]])
before(1 [[        val_arr.push_back(val);
]] [[        grow(sizeof(value));
]])
before(1 [[        val_arr.push_back(std::move(val));
]] [[        grow(sizeof(value));
]])
edit(4 [[        val_arr = arr;
]] [[        grow(arr.size() * sizeof(value));
        val_arr = arr;
]])
edit(2 [[        val_arr = v->val_arr;
]] [[        grow(v->val_arr.size() * sizeof(value));
        val_arr = v->val_arr;
]])
before(1 [[        val_arr.erase(val_arr.begin() + index);
]] [[        minerva_jinja::work(val_arr.size() * 64);
]])
edit(2 [[is_hashable() const override {
        if (]] [[is_hashable() const override {
        minerva_jinja::visit();
        if (]])
edit(1 [[ss << value_to_string_repr(val);
        }
        if (]] [[ss << minerva_jinja::counted(value_to_string_repr(val));
        }
        if (]])
edit(1 [[ss << value_to_string_repr(key) << ": " << value_to_string_repr(val);]]
       [[ss << minerva_jinja::counted(value_to_string_repr(key)) << ": " << minerva_jinja::counted(value_to_string_repr(val));]])
after(1 [[    value_object_t() = default;
]] [[    void copy_variables(const value_object_t & other) {
        minerva_jinja::spend(other.val_obj.size() / 8);
        grow(other.val_obj.size() * 160);
        val_obj   = other.val_obj;
        unordered = other.unordered;
    }
    void yield(minerva_jinja::kept_alive & out) override {
        value_t::yield(out);
        minerva_jinja::yield(out, unordered);
    }
]])
before(1 [[            unordered[pair.first] = pair.second;
]] [[            grow(160);
]])
before(1 [[        bool replaced = false;
]] [[        minerva_jinja::spend(1);
]])
before(1 [[            val_obj.push_back({key, val});
]] [[            grow(160);
]])
edit(1 [[func_name = name;
        if (arg0)]] [[func_name = name;
        minerva_jinja::step();
        const minerva_jinja::call_scope call;
        if (arg0)]])
before(1 [[    value_func_t(const std::string & name, const func_handler & func) : name(name) {
]] [[    ~value_func_t() override { minerva_jinja::dispose(arg0); }
    void yield(minerva_jinja::kept_alive & out) override {
        value_t::yield(out);
        minerva_jinja::yield(out, arg0);
    }
]])
before(1 [[    value_kwarg_t(const std::string & k, const value & v)]] [[    ~value_kwarg_t() override { minerva_jinja::dispose(val); }
    void yield(minerva_jinja::kept_alive & out) override {
        value_t::yield(out);
        minerva_jinja::yield(out, val);
    }
]])
# It took any value for a keyword argument before it looked at its type.
edit(1 [[        const value_kwarg_t & other_val = static_cast<const value_kwarg_t &>(other);
        return typeid(*this) == typeid(other) && key == other_val.key && val == other_val.val;
]] [[        const auto * other_val = dynamic_cast<const value_kwarg_t *>(&other);
        return other_val && key == other_val->key && val == other_val->val;
]])
finish()

begin(jinja/string.h)
after(1 [[    std::vector<string_part> parts;
]] [[    minerva_jinja::held held;
]])
after(1 [[    string(const std::string & v, bool user_input = false) {
]] [[        held.add_part(v.size());
]])
edit(1 [[hash_update(hasher & hash) const noexcept;]] [[hash_update(hasher & hash) const;
    bool same(const string & other) const {
        minerva_jinja::work(held.size());
        return parts.size() == 1 && other.parts.size() == 1 ? parts[0].val == other.parts[0].val : str() == other.str();
    }]])
finish()

begin(jinja/string.cpp)
after(1 [[std::string string::str() const {
]] [[    minerva_jinja::work(held.size());
]])
after(1 [[size_t string::length() const {
]] [[    minerva_jinja::work(parts.size() * 8);
]])
edit(1 [[void string::hash_update(hasher & hash) const noexcept {
]] [[void string::hash_update(hasher & hash) const {
    minerva_jinja::work(held.size());
]])
after(1 [[string & string::append(const string & other) {
]] [[    held.add(other.held);
]])
after(1 [[match_char = [&chars](unsigned char c) -> bool {
]] [[            minerva_jinja::work(chars ? chars->size() + 32 : 0);
]])
before(1 [[            parts[i].val = strip_part(parts[i].val, true, false, chars);
]] [[            minerva_jinja::work(parts.size() * 32);
]])
before(1 [[            parts[i].val = strip_part(parts[i].val, false, true, chars);
]] [[            minerva_jinja::work(1024);
]])
finish()

# ---- builtin functions: sizes and numbers that the template chose -------------------------------------------

begin(jinja/value.cpp)
after(1 [[value func_args::get_kwarg(const std::string & key, value default_val) const {
]] [[    minerva_jinja::spend(args.size() / 16);
]])
after(1 [[    int64_t len = static_cast<int64_t>(array.size());
]] [[    step = minerva_jinja::slice_step(step, len);
]])
before(1 [[    output.reserve(json_str.size());
]] [[    minerva_jinja::made(json_str.size() * 3);
]])
edit(1 [[indent = static_cast<int>(val_indent->as_int());]] [[indent = minerva_jinja::json_indent(val_indent->as_int());]])
after(6 [[for (const auto & item : arr) {
]] [[                minerva_jinja::step();
]])
edit(1 [[std::strftime(buf, sizeof(buf), format.c_str(), std::localtime(&args.ctx.current_time))]]
       [[minerva_jinja::format_time(buf, sizeof(buf), format.c_str(), args.ctx.current_time)]])
before(1 [[            if (step == 0) {
                throw raised_exception("range() step]] [[            minerva_jinja::range(start, stop, step);
]])
edit(1 [[args.get_pos(0)->val_int % args.get_pos(1)->val_int == 0;]]
       [[minerva_jinja::divisible(args.get_pos(0)->val_int, args.get_pos(1)->val_int);]])
edit(1 [[haystack->as_string().str().find(needle->as_string().str())]]
       [[minerva_jinja::find(haystack->as_string().str(), needle->as_string().str())]])
edit(1 [[mk_val<value_int>(val < 0 ? -val : val)]] [[mk_val<value_int>(val < 0 ? minerva_jinja::negate(val) : val)]])
edit(1 [[static_cast<int64_t>(args.get_pos(0)->as_float())]] [[minerva_jinja::to_int64(args.get_pos(0)->as_float())]])
before(1 [[template<bool is_reject>
static value selectattr(]] [[#include "minerva_jinja_builtins.h"

]])
edit(1 [[{"selectattr", selectattr<false>},]] [[{"selectattr", minerva_select<false, true>},]])
edit(1 [[{"select", selectattr<false>},]] [[{"select", minerva_select<false, false>},]])
edit(1 [[{"rejectattr", selectattr<true>},]] [[{"rejectattr", minerva_select<true, true>},]])
edit(1 [[{"reject", selectattr<true>},]] [[{"reject", minerva_select<true, false>},]])
edit(1 [[throw not_implemented_exception("map: filter-mapping not implemented");]] [[return minerva_map(args);]])
edit(1 [[{"join", string_join_not_implemented},]] [[{"join", minerva_text_join},
        {"list", minerva_text_list},
        {"first", minerva_text_first},
        {"last", minerva_text_last},
        {"reverse", minerva_text_reverse},]])
edit(1 [[mk_val<value_int>(str.length())]]
       [[mk_val<value_int>(static_cast<int64_t>(minerva_jinja::character_count(str.str())))]])
edit(1 [[auto sliced = slice(input->as_string().str(), start, stop, step);]]
       [[auto sliced = minerva_jinja::by_character(input->as_string().str(), [&](const auto & text) { return slice(text, start, stop, step); });]])
edit(1 [[std::stoi(str, nullptr, base)]] [[static_cast<int64_t>(std::stoll(str, nullptr, base))]])
edit(1 [[oss << val->as_float();]] [[oss << minerva_jinja::float_json(val->as_float());]])
before(2 [[            // FIXME: Support non-specified delimiter]] [[            if (args.count() == 1) {
                return minerva_list_of(minerva_jinja::words(str));
            }
]])
edit(1 [[{"test_is_number", test_type_fn<value_int, value_float>},]]
       [[{"test_is_number", test_type_fn<value_int, value_float, value_bool>},]])

# split() erased what it had found from the front of the text, each time.
edit(1 [[            while ((pos = str.find(delim)) != std::string::npos && maxsplit != 0) {
                token = str.substr(0, pos);
]] [[            size_t from = 0;
            while ((pos = minerva_jinja::find(str, delim, from)) != std::string::npos && maxsplit != 0) {
                token = str.substr(from, pos - from);
]])
edit(1 [[                str.erase(0, pos + delim.length());
                --maxsplit;
            }
]] [[                from = pos + delim.length();
                --maxsplit;
            }
            str.erase(0, from);
]])
edit(1 [[(pos = str.rfind(delim))]] [[(pos = minerva_jinja::rfind(str, delim))]])
before(1 [[                    new_res.reserve(str.length() + new_str.length() * (str.length() + 1));
]] [[                    minerva_jinja::text(new_str.length() + 1, str.length() + 1);
]])
edit(1 [[                    while ((pos = str.find(old_str, pos)) != std::string::npos) {
                        str.replace(pos, old_str.length(), new_str);
                        pos += new_str.length();
                    }
]] [[                    str = minerva_jinja::replaced(str, old_str, new_str);
]])
edit(1 [[                size_t pos = 0;
                if (old_str.empty()) {]] [[                if (old_str.empty()) {]])
before(1 [[                    result.parts.push_back({fmt_is_input, literal});
]] [[                    result.held.add_part(literal.size());
]])
before(1 [[                result.parts.insert(result.parts.end(), arg_str.parts.begin(), arg_str.parts.end());
]] [[                result.held.add(arg_str.held);
]])
edit(1 [[indent.assign(val_width->as_int(), ' ');]]
       [[indent.assign(static_cast<size_t>(minerva_jinja::width(val_width->as_int())), ' ');]])
edit(2 [[indented += indent;]] [[indented += minerva_jinja::counted(indent);]])
edit(1 [[result += val_arr->as_string().str();
]] [[result += minerva_jinja::counted(val_arr->as_string().str());
                minerva_jinja::made(delim.size());
]])
# With an order that is none (numbers against texts, NaN) std::sort leaves the array; this one is stable, as
# Python's.
edit(1 [[std::sort(arr.begin(), ]] [[std::stable_sort(arr.begin(), ]])
edit(1 [[std::sort(result->val_obj.begin(), ]] [[std::stable_sort(result->val_obj.begin(), ]])
after(1 [[static value from_json(const common_json & j, bool mark_input) {
]] [[    minerva_jinja::visit();
]])
after(1 [[bool value_compare(const value & a, const value & b, value_compare_op op) {
]] [[    minerva_jinja::visit();
]])
after(1 [[static void value_to_json_internal(std::ostringstream & oss, const value & val, int curr_lvl, int indent, const std::string_view item_sep, const std::string_view key_sep) {
]] [[    minerva_jinja::visit();
    minerva_jinja::made((curr_lvl + size_t(1)) * (indent > 0 ? indent : 0) + item_sep.size() + key_sep.size());
]])
before(1 [[        oss << "\"";
        for (char c : val->as_string().str()) {]] [[        minerva_jinja::made(val->val_str.held.size());
]])
before(1 [[                        char buf[7];
]] [[                        minerva_jinja::made(6);
]])
after(1 [[std::string value_to_string_repr(const value & val) {
]] [[    minerva_jinja::visit();
]])
before(1 [[    val->stats.used = true;
]] [[    minerva_jinja::visit();
]])
finish()

# ---- template analysis ---------------------------------------------------------------------------------------

begin(chat-auto-parser-helpers.cpp)
# Compares what two renderings wrote, piece by piece, prepending to a text.
after(1 [[    while (test()) {
]] [[        minerva_jinja::work(result.suffix.size() + 1024);
]])
finish()

message(STATUS "guard_jinja: ${SOURCE}/common/jinja is bounded")
