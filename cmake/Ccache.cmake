# Compiles through ccache where it is installed. Paths below the project's root count as relative, so that
# clones in other folders share what was compiled. Some objects are for this very processor (-march=native),
# which ccache cannot see: a cache that machines share keeps one namespace for each kind of processor.
find_program(MINERVA_CCACHE ccache)
if(MINERVA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(minerva_cpu unknown)
  if(EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo minerva_cpu REGEX "^(flags|Features)" LIMIT_COUNT 1)
  endif()
  string(SHA256 minerva_cpu "${minerva_cpu}")
  string(SUBSTRING "${minerva_cpu}" 0 12 minerva_cpu)
  cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH minerva_root)
  foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER
        /usr/bin/env CCACHE_NAMESPACE=minerva-${minerva_cpu} CCACHE_BASEDIR=${minerva_root} CCACHE_NOHASHDIR=1
        ${MINERVA_CCACHE})
  endforeach()
endif()
