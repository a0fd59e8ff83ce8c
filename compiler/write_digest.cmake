# Writes OUT, which defines kCompilerDigest (build_identity.h): over the files FILES, separated by "|".
cmake_minimum_required(VERSION 3.25)
string(REPLACE "|" ";" files "${FILES}")
set(digests)
foreach(file ${files})
  file(SHA256 ${file} digest)
  string(APPEND digests ${digest})
endforeach()
string(SHA256 digest "${digests}")
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT "namespace aotc {
extern const char kCompilerDigest[];
const char kCompilerDigest[] = \"@digest@\";
}  // namespace aotc
")
