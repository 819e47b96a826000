# Every library and why it is this one. All are Debian 12 packages; nothing is vendored.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)         # TLS on our own sockets: 14.5 kB per idle TLS connection
find_package(Boost 1.81 REQUIRED)          # Asio: loop, timers, resolver; Beast: HTTP/1 parser
find_package(Protobuf REQUIRED)            # what brokers carry
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

# Generated code is compiled without our warnings and seen by message/ only.
set(HOLDFAST_PROTO_OUT ${CMAKE_BINARY_DIR}/proto)
file(MAKE_DIRECTORY ${HOLDFAST_PROTO_OUT})
set(HOLDFAST_ENVELOPE ${CMAKE_SOURCE_DIR}/proto/holdfast/broker/v1/envelope.proto)
add_custom_command(
  OUTPUT ${HOLDFAST_PROTO_OUT}/holdfast/broker/v1/envelope.pb.cc ${HOLDFAST_PROTO_OUT}/holdfast/broker/v1/envelope.pb.h
  COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/proto --cpp_out=${HOLDFAST_PROTO_OUT} ${HOLDFAST_ENVELOPE}
  DEPENDS ${HOLDFAST_ENVELOPE})
add_library(holdfast_proto STATIC ${HOLDFAST_PROTO_OUT}/holdfast/broker/v1/envelope.pb.cc)
target_include_directories(holdfast_proto SYSTEM PUBLIC ${HOLDFAST_PROTO_OUT})
target_link_libraries(holdfast_proto PUBLIC protobuf::libprotobuf-lite)
target_compile_options(holdfast_proto PRIVATE -w)
