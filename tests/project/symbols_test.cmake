# What is shipped holds no template code and no HTTP library but ours: llama.cpp's common library (its Jinja
# interpreter, its chat formats) and cpp-httplib are not linked. Run by ctest:
# cmake -DFILES=PROGRAM;LIBRARY -P symbols_test.cmake
cmake_minimum_required(VERSION 3.25)
find_program(NM nm REQUIRED)
set(foreign "[ \t]_ZT?[A-Z]*(5jinja|7httplib)[^\n]*|[ \t]_Z[0-9]+common_[^\n]*|[^\n]*common_chat[^\n]*")

# The rule is only worth what it sees.
foreach(symbol " t _ZN5jinja5lexer8tokenizeE" " V _ZTIN5jinja7value_tE" " T _ZN7httplib6Client3GetE" " T _Z16common_chat_initv"
               " T _Z19common_token_to_strv")
  if(NOT symbol MATCHES "${foreign}")
    message(FATAL_ERROR "the rule does not see '${symbol}'")
  endif()
endforeach()
if(" t _ZN7minerva5jinja5LexerE" MATCHES "${foreign}")
  message(FATAL_ERROR "the rule forbids our own names")
endif()

foreach(file IN LISTS FILES)
  execute_process(COMMAND ${NM} ${file} RESULT_VARIABLE status OUTPUT_VARIABLE symbols ERROR_VARIABLE error)
  if(NOT status EQUAL 0 OR NOT symbols MATCHES "_ZNK?7minerva5jinja")
    message(FATAL_ERROR "${file}: nm shows no template code at all: ${error}")
  endif()
  if(symbols MATCHES "${foreign}")
    message(FATAL_ERROR "${file} holds ${CMAKE_MATCH_0}")
  endif()
endforeach()
