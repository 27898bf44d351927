# What every target of ours is compiled and linked with: minerva_options, and the directory-wide settings.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)  # libminerva shows MINERVA_API and nothing else
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(Threads REQUIRED)

add_library(minerva_options INTERFACE)
target_include_directories(minerva_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_options(minerva_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                                 -Wno-sign-conversion -Wno-missing-field-initializers -Wnon-virtual-dtor
                                                 -Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # PR105651
target_link_libraries(minerva_options INTERFACE fmt::fmt spdlog::spdlog Threads::Threads)

# What a stranger's file may corrupt is contained (release), or reported where it happens (everything else).
# The source tree's place is no part of a released binary.
target_compile_options(minerva_options INTERFACE
  -fstack-protector-strong
  $<$<CONFIG:Release>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2;-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=>)
target_compile_definitions(minerva_options INTERFACE $<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  target_link_options(minerva_options INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()

# A quick linker for the loop of edit, build and test.
find_program(MINERVA_MOLD mold)
if(MINERVA_MOLD AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  target_link_options(minerva_options INTERFACE -fuse-ld=mold)
endif()

if(MINERVA_SANITIZE)
  target_compile_options(minerva_options INTERFACE -fsanitize=${MINERVA_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # GCC sees ghosts in instrumented code
  if(MINERVA_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(minerva_options INTERFACE -Wno-free-nonheap-object)
  endif()
  target_link_options(minerva_options INTERFACE -fsanitize=${MINERVA_SANITIZE})
endif()
if(MINERVA_FUZZ)
  target_compile_options(minerva_options INTERFACE -fsanitize=fuzzer-no-link)
  target_compile_definitions(minerva_options INTERFACE MINERVA_FUZZING)
endif()
