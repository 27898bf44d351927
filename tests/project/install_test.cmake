# Installs the build into an empty folder, builds a small program with find_package(minerva) and runs it; looks
# at what libminerva exports. Run by ctest: cmake -DBUILD=... -DCXX=... -P install_test.cmake
set(work ${BUILD}/tests/install)
set(prefix ${work}/prefix)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
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

# The example of the library's use, against what was installed.
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${work}/consumer -G Ninja
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${prefix}
    -DEXAMPLES=${CMAKE_CURRENT_LIST_DIR}/../../examples)
run(${CMAKE_COMMAND} --build ${work}/consumer)
execute_process(COMMAND ${work}/consumer/complete ${work}/no-such-model Hi RESULT_VARIABLE status
                ERROR_VARIABLE message)
if(NOT status EQUAL 2 OR NOT message MATCHES "no-such-model")
  message(FATAL_ERROR "a model that is not there: expected status 2 and its name, got ${status}: ${message}")
endif()
if(EXISTS ${MODEL})
  run(${work}/consumer/complete ${MODEL} "Say hello.")
  if(output STREQUAL "\n")
    message(FATAL_ERROR "the example answered nothing")
  endif()
endif()

# The library shows our names only.
file(GLOB library ${prefix}/lib*/libminerva.so ${prefix}/lib/*/libminerva.so)
find_program(NM nm REQUIRED)
run(${NM} -D --defined-only --format=posix ${library})
string(REGEX MATCHALL "[^\n]+" symbols "${output}")
if(NOT symbols)
  message(FATAL_ERROR "libminerva exports nothing")
endif()
foreach(symbol IN LISTS symbols)
  if(NOT symbol MATCHES "^_Z(T[ISV])?NK?7minerva")
    message(FATAL_ERROR "libminerva exports ${symbol}")
  endif()
endforeach()
