// cgroup_test.cpp - what is written where to make a control group, in a folder that looks like one. What a kernel makes
// of it is not tested here: that takes a machine whose groups of version 2 have the controllers.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sandbox/cgroup.h"

namespace {

class Cgroup : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/cgroup_test.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    write("cgroup.controllers", "cpuset cpu io memory pids\n");
    for (const char* file : {"cgroup.subtree_control", "cgroup.procs", "main/cgroup.procs"}) write(file, "");
    for (const char* file :
         {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.weight", "cgroup.procs"})
      write(std::string("tenant/") + file, "");
  }
  void TearDown() override {
    if (parent_ >= 0) close(parent_);
    std::filesystem::remove_all(folder_);
  }
  void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << text;
  }
  std::string read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(folder_ / file).rdbuf();
    return text.str();
  }
  void remove(const std::string& file) { std::filesystem::remove(folder_ / file); }
  int open() { return parent_ = aotc_cgroup_open(folder_.c_str()); }
  std::filesystem::path folder_;
  int parent_ = -1;
  const aotc_cgroup_limits limits_ = {.memory = 256 << 20, .processes = 6, .weight = 20};
};

TEST_F(Cgroup, MovesAwayAndHandsDownTheControllers) {
  ASSERT_GE(open(), 0);
  EXPECT_EQ(read("main/cgroup.procs"), "0");
  EXPECT_EQ(read("cgroup.procs"), "");
  EXPECT_EQ(read("cgroup.subtree_control"), "+cpuory +pids") << "a second write, over the first";
}

TEST_F(Cgroup, WithoutProcessorTimeIsBetterThanNothing) {
  write("cgroup.controllers", "memory pids\n");
  remove("tenant/cpu.weight");
  ASSERT_GE(open(), 0);
  EXPECT_EQ(read("cgroup.subtree_control"), "+memory +pids");
  EXPECT_GE(aotc_cgroup_make(parent_, "tenant", &limits_), 0);
}

TEST_F(Cgroup, WithoutMemoryOrProcessesItIsNone) {
  for (const char* controllers : {"cpu pids\n", "cpu memory\n", "hugetlb\n", ""}) {
    write("cgroup.controllers", controllers);
    EXPECT_EQ(open(), -1);
    EXPECT_EQ(errno, ENOTSUP);
    EXPECT_EQ(read("main/cgroup.procs"), "") << "nobody was moved";
  }
}

TEST_F(Cgroup, WhoMayNotGoesBack) {
  remove("cgroup.subtree_control");
  EXPECT_EQ(open(), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(read("cgroup.procs"), "0");
}

TEST_F(Cgroup, TheLeastLimitCounts) {
  const std::string inner = folder_ / "main";
  EXPECT_EQ(aotc_cgroup_memory_limit(inner.c_str()), UINT64_MAX);
  write("main/memory.max", "max\n");
  EXPECT_EQ(aotc_cgroup_memory_limit(inner.c_str()), UINT64_MAX);
  write("memory.max", "1073741824\n");
  EXPECT_EQ(aotc_cgroup_memory_limit(inner.c_str()), 1073741824u);
  write("main/memory.max", "4096\n");
  EXPECT_EQ(aotc_cgroup_memory_limit(inner.c_str()), 4096u);
}

TEST_F(Cgroup, AGroupHasItsLimitsBeforeAnybodyCanJoin) {
  ASSERT_GE(open(), 0);
  int procs = aotc_cgroup_make(parent_, "tenant", &limits_);
  ASSERT_GE(procs, 0);
  struct stat opened, file;
  ASSERT_EQ(fstat(procs, &opened), 0);
  ASSERT_EQ(stat((folder_ / "tenant/cgroup.procs").c_str(), &file), 0);
  EXPECT_EQ(opened.st_ino, file.st_ino);
  close(procs);
  EXPECT_EQ(read("tenant/memory.max"), "268435456");
  EXPECT_EQ(read("tenant/memory.swap.max"), "0");
  EXPECT_EQ(read("tenant/memory.oom.group"), "1");
  EXPECT_EQ(read("tenant/pids.max"), "6");
  EXPECT_EQ(read("tenant/cpu.weight"), "20");
}

TEST_F(Cgroup, NoGroupWithoutItsLimits) {
  ASSERT_GE(open(), 0);
  for (const char* file : {"memory.max", "pids.max"}) {
    remove(std::string("tenant/") + file);
    EXPECT_EQ(aotc_cgroup_make(parent_, "tenant", &limits_), -1) << file;
    EXPECT_EQ(errno, ENOENT);
    write(std::string("tenant/") + file, "");
  }
}

TEST_F(Cgroup, SaysWhatWasUsedAndWhoWasEnded) {
  ASSERT_GE(open(), 0);
  EXPECT_EQ(aotc_cgroup_killed(parent_, "tenant"), 0u);
  write("tenant/memory.events", "low 0\nhigh 0\nmax 17\noom 3\noom_kill 2\noom_group_kill 1\n");
  write("tenant/memory.current", "4096\n");
  EXPECT_EQ(aotc_cgroup_killed(parent_, "tenant"), 2u);
  EXPECT_EQ(aotc_cgroup_memory(parent_, "tenant"), 4096u);
}

}  // namespace
