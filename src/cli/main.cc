#include <string>
#include <vector>

#include "cli/application.h"
#include "cli/standard_streams.h"

int main(int argc, char** argv) {
  minerva::cli::open_standard_streams();
  return minerva::cli::run_application(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
