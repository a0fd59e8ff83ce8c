/* http_handler_functions.h - what programs can import from the host of http-wasm's handlers, as wasi_functions.h has
 * it. Names and types are those of https://http-wasm.io/http-handler-abi.
 */
#ifndef AOTC_HTTP_HANDLER_FUNCTIONS_H
#define AOTC_HTTP_HANDLER_FUNCTIONS_H

#define AOTC_HTTP_HANDLER_NAME "http_handler"

#define AOTC_HTTP_HANDLER_FUNCTIONS(F) \
  F(add_header_value, "iiiii:")        \
  F(enable_features, "i:i")            \
  F(get_config, "ii:i")                \
  F(get_header_names, "iii:I")         \
  F(get_header_values, "iiiii:I")      \
  F(get_method, "ii:i")                \
  F(get_protocol_version, "ii:i")      \
  F(get_source_addr, "ii:i")           \
  F(get_status_code, ":i")             \
  F(get_uri, "ii:i")                   \
  F(log, "iii:")                       \
  F(log_enabled, "i:i")                \
  F(read_body, "iii:I")                \
  F(remove_header, "iii:")             \
  F(set_header_value, "iiiii:")        \
  F(set_method, "ii:")                 \
  F(set_status_code, "i:")             \
  F(set_uri, "ii:")                    \
  F(write_body, "iii:")

#endif
