# Writes OUT, which defines aotc_version (version.h), and leaves it alone when nothing changed. Run at each build, in SOURCE
# whose version is VERSION.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git describe --tags --always --dirty --abbrev=12 --match "v[0-9]*" WORKING_DIRECTORY ${SOURCE}
  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
execute_process(COMMAND git rev-parse --show-toplevel WORKING_DIRECTORY ${SOURCE}
  OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(REAL_PATH ${SOURCE} here)
if(failed OR NOT top STREQUAL here)  # no repository, or one that the sources happen to lie in
  set(version ${VERSION})
elseif(described MATCHES "^v(.*)")
  set(version ${CMAKE_MATCH_1})
else()
  set(version ${VERSION}+g${described})
endif()
string(LENGTH "${version}" length)
if(length GREATER 31)
  message(FATAL_ERROR "the version ${version} has more than 31 bytes")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "const char aotc_version[] = \"@version@\";\n" @ONLY)
