# libminerva: our modules and llama.cpp in one shared library that shows the public API only; and what
# `cmake --install` puts where, so that find_package(minerva) works.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/minerva)

install(TARGETS minerva RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/THIRD_PARTY.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
function(install_if_there file destination name)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${file})
    install(FILES ${PROJECT_SOURCE_DIR}/${file} DESTINATION ${destination} RENAME ${name})
  endif()
endfunction()
install_if_there(docs/minerva.1 ${CMAKE_INSTALL_MANDIR}/man1 minerva.1)
install_if_there(tools/completions/minerva.bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions minerva)
install_if_there(tools/completions/_minerva ${CMAKE_INSTALL_DATADIR}/zsh/site-functions _minerva)

if(NOT MINERVA_SHARED)
  return()
endif()

file(GLOB public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/minerva/*.h)
add_library(minerva_shared SHARED)
target_sources(minerva_shared PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include
                                                      FILES ${public_headers})
target_compile_features(minerva_shared INTERFACE cxx_std_23)
set_target_properties(minerva_shared PROPERTIES
  OUTPUT_NAME minerva EXPORT_NAME minerva LINKER_LANGUAGE CXX
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# All of our modules but the edges: their objects, since nothing in the library itself refers to them.
get_property(modules GLOBAL PROPERTY MINERVA_MODULES)
list(REMOVE_ITEM modules minerva_cli minerva_server)
target_link_libraries(minerva_shared PRIVATE minerva_options)
foreach(module IN LISTS modules)
  get_target_property(type ${module} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    target_sources(minerva_shared PRIVATE $<TARGET_OBJECTS:${module}>)
    get_target_property(libraries ${module} MINERVA_LIBRARIES)
    target_link_libraries(minerva_shared PRIVATE ${libraries})
  endif()
endforeach()
# llama.cpp is compiled with everything visible: the version script hides what is not in our namespace.
set(version_script ${PROJECT_SOURCE_DIR}/cmake/libminerva.map)
target_link_options(minerva_shared PRIVATE LINKER:--version-script=${version_script} LINKER:--no-undefined)
set_target_properties(minerva_shared PROPERTIES LINK_DEPENDS ${version_script})

install(TARGETS minerva_shared EXPORT minerva
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT minerva NAMESPACE minerva:: FILE minervaConfig.cmake DESTINATION ${package_dir})
write_basic_package_version_file(minervaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/minervaConfigVersion.cmake DESTINATION ${package_dir})
