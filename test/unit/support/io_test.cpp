// io_test.cpp - whole reads and writes of what comes in pieces.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cerrno>
#include <string>
#include <thread>

#include "support/io.h"
#include "support/unique_fd.h"

namespace {

TEST(Io, APipeTakesAndGivesItAll) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  aotc::UniqueFd from(ends[0]);
  const std::string sent(1 << 20, 'x');  // more than a pipe holds
  std::thread writer(
      [&, to = aotc::UniqueFd(ends[1])] { EXPECT_TRUE(aotc_write_all(to.get(), sent.data(), sent.size())); });
  std::string got(sent.size() + 10, '\0');
  EXPECT_EQ(aotc_read_all(from.get(), got.data(), 1000), 1000);
  EXPECT_EQ(aotc_read_all(from.get(), got.data() + 1000, got.size() - 1000), static_cast<ssize_t>(sent.size() - 1000));
  writer.join();
  EXPECT_EQ(got.substr(0, sent.size()), sent);
}

TEST(Io, APlaceInAFile) {
  aotc::UniqueFd file(memfd_create("io_test", MFD_CLOEXEC));
  ASSERT_TRUE(aotc_write_all(file.get(), "0123456789", 10));
  char bytes[10];
  EXPECT_EQ(aotc_pread_all(file.get(), bytes, sizeof bytes, 7), 3);
  EXPECT_EQ(std::string(bytes, 3), "789");
}

TEST(Io, SaysWhatFailed) {
  EXPECT_FALSE(aotc_write_all(-1, "x", 1));
  EXPECT_EQ(errno, EBADF);
  char byte;
  EXPECT_EQ(aotc_read_all(-1, &byte, 1), -1);
}

}  // namespace
