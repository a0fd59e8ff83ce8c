/* version.h - what this build is: the tag or, between tags, the version and the commit, as git describes them; the
 * version alone where the sources are no repository. E.g. "0.1.0", "0.1.0+g55e1a50d3f21", with "-dirty" when files were
 * changed. It is part of every artifact, so at most 31 bytes. */
#ifndef AOTC_SUPPORT_VERSION_H
#define AOTC_SUPPORT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
extern const char aotc_version[];
#ifdef __cplusplus
}
#endif
#endif
