# Installs the build into an empty folder; builds the examples and the C and C++ consumers with
# find_package(minerva) and runs them; looks at what libminerva exports. Run by ctest:
# cmake -DBUILD=... -DCC=... -DCXX=... -DMODEL=... -P install_test.cmake
cmake_minimum_required(VERSION 3.25)
set(source ${CMAKE_CURRENT_LIST_DIR}/../..)
set(work ${BUILD}/tests/install)
set(prefix ${work}/prefix)
file(REMOVE_RECURSE ${work})

# run(COMMAND ...): its standard output in `output`.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error TIMEOUT 120)
  if(NOT status EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}${error}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# build(NAME FOLDER): the project in FOLDER, against what was installed.
function(build name folder)
  run(${CMAKE_COMMAND} -S ${folder} -B ${work}/${name} -G Ninja -DCMAKE_C_COMPILER=${CC}
      -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${prefix})
  run(${CMAKE_COMMAND} --build ${work}/${name})
endfunction()

# expect(PATTERN PROGRAM ...): an example that succeeds, with output that matches.
function(expect pattern program)
  run(${work}/examples/${program} ${ARGN})
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "${program}: expected ${pattern}, got: ${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# The command and the documents are where they belong, and the command finds all it needs.
foreach(file bin/minerva share/doc/minerva/LICENSE)
  if(NOT EXISTS ${prefix}/${file})
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()
run(${prefix}/bin/minerva --version)

# The library shows our names only, and all functions of the C API.
file(GLOB library ${prefix}/lib*/libminerva.so ${prefix}/lib/*/libminerva.so)
find_program(NM nm REQUIRED)
run(${NM} -D --defined-only --format=posix ${library})
string(REGEX MATCHALL "[^\n]+" symbols "${output}")
if(NOT symbols)
  message(FATAL_ERROR "libminerva exports nothing")
endif()
file(READ ${prefix}/include/minerva/minerva.h header)
string(REGEX REPLACE "//[^\n]*" "" header "${header}")
string(REGEX MATCHALL "minerva_[a-z0-9_]+\\(" functions "${header}")
list(TRANSFORM functions REPLACE "\\(" "")
list(LENGTH functions function_count)
if(function_count LESS 40)
  message(FATAL_ERROR "only ${function_count} functions were found in minerva.h")
endif()
foreach(symbol IN LISTS symbols)
  string(REGEX MATCH "^[^ ]+" name "${symbol}")
  if(name IN_LIST functions)
    list(REMOVE_ITEM functions ${name})
  elseif(NOT name MATCHES "^_Z(T[ISV])?NK?7minerva")
    message(FATAL_ERROR "libminerva exports ${symbol}")
  endif()
endforeach()
if(functions)
  message(FATAL_ERROR "libminerva does not export ${functions}")
endif()

build(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)
build(examples ${source}/examples)
foreach(program complete complete_c)
  execute_process(COMMAND ${work}/examples/${program} ${work}/no-such-model Hi RESULT_VARIABLE status
                  ERROR_VARIABLE message)
  if(NOT status EQUAL 2 OR NOT message MATCHES "no-such-model")
    message(FATAL_ERROR "${program}: expected status 2 and the model's name, got ${status}: ${message}")
  endif()
endforeach()

# What follows needs a model.
if(NOT EXISTS ${MODEL})
  return()
endif()
run(${work}/consumer/tour ${MODEL})
expect("[a-z]" complete ${MODEL} "Say hello.")
expect("[a-z]" complete_c ${MODEL} "Say hello.")
expect("first\n  -> .*[a-z].*second\n  -> .*[a-z].*third\n  -> .*[a-z]" many_prompts ${MODEL} first second third)
expect("runs on native: [^\n]*[a-z]" backend_preference ${MODEL} native llama)
expect("runs on llama: [^\n]*[a-z]" backend_preference ${MODEL} llama)

# Two turns; the second finds the first in the cache.
file(WRITE ${work}/messages "Say hello.\nSay it again.\n")
execute_process(COMMAND ${work}/examples/chat_loop ${MODEL} INPUT_FILE ${work}/messages
                RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE message TIMEOUT 120)
if(NOT status EQUAL 0 OR NOT output MATCHES "[a-z].*\n.*[a-z].*\n" OR
   NOT message MATCHES "computed, 0 taken.*computed, [1-9][0-9]* taken")
  message(FATAL_ERROR "chat_loop ended with ${status}: ${output}${message}")
endif()

# The answer is the object that was asked for.
expect("^{" json_schema ${MODEL} "Ada is 36 and works as a programmer.")
foreach(field name age retired)
  string(JSON value ERROR_VARIABLE problem GET "${output}" ${field})
  if(problem)
    message(FATAL_ERROR "json_schema: ${problem}: ${output}")
  endif()
endforeach()
