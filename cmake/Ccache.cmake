# Compiles through ccache where it is installed. Some objects are for this very processor (-march=native),
# which ccache cannot see, so a cache that machines share keeps one namespace for each kind of processor.
find_program(MINERVA_CCACHE ccache)
if(MINERVA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(minerva_cpu unknown)
  if(EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo minerva_cpu REGEX "^(flags|Features)" LIMIT_COUNT 1)
  endif()
  string(SHA256 minerva_cpu "${minerva_cpu}")
  string(SUBSTRING "${minerva_cpu}" 0 12 minerva_cpu)
  foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER /usr/bin/env CCACHE_NAMESPACE=minerva-${minerva_cpu} ${MINERVA_CCACHE})
  endforeach()
endif()
