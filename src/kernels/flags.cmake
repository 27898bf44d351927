# Each instruction set's file is compiled with its own flags, and chosen at run time (kernels/isa.cc).
set(kernel_files kernels/portable.cc kernels/avx2.cc kernels/avx512.cc)
# Products and sums round as written: a result must not depend on what the compiler fuses. Without optimisation
# vectors would live in memory, fifty times slower: so also in Debug and under sanitizers.
# Arrays of a few vectors are registers: nothing for a stack protector.
set(kernel_flags -ffp-contract=off -fno-stack-protector $<$<CONFIG:Debug,RelWithDebInfo>:-O2>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 takes its own _mm512_undefined_ps() for a mistake (PR 105593).
  list(APPEND kernel_flags -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
set_source_files_properties(${kernel_files} PROPERTIES COMPILE_OPTIONS "${kernel_flags}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_property(SOURCE kernels/avx2.cc APPEND PROPERTY COMPILE_OPTIONS -mavx2 -mfma -mf16c)
  set_property(SOURCE kernels/avx512.cc APPEND PROPERTY COMPILE_OPTIONS -mavx512f -mavx512bw -mavx512vl -mavx512dq
               -mavx512vnni -mavx512bf16 -mavx512vbmi)
endif()
