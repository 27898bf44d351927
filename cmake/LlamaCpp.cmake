# llama.cpp as tools/setup built it: minerva_llama_libs (llama, ggml) and minerva_json
# (nlohmann/json).
set(MINERVA_LLAMA_SOURCE "$ENV{MINERVA_LLAMA_SOURCE}" CACHE PATH "Another llama.cpp checkout than the pinned one")
if(MINERVA_LLAMA_SOURCE)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env MINERVA_LLAMA_SOURCE=${MINERVA_LLAMA_SOURCE}
                          ${PROJECT_SOURCE_DIR}/tools/setup llama COMMAND_ERROR_IS_FATAL ANY)
  set(llama_build "${PROJECT_SOURCE_DIR}/.cache/llama-other-build")
else()
  set(llama_build "${PROJECT_SOURCE_DIR}/.cache/llama-build")
endif()
if(NOT EXISTS "${llama_build}/minerva-llama.cmake")
  message(FATAL_ERROR "llama.cpp is not built in ${llama_build}: run tools/setup first")
endif()
include("${llama_build}/minerva-llama.cmake")
