# minerva_module(NAME DEPS other ... LIBRARIES lib ...): the static library minerva_NAME from every source in
# src/NAME, and minerva_NAME_tests from the x_test.cc beside them. DEPS are other modules: only what stands
# here can be linked, which is how the layers of ARCHITECTURE.md are kept at link time. LIBRARIES are not ours.
function(minerva_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/src/cli/main\\.cc$")
  list(TRANSFORM arg_DEPS PREPEND minerva_)

  if(sources)
    add_library(minerva_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()  # headers only, so far
    add_library(minerva_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(minerva_${name} ${scope} minerva_options ${arg_DEPS} ${arg_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY MINERVA_MODULES minerva_${name})
  set_target_properties(minerva_${name} PROPERTIES MINERVA_LIBRARIES "${arg_LIBRARIES}")  # for libminerva
  if(tests AND MINERVA_TESTS)
    minerva_test(minerva_${name}_tests LABEL unit SOURCES ${tests} LIBRARIES minerva_${name})
  endif()
endfunction()

# minerva_test(NAME LABEL unit|model SOURCES ... LIBRARIES ...): a GoogleTest program run by ctest.
function(minerva_test name)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} minerva_test_support GTest::gtest GTest::gmock
                                        GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # Most of a build's time goes into tests, and hardly any of a test's time into its own code.
  target_compile_options(${name} PRIVATE $<IF:$<CONFIG:Release>,-O1,-O0>)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1
           --gtest_output=xml:${CMAKE_BINARY_DIR}/tests/${name}.xml)
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT 2400)
endfunction()
