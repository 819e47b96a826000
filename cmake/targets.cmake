# holdfast_library(NAME FOLDERS [PUBLIC ...] [PRIVATE ...]): all .cpp files directly in the folders.
function(holdfast_library name folders)
  cmake_parse_arguments(L "" "" "PUBLIC;PRIVATE" ${ARGN})
  list(TRANSFORM folders APPEND /*.cpp)
  list(TRANSFORM folders PREPEND ${CMAKE_SOURCE_DIR}/)
  file(GLOB sources CONFIGURE_DEPENDS ${folders})
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${L_PUBLIC} PRIVATE ${L_PRIVATE})
  else()
    add_library(${name} INTERFACE)  # contracts only
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${L_PUBLIC})
  endif()
endfunction()

# holdfast_embed_page(LIBRARY PAGE): the library's own copy of an HTML file.
function(holdfast_embed_page library page)
  get_filename_component(name ${page} NAME_WE)
  set(made ${CMAKE_BINARY_DIR}/pages/${name}.cpp)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/pages)
  add_custom_command(
    OUTPUT ${made}
    COMMAND ${CMAKE_COMMAND} -DPAGE=${CMAKE_SOURCE_DIR}/${page} -DOUT=${made} -P ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${page} ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake)
  target_sources(${library} PRIVATE ${made})
endfunction()

# holdfast_test(NAME SOURCES... LINK libraries...): a GoogleTest program, one ctest entry.
function(holdfast_test name)
  cmake_parse_arguments(T "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${T_LINK} GTest::gtest_main GTest::gmock)
  # Optimizing and instrumenting what is only a test takes 2.5 times as long to compile as not doing so; what is tested keeps both.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-O0> -fno-sanitize=undefined)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endfunction()
