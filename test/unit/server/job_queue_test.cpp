// job_queue_test.cpp - which jobs are one, how many may wait, and what is remembered of them. Without workers nothing
// leaves the queue but what is cancelled.
#include "jobs/job_queue.h"
#include "house.h"
#include "jobs/job_record.h"
#include "metrics.h"

namespace aotc::server {
namespace {

class JobQueueTest : public House {
 protected:
  void SetUp() override {
    House::SetUp();
    limits.workers = 0;
    limits.queue.jobs = 3;
    limits.queue.all_jobs = 4;
    limits.queue.bytes = 100;
    start();
  }

  void TearDown() override {
    queue.reset();
    House::TearDown();
  }

  void start() {
    queue = std::make_unique<JobQueue>(*store, *catalog, tenants, counters, limits, folder + "/work");
    ASSERT_EQ(text_of(queue->start()), "success");
  }

  CompileRequest request(const std::string& name, const std::string& tier = "best") {
    return value_of(parse_compile_request({{"name", name}, {"tier", tier}, {"target", "x86_64"}}));
  }

  std::string submit(const std::string& tenant, const std::string& module, const std::string& name,
                     const std::string& tier = "best") {
    return value_of(queue->submit(put(tenant, module), request(name, tier))).id;
  }

  std::string state(const std::string& tenant, const std::string& id) {
    std::optional<JobView> job = value_of(queue->describe(tenant, id));
    return job ? JobRecord::parse(job->text)->state() : "unknown";
  }

  JobLimits limits;
  Tenants tenants{""};
  Counters counters;
  std::unique_ptr<JobQueue> queue;
};

TEST_F(JobQueueTest, EqualRequestsAreOneJobUnlessTheyAreOfTwoTenants) {
  std::string id = submit("a", "module", "a/one");
  EXPECT_EQ(submit("a", "module", "a/two"), id);
  EXPECT_EQ(counters.single_flight_hits, 1u);
  EXPECT_EQ(queue->waiting(), 1u);
  EXPECT_NE(submit("a", "module", "a/one", "quick"), id);
  EXPECT_EQ(submit("b", "module", "b/one"), id);
  EXPECT_EQ(queue->waiting(), 3u);
  EXPECT_EQ(state("b", id), "queued");
  EXPECT_EQ(state("c", id), "unknown");
}

TEST_F(JobQueueTest, PlacesAreBoundedForEachAndForAllAndGivenBack) {
  auto refusal = [&](const std::string& tenant) { return text_of(queue->take_place(tenant).takeError()); };
  {
    std::vector<JobQueue::Place> places;
    for (int i = 0; i < 3; ++i) places.push_back(value_of(queue->take_place("a")));
    EXPECT_EQ(refusal("a"), "too many of your jobs are waiting");
    EXPECT_EQ(text_of(places[0].resize(60)), "success");
    EXPECT_EQ(text_of(places[1].resize(41)), "too many of your jobs are waiting");
    EXPECT_EQ(text_of(places[1].resize(40)), "success");
    places.push_back(value_of(queue->take_place("b")));
    EXPECT_EQ(refusal("c"), "too many jobs are waiting");
  }
  EXPECT_EQ(counters.refused_jobs, 3u);
  EXPECT_EQ(text_of(value_of(queue->take_place("c")).resize(100)), "success");
}

TEST_F(JobQueueTest, AJobTakesItsPlaceWithIt) {
  for (int i = 0; i < 3; ++i) {
    JobQueue::Place place = value_of(queue->take_place("a"));
    ASSERT_EQ(text_of(place.resize(7)), "success");
    value_of(queue->submit(put("a", "module" + std::to_string(i)), request("a/app"), &place));
  }
  EXPECT_EQ(text_of(queue->take_place("a").takeError()), "too many of your jobs are waiting");
}

TEST_F(JobQueueTest, WhatIsCancelledLeavesItsPlaceItsModuleAndARecord) {
  std::string id = submit("a", "module", "a/app"), digest = sha256("module");
  EXPECT_TRUE(find("a", digest));
  EXPECT_FALSE(value_of(queue->describe("a", id))->ended);
  EXPECT_FALSE(value_of(queue->cancel("b", id)));
  EXPECT_TRUE(value_of(queue->cancel("a", id)));
  EXPECT_FALSE(value_of(queue->cancel("a", id)));
  EXPECT_TRUE(value_of(queue->describe("a", id))->ended);
  EXPECT_EQ(state("a", id), "cancelled");
  EXPECT_EQ(queue->waiting(), 0u);
  EXPECT_FALSE(find("a", digest));
  EXPECT_EQ(submit("a", "module", "a/app"), id);  // it is tried again
  EXPECT_EQ(state("a", id), "queued");
}

TEST_F(JobQueueTest, ARestartGoesOnWithWhatWasQueued) {
  std::string id = submit("a", "module", "a/app"), other = submit("a", "other", "a/app");
  EXPECT_TRUE(value_of(queue->cancel("a", other)));
  queue.reset();
  close();
  open();
  start();
  EXPECT_EQ(queue->waiting(), 1u);
  EXPECT_EQ(state("a", id), "queued");
  EXPECT_EQ(state("a", other), "cancelled");
  EXPECT_TRUE(find("a", sha256("module")));
}

TEST_F(JobQueueTest, AWatchTellsOnceOfWhatItIsFor) {
  std::string id = submit("a", "module", "a/one");
  JobVersion seen = value_of(queue->describe("a", id))->version;
  int steps = 0, ends = 0, late = 0;
  JobWatch step = queue->watch("a", id, seen, JobNews::Step, [&] { ++steps; });
  JobWatch end = queue->watch("a", id, seen, JobNews::End, [&] { ++ends; });
  EXPECT_EQ(queue->watchers(), 2u);
  EXPECT_EQ(submit("a", "module", "a/two"), id);  // another name
  EXPECT_EQ(submit("a", "module", "a/three"), id);
  EXPECT_EQ(std::make_pair(steps, ends), std::make_pair(1, 0));
  JobWatch missed = queue->watch("a", id, seen, JobNews::Progress, [&] { ++late; });
  EXPECT_EQ(late, 1);
  EXPECT_TRUE(value_of(queue->cancel("a", id)));
  EXPECT_EQ(std::make_pair(steps, ends), std::make_pair(1, 1));
  JobWatch over = queue->watch("a", id, seen, JobNews::End, [&] { ++late; });
  JobWatch unknown = queue->watch("b", id, seen, JobNews::End, [&] { ++late; });
  EXPECT_EQ(late, 3);
  EXPECT_EQ(queue->watchers(), 0u);
}

TEST_F(JobQueueTest, NothingIsLeftOfAWatchThatIsGone) {
  std::string id = submit("a", "module", "a/app");
  JobVersion seen = value_of(queue->describe("a", id))->version;
  int ends = 0;
  {
    JobWatch first = queue->watch("a", id, seen, JobNews::End, [&] { ++ends; }), second = std::move(first);
    EXPECT_EQ(queue->watchers(), 1u);
  }
  EXPECT_EQ(queue->watchers(), 0u);
  JobWatch longer = queue->watch("a", id, seen, JobNews::End, [&] { ++ends; });
  EXPECT_TRUE(value_of(queue->cancel("a", id)));
  queue.reset();
  EXPECT_EQ(ends, 1);
}

TEST(JobWatchers, ProgressIsForThoseWhoAskForIt) {
  auto watchers = std::make_shared<JobWatchers>();
  std::string told;
  JobWatch all = watchers->add(JobNews::Progress, [&] { told += 'p'; });
  JobWatch step = watchers->add(JobNews::Step, [&] { told += 's'; });
  JobWatch end = watchers->add(JobNews::End, [&] { told += 'e'; });
  for (JobNews news : {JobNews::Progress, JobNews::Progress, JobNews::Step, JobNews::End}) watchers->tell(news);
  EXPECT_EQ(told, "pse");
}

TEST_F(JobQueueTest, OldFailuresAreForgotten) {
  std::string id = submit("a", "module", "a/app"), waiting = submit("a", "other", "a/app");
  EXPECT_TRUE(value_of(queue->cancel("a", id)));
  EXPECT_EQ(value_of(queue->expire(3600)), 0u);
  std::optional<JobRecord> record = JobRecord::parse(*value_of(store->get(Table::Jobs, job_key("a", id))));
  record->end_with_problem(1, "failed", "{}");
  ASSERT_EQ(text_of(store->put({{Table::Jobs, job_key("a", id), record->text()}})), "success");
  EXPECT_EQ(value_of(queue->expire(3600)), 1u);
  EXPECT_EQ(state("a", id), "unknown");
  EXPECT_EQ(state("a", waiting), "queued");
}

}  // namespace
}  // namespace aotc::server
