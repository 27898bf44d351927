# llama.cpp as tools/setup built it: minerva_llama_libs (llama, ggml), minerva_llama_common (chat templates)
# and minerva_json (nlohmann/json).
set(MINERVA_LLAMA_BUILD "${PROJECT_SOURCE_DIR}/.cache/llama-build" CACHE PATH
    "Build folder of cmake/llama, made by tools/setup")
if(NOT EXISTS "${MINERVA_LLAMA_BUILD}/minerva-llama.cmake")
  message(FATAL_ERROR "llama.cpp is not built in ${MINERVA_LLAMA_BUILD}: run tools/setup first")
endif()
include("${MINERVA_LLAMA_BUILD}/minerva-llama.cmake")
