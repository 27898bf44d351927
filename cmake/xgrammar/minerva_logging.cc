// Where XGrammar's messages go (it is compiled with XGRAMMAR_LOG_CUSTOMIZE): a fatal one is an exception for our
// adapter, others are dropped. Nothing is printed, and nothing ends the process.
#include <stdexcept>
#include <string>

namespace xgrammar {

[[noreturn]] void LogFatalImpl(const std::string& file, int line, const std::string& message);
void LogMessageImpl(const std::string& file, int line, int level, const std::string& message);

void LogFatalImpl(const std::string&, int, const std::string& message) { throw std::runtime_error(message); }
void LogMessageImpl(const std::string&, int, int, const std::string&) {}

}  // namespace xgrammar
