#include <string>
#include <vector>

#include "cli/application.h"

int main(int argc, char** argv) {
  return minerva::cli::run_application(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
