// Builtin functions of llama.cpp's Jinja as jinja2 defines them, where its own give other results without
// saying so: texts are sequences of characters, not of bytes; select() takes tests, selectattr() attributes with
// tests; map() applies filters. guard_jinja.cmake copies this file into common/jinja and includes it within
// value.cpp, behind get_attribute() and within namespace jinja.
#pragma once

static value minerva_text(const std::string & text) {
    return mk_val<value_string>(text);
}

static value minerva_list_of(const std::vector<std::string> & texts) {
    auto list = mk_val<value_array>();
    for (const auto & text : texts) {
        minerva_jinja::step();
        list->push_back(minerva_text(text));
    }
    return list;
}

/// The filter as the tables of builtins name it.
static std::string minerva_filter_name(const std::string & name) {
    return name == "trim" ? "strip" : name == "count" ? "length" : name == "d" ? "default" : name;
}

static func_handler minerva_find_test(const std::string & name) {
    static const std::map<std::string, std::string> aliases = {
        { "==", "eq" }, { "!=", "ne" }, { "<", "lt" }, { ">", "gt" }, { ">=", "ge" },
    };
    const auto alias = aliases.find(name);
    const auto & builtins = global_builtins();
    const auto found = builtins.find("test_is_" + (alias == aliases.end() ? name : alias->second));
    if (found == builtins.end()) {
        throw raised_exception("unknown test '" + name + "'");
    }
    return found->second;
}

/// select(items, test, arguments...) or selectattr(items, attribute, test, arguments...); without a test, what
/// counts as true.
template <bool is_reject, bool by_attribute> static value minerva_select(const func_args & args) {
    const size_t first_of_test = by_attribute ? 2 : 1;
    args.ensure_count(first_of_test);
    const std::vector<value> items = args.get_pos(0)->as_array();
    const bool has_test = args.count() > first_of_test;
    const func_handler test = has_test ? minerva_find_test(args.get_pos(first_of_test)->as_string().str()) : nullptr;
    auto out = mk_val<value_array>();
    for (const auto & item : items) {
        minerva_jinja::step();
        value missing = mk_val<value_undefined>();
        const value subject = by_attribute ? get_attribute(item, args.get_pos(1), missing) : item;
        bool selected = false;
        if (has_test) {
            func_args test_args(args.ctx);
            test_args.push_back(subject);
            for (size_t i = first_of_test + 1; i < args.count(); ++i) {
                test_args.push_back(args.get_pos(i));
            }
            selected = test(test_args)->as_bool();
        } else {
            selected = subject->as_bool();
        }
        if (selected != is_reject) {
            out->push_back(item);
        }
    }
    return out;
}

/// map(items, filter, arguments...)
static value minerva_map(const func_args & args) {
    const std::string name = minerva_filter_name(args.get_pos(1)->as_string().str());
    const std::vector<value> items = args.get_pos(0)->as_array();
    auto out = mk_val<value_array>();
    for (const auto & item : items) {
        minerva_jinja::step();
        const auto & builtins = item->get_builtins();
        const auto found = builtins.find(name);
        if (found == builtins.end()) {
            throw raised_exception("unknown filter '" + name + "' for " + item->type());
        }
        func_args filter_args(args.ctx);
        filter_args.func_name = name;
        filter_args.push_back(item);
        for (size_t i = 2; i < args.count(); ++i) {
            filter_args.push_back(args.get_pos(i));
        }
        out->push_back(found->second(filter_args));
    }
    return out;
}

static value minerva_text_list(const func_args & args) {
    return minerva_list_of(minerva_jinja::characters(args.get_pos(0)->as_string().str()));
}

static value minerva_text_first(const func_args & args) {
    std::string character;
    return minerva_jinja::character_at(args.get_pos(0)->as_string().str(), 0, character) ? minerva_text(character) :
                                                                                           mk_val<value_undefined>();
}

static value minerva_text_last(const func_args & args) {
    std::string character;
    return minerva_jinja::character_at(args.get_pos(0)->as_string().str(), -1, character) ? minerva_text(character) :
                                                                                            mk_val<value_undefined>();
}

static value minerva_text_reverse(const func_args & args) {
    return minerva_text(minerva_jinja::by_character(args.get_pos(0)->as_string().str(),
                                                    [](auto text) { return decltype(text)(text.rbegin(), text.rend()); }));
}

/// As a method, joins the items of the argument by this text; as a filter, this text's characters by the argument.
static value minerva_text_join(const func_args & args) {
    args.ensure_count(1, 2);
    const value other = args.get_pos(1, minerva_text(""));
    const bool is_method = is_val<value_array>(other);
    const value items = is_method ? other : minerva_text_list(args);
    const std::string separator = (is_method ? args.get_pos(0) : other)->as_string().str();
    std::string result;
    bool first = true;
    for (const auto & item : items->as_array()) {
        minerva_jinja::step();
        result += first ? "" : minerva_jinja::counted(separator);
        result += minerva_jinja::counted(item->as_string().str());
        first = false;
    }
    return minerva_text(result);
}
