/* http_response.h - whether bytes are one whole HTTP/1.x response. libc only, for aotc-exec; nodes have a real parser.
 */
#ifndef AOTC_TOOLS_HTTP_RESPONSE_H
#define AOTC_TOOLS_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

enum http_state { HTTP_INCOMPLETE, HTTP_COMPLETE, HTTP_BAD };

/* `bytes` begin with a response, to a HEAD request if `head`; nothing follows them if `closed`. Interim responses are
 * skipped. When it is complete: *status, and its *size with them. */
enum http_state http_read_response(const char* bytes, size_t size, bool closed, bool head, int* status, size_t* end);

#endif
