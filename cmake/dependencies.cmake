# Every library and why it is this one. All are Debian 12 packages; nothing is vendored.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)         # TLS on our own sockets: 14.5 kB per idle TLS connection
find_package(Boost 1.81 REQUIRED)          # Asio: loop, timers, resolver; Beast: HTTP/1 parser
find_package(Protobuf REQUIRED)            # what brokers carry; must come before gRPC
find_package(gRPC CONFIG REQUIRED)         # control API: the callback API needs no thread per call
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_package(yaml-cpp REQUIRED)            # configuration, with line numbers
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)  # the text format
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)              # logs
find_package(CLI11 CONFIG REQUIRED)        # command line
find_package(simdjson CONFIG REQUIRED)     # reading JSON
find_package(nlohmann_json CONFIG REQUIRED)  # writing JSON, RFC 6902 patches
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)  # control API over HTTP
find_package(wslay CONFIG REQUIRED)          # WebSocket frames
find_package(ZLIB REQUIRED)                  # permessage-deflate
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)           # message sockets; cppzmq is its header
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)      # Redis: formatting and parsing
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)      # Kafka
pkg_check_modules(JWT REQUIRED IMPORTED_TARGET libjwt)           # Grip-Sig

# tl::expected is a header (libexpected-dev); std::expected comes with C++23.
find_path(EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
add_library(holdfast_expected INTERFACE)
target_include_directories(holdfast_expected SYSTEM INTERFACE ${EXPECTED_INCLUDE})

# Generated code is compiled without our warnings. All of it links the full runtime, which gRPC needs: the lite one beside it would be a
# second copy of the same symbols in the process.
set(HOLDFAST_PROTO_OUT ${CMAKE_BINARY_DIR}/proto)
file(MAKE_DIRECTORY ${HOLDFAST_PROTO_OUT})
function(holdfast_proto name proto suffix)
  set(source ${CMAKE_SOURCE_DIR}/proto/${proto}.proto)
  set(generated ${HOLDFAST_PROTO_OUT}/${proto}${suffix})
  add_custom_command(
    OUTPUT ${generated}.cc ${generated}.h
    COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/proto ${ARGN} ${source}
    DEPENDS ${source})
  add_library(${name} STATIC ${generated}.cc)
  target_include_directories(${name} SYSTEM PUBLIC ${HOLDFAST_PROTO_OUT})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
  target_compile_options(${name} PRIVATE -w)
endfunction()
holdfast_proto(holdfast_proto holdfast/broker/v1/envelope .pb --cpp_out=${HOLDFAST_PROTO_OUT})
holdfast_proto(holdfast_control_proto holdfast/control/v1/control .pb --cpp_out=${HOLDFAST_PROTO_OUT})
holdfast_proto(holdfast_control_grpc holdfast/control/v1/control .grpc.pb
  --grpc_out=${HOLDFAST_PROTO_OUT} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
target_link_libraries(holdfast_control_grpc PUBLIC holdfast_control_proto gRPC::grpc++)
