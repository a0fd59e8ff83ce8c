// library.cpp - nothing: CMake wants a library to have a file of its own. All that is in this one is LLVM's.
