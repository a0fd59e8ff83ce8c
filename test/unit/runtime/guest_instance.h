/* guest_instance.h - the artifact of make_artifact.h, loaded, and instances of it whose imports do nothing. What cannot
 * be made ends the program.
 */
#ifndef AOTC_TEST_GUEST_INSTANCE_H
#define AOTC_TEST_GUEST_INSTANCE_H

#include "aotc/pool.h"

struct aotc_artifact* load_guest(void);
struct aotc_hosts guest_hosts(void);
struct aotc_instance* create_guest(struct aotc_artifact* artifact, const struct aotc_image* image);
/* An export of five parameters; its first result, if it is asked for. */
enum aotc_status call_guest(struct aotc_instance* instance, const char* name, const uint32_t arguments[5],
                            uint32_t* result);
/* enum aotc_helper, by the guest; its result. */
uint32_t call_helper(struct aotc_instance* instance, uint32_t helper, uint32_t a, uint32_t b, uint32_t c, uint32_t d);

#endif
