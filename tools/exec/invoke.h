/* invoke.h - calling what a module exports, and saying how the call ended. */
#ifndef AOTC_EXEC_INVOKE_H
#define AOTC_EXEC_INVOKE_H

#include "options.h"

/* The value types of an exported function, parameters first; null when the artifact has none for it. */
const uint8_t* type_of(const struct aotc_artifact* artifact, const struct aotc_export* function, uint32_t* params,
                       uint32_t* results);
/* Ends the program unless the call simply returned. */
void finish_unless_ok(enum aotc_status status, const struct aotc_instance* instance, const struct aotc_error* error);
/* The export that was asked for, with the arguments that were given; prints its results. `sigpipe`: whether a pipe that
 * nobody reads ends us. */
void invoke(struct aotc_instance* instance, const struct options* options, bool sigpipe);

#endif
