// Links against libminerva and asks it for something.
#include <minerva/error.h>

#include <iostream>

int main() {
  std::cout << minerva::error_code_name(minerva::ErrorCode::ModelLoading) << '\n';
  return minerva::exit_status(minerva::ErrorCode::ModelLoading) == 3 ? 0 : 1;
}
