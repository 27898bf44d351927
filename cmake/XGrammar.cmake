# XGrammar as tools/setup built it: minerva_xgrammar.
set(xgrammar_targets "${PROJECT_SOURCE_DIR}/.cache/xgrammar-build/minerva-xgrammar.cmake")
if(NOT EXISTS "${xgrammar_targets}")
  message(FATAL_ERROR "XGrammar is not built in ${xgrammar_targets}: run tools/setup first")
endif()
include("${xgrammar_targets}")
